import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { Finding } from './doctor-check.ts'
import { checkNode } from './doctor-machine.ts'
import { skewOf } from './doctor-services.ts'
import { run } from './main.ts'

let folder: string
const servers: Server[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faultline-doctor-'))
  chmodSync(folder, 0o700)
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  rmSync(folder, { recursive: true, force: true })
})

const FREE = ['--port', '0', '--clickhouse-port', '0', '--registry-port', '0', '--kafka-port', '0']

async function doctor(...args: string[]): Promise<{ exit: number; findings: Finding[] }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const all = ['doctor', '--data-dir', folder, '--json', ...FREE, ...args]
  const exit = await run(all, { stdin: new PassThrough(), stdout, stderr })
  return { exit, findings: JSON.parse(`${stdout.read() ?? 'null'}`) as Finding[] }
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const faultsOf = (findings: readonly Finding[]) => findings.filter(({ level }) => level === 'fault')

describe('faultline doctor', () => {
  it('[K9] [J3] finds nothing wrong where nothing is', async () => {
    const { exit, findings } = await doctor()
    expect({ exit, faults: faultsOf(findings) }).toEqual({ exit: 0, faults: [] })
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['configuration', 'node', 'data folder', 'disk', 'lock', 'port']),
    )
  })

  it('[K9] names each fault of a broken set-up, with a remedy for each', async () => {
    const taken = await listen(createServer())
    const registry = createHttpServer((_, response) => response.writeHead(404).end())
    const registryPort = await listen(registry)
    const notify = join(folder, 'notify.yaml')
    const secret = `whsec_${Buffer.alloc(32).toString('base64')}`
    const target = `{name: hook, kind: webhook, url: 'https://localhost/x', secret: ${secret}}`
    writeFileSync(notify, `targets:\n  - ${target}\n`)
    const options = {
      port: String(taken),
      topology: join(folder, 'none.json'),
      notify,
      'clickhouse-url': 'http://127.0.0.1:1/',
      'kafka-brokers': '127.0.0.1:1',
      'ai-url': 'http://127.0.0.1:1/v1',
      'ai-model': 'any',
      'registry-url': `http://127.0.0.1:${registryPort}`,
    }
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
    const { exit, findings } = await doctor(...args)
    expect(exit).toBe(1)
    const faults = faultsOf(findings)
    const words: Record<string, string> = {
      port: 'in use by another program',
      topology: 'cannot be read',
      'broker 127.0.0.1:1': 'ECONNREFUSED',
      kafka: 'no broker accepts connections',
      clickhouse: '127.0.0.1:1',
      model: 'does not answer',
      registry: 'answered 404',
      'target hook': 'is not public',
    }
    expect(faults.map(({ name }) => name).toSorted()).toEqual(Object.keys(words).toSorted())
    for (const { name, detail, remedy } of faults) {
      if (name !== 'clickhouse') expect(detail, name).toContain(words[name])
      if (name !== 'topology') expect(remedy, name).not.toBe('')
    }
  })

  it('[K9] a configuration that is wrong is a fault among the others', async () => {
    const file = join(folder, 'faultline.yaml')
    writeFileSync(file, 'notify: {targets: [{name: a, kind: mail}]}\n')
    const { exit, findings } = await doctor('--config', file)
    expect(exit).toBe(1)
    expect(faultsOf(findings)).toMatchObject([
      { name: 'configuration', detail: expect.stringContaining('targets[0].kind') as string },
    ])
    expect(findings.length).toBeGreaterThan(5)
  })

  it('[K9] knows that the platform runs, and warns of a folder others can read', async () => {
    const log = await openEmbeddedLog({
      dir: folder,
      clock: systemClock,
      onProblem: () => undefined,
    })
    chmodSync(folder, 0o755)
    try {
      const { findings } = await doctor()
      expect(findings).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            name: 'lock',
            detail: `the platform runs (pid ${process.pid})`,
          }),
          expect.objectContaining({ name: 'data folder', level: 'warning' }),
        ]),
      )
    } finally {
      await log.close()
    }
  })

  it('[K9] a folder that cannot be is told', async () => {
    writeFileSync(join(folder, 'file'), '')
    const { findings } = await doctor('--data-dir', join(folder, 'file'))
    expect(faultsOf(findings)).toMatchObject([{ name: 'data folder' }])
  })

  it('[K9] clocks that differ are a warning, and far apart a fault', () => {
    expect(skewOf('answers', -1_500)).toBe('answers, clocks agree')
    expect(skewOf('answers', 5_000)).toMatchObject({
      warning: 'answers, its clock is 5.0 s ahead',
    })
    expect(() => skewOf('answers', -61_000)).toThrow('61.0 s behind')
    expect(checkNode('24.15.0')).toBe('24.15.0')
    expect(() => checkNode('24.14.9')).toThrow('too old')
  })
})
