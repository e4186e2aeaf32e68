import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { onCallAt } from '#/processors/domain/notify/rotation.ts'
import { blocks, read } from '#/docs/guide/pages.ts'
import { configOf, effectiveSettings, shownValue } from './config.ts'
import { parseNotify, readNotify } from './notify-config.ts'
import { parse } from 'yaml'

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const hook = { name: 'hook', kind: 'webhook', url: 'https://hooks.example/in', secret: SECRET }
const withTarget = (change: object, rest: object = {}) => ({
  targets: [{ ...hook, ...change }],
  ...rest,
})

function problem(value: unknown): string {
  try {
    parseNotify(value)
  } catch (error) {
    if (isFaultlineError(error, 'config_invalid')) return `${error.message} ${error.remedy ?? ''}`
    throw error
  }
  return ''
}

describe('the section notify', () => {
  it('[J1] is read with its defaults', () => {
    const { targets, timeoutMs, ageMsMax, rotation } = parseNotify({ targets: [hook] })
    expect(targets).toMatchObject([
      { name: 'hook', severityMax: 3, unacknowledgedMs: null, projects: [], services: [] },
    ])
    expect({ timeoutMs, ageMsMax, rotation }).toEqual({
      timeoutMs: 10_000,
      ageMsMax: 3_600_000,
      rotation: undefined,
    })
  })

  it.each([
    [withTarget({ sevrity: 2 }), 'notify.targets[0].sevrity'],
    [withTarget({ kind: 'mail' }), 'webhook, slack, pagerduty'],
    [withTarget({ name: 'a b' }), 'notify.targets[0].name'],
    [{ targets: [hook, hook] }, 'twice'],
    [withTarget({ secret: 'short' }), 'whsec_'],
    [withTarget({ url: 'ftp://x' }), 'notify.targets[0].url'],
    [withTarget({ url: 'http://hooks.example/' }), 'https:'],
    [withTarget({ url: 'https://u:p@hooks.example/' }), 'no user'],
    [withTarget({ url: 'https://169.254.169.254/' }), 'not public'],
    [withTarget({ url: 'https://[::1]/' }), 'not public'],
    [withTarget({ tell: ['opened', 'closed'] }), 'notify.targets[0].tell[1]'],
    [withTarget({ 'unacknowledged-min': 0 }), 'from 1 to 1440'],
    [withTarget({ 'severity-max': 9 }), 'from 1 to 5'],
    [withTarget({}, { allow: ['10.0.0.0/99'] }), 'notify.allow[0]'],
    [withTarget({}, { allow: ['a/b'] }), 'notify.allow[0]'],
    [withTarget({ 'secret-file': '/nowhere' }), 'secret-file'],
    [{ 'on-call': { people: [], 'starts-on': '2026-11-23' } }, 'names nobody'],
    [{ 'on-call': { people: ['a'] } }, 'notify.on-call.starts-on'],
    [{ 'on-call': { people: ['a'], 'starts-on': '23.11.' } }, 'must be a day'],
    [{ 'on-call': { people: ['a'], 'starts-on': '2026-11-23', at: '9' } }, 'quarter'],
    [{ 'on-call': { people: ['a'], 'starts-on': '2026-11-23', 'time-zone': 'X' } }, 'time-zone'],
    [[], 'must be an object'],
  ])('[J1] %j is refused, with its place', (value, words) => {
    expect(problem(value)).toContain(words)
  })

  it('[J3] what is allowed may be private, and without TLS', () => {
    const allow = ['127.0.0.1', 'hooks.internal', '10.1.0.0/16']
    for (const url of ['http://127.0.0.1:9/x', 'http://hooks.internal/', 'https://10.1.2.3/'])
      expect(problem(withTarget({ url }, { allow })), url).toBe('')
  })

  it('[J1] [K9] is a section of the configuration file, shown without its secrets', () => {
    const text = `notify:\n  targets:\n    - {name: hook, kind: webhook, url: 'https://hooks.example/t0ken', secret: ${SECRET}}\n`
    const file = { path: 'faultline.yaml', text }
    const settings = effectiveSettings({ flags: {}, environment: {}, file })
    expect(readNotify(configOf(settings).notify)?.targets).toHaveLength(1)
    const shown = settings.map((setting) => shownValue(setting)).join()
    expect(shown).toContain('targets hook')
    expect(shown).not.toContain(SECRET)
    expect(shown).not.toContain('t0ken')
    const wrong = { path: 'faultline.yaml', text: 'notify: {targtes: []}' }
    expect(() => configOf(effectiveSettings({ flags: {}, environment: {}, file: wrong }))).toThrow(
      'notify.targtes',
    )
  })

  it('[J8] the example of the page is read, with files for its secrets', () => {
    const folder = mkdtempSync(join(tmpdir(), 'faultline-notify-'))
    try {
      const example = blocks(read('docs/operations.md'), 'yaml').find((one) =>
        one.includes('on-call:'),
      )
      const file = join(folder, 'secret')
      const there = (example ?? '')
        .replaceAll('/run/secrets/slack-webhook', join(folder, 'url'))
        .replaceAll(/\/run\/secrets\/[\w-]+/g, file)
      writeFileSync(file, `${SECRET}\n`)
      writeFileSync(join(folder, 'url'), 'https://hooks.slack.example/x\n')
      const { targets, rotation } = parseNotify((parse(there) as { notify: unknown }).notify)
      expect(targets.map(({ kind }) => kind)).toEqual(['pagerduty', 'slack', 'webhook'])
      expect(targets[0]?.url).toContain('pagerduty.com')
      expect(targets[2]?.unacknowledgedMs).toBe(15 * 60_000)
      expect(onCallAt(rotation!, Date.parse('2026-12-25T12:00:00+01:00')).person).toBe('bob')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
