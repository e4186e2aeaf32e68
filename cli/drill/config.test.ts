import { describe, expect, it } from 'vitest'
import { configOf, effectiveSettings } from '#/cli/config.ts'
import { sandboxConfig } from './config.ts'

const flags = {
  'data-dir': '/tmp/live',
  port: 3000,
  'read-access': 'keys',
  'kafka-brokers': 'k1:9092',
  'clickhouse-url': 'http://ch:8123/faultline',
  'clickhouse-cluster': 'one',
  'registry-url': 'http://registry:8081',
  notify:
    '{"targets":[{"name":"team","kind":"webhook","url":"https://example.com/hook","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]}',
  'public-url': 'https://faultline.example.com',
  'ai-url': 'https://ai.example.com/v1',
  'ai-model': 'm',
  'ai-key': 'secret',
  'github-webhook-secret': 'g',
  'sentry-webhook-secret': 's',
  'log-retention-days': 0.01,
  'resolve-after-min': 30,
  'drill-port': 3100,
}
const live = configOf(effectiveSettings({ flags, environment: {} }))
const wish = { dataDir: '/tmp/live/drills/1/sandbox', project: 'shop', speed: 5 }

describe('the configuration of a sandbox', () => {
  it('has a log and tables of its own, whatever the platform uses', () => {
    expect(sandboxConfig(live, wish)).toMatchObject({
      dataDir: wish.dataDir,
      project: 'shop',
      role: 'all',
      kafka: 'off',
      kafkaBrokers: undefined,
      clickhouseUrl: undefined,
      clickhouseCluster: undefined,
      registryUrl: undefined,
      partitions: 1,
      // Shorter, and the past of a drill would be gone before it is read.
      logRetentionDays: 7,
    })
  })

  it('has nothing that leaves it: no target, no model, no hook, no port but that of its pages', () => {
    const config = sandboxConfig(live, wish)
    const leaving = Object.entries(config).filter(
      ([name, value]) =>
        /^(?:notify|ai(?:Url|Model|Key)|hook|github|sentry|publicUrl)/.test(name) &&
        value !== undefined,
    )
    expect(leaving).toEqual([])
    expect([config.port, config.clickhousePort, config.registryPort, config.kafkaPort]).toEqual([
      3100, 0, 0, 0,
    ])
    const texts = JSON.stringify(config)
    for (const address of ['example.com', 'registry:', 'k1:', 'ch:'])
      expect(texts).not.toContain(address)
  })

  it('keeps who may read, and quiet as long as it was in the record', () => {
    expect(sandboxConfig(live, wish)).toMatchObject({ readAccess: 'keys', resolveAfterMin: 6 })
    expect(sandboxConfig(live, { ...wish, speed: 20 }).resolveAfterMin).toBe(1.5)
    expect(live).toMatchObject({ aiModel: 'm', kafkaBrokers: 'k1:9092' })
  })
})
