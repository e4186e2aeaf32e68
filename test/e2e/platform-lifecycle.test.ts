import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { eventCount, startPlatform, temporaryFolder, waitForEvents } from './platform.ts'
import { ROOT, faultline, isAlive, spawnNode, waitFor } from './processes.ts'
import { failures, quietPast } from './traffic.ts'

/** Starting, stopping, starting again, and saying clearly why it cannot start. */
const folders: string[] = []
const folder = (): string => {
  const path = temporaryFolder('lifecycle')
  folders.push(path)
  return path
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

const events = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    event_type: 'error',
    service: `service-${index % 5}`,
    message: `request ${index} failed`,
    error_type: 'Error',
  }))

describe('a stop and a start', () => {
  it('keep everything that was acknowledged, the key and the incidents', async () => {
    const dataDir = folder()
    const first = await startPlatform({ dataDir })
    await first.post(quietPast({ service: 'orders', minutes: 80, nowMs: systemClock.nowMs() }))
    await first.post(failures({ service: 'orders', count: 200 }))
    await waitForEvents(first, 1000)
    const incidents = await waitFor(
      async () => {
        const { items } = await first.get<{ items: object[] }>('/api/incidents')
        return items.length > 0 && items
      },
      { what: 'incidents' },
    )
    const children = first.children()
    expect(children).toHaveLength(1)
    // Accepted, and stopped before it can be in ClickHouse.
    const { status } = await first.post(events(100))
    const ended = await first.stop('SIGINT')
    expect({ status, code: ended.code, signal: ended.signal }).toEqual({
      status: 202,
      code: 0,
      signal: null,
    })
    expect(ended.tookMs).toBeLessThan(10_000)
    expect(children.filter((pid) => isAlive(pid))).toEqual([])
    expect(existsSync(join(dataDir, 'platform-url'))).toBe(false)

    await using second = await startPlatform({ dataDir })
    expect(second.startMs).toBeLessThan(10_000)
    expect(second.key).toBe(first.key)
    await waitForEvents(second, 1100)
    expect(await eventCount(second)).toBe(1100)
    const { items } = await second.get<{ items: { id: string }[] }>('/api/incidents')
    const ids = new Set(items.map(({ id }) => id))
    expect(incidents.every((one) => ids.has((one as { id: string }).id))).toBe(true)
  })

  it('of SIGTERM is as orderly, and nothing after it answers', async () => {
    const platform = await startPlatform({ dataDir: folder() })
    await platform.post(events(10))
    const { code } = await platform.stop('SIGTERM')
    expect(code).toBe(0)
    await expect(platform.get('/health')).rejects.toThrow('fetch failed')
  })

  it('by kill -9 leave no engine behind, and the next start finds all of it', async () => {
    const dataDir = folder()
    const first = await startPlatform({ dataDir })
    const [engine = 0] = first.children()
    for (let batch = 0; batch < 5; batch += 1)
      expect((await first.post(events(200))).status).toBe(202)
    const { signal } = await first.kill9()
    expect(signal).toBe('SIGKILL')
    // At once, while the old engine may still be on its way out.
    await using second = await startPlatform({ dataDir })
    await waitFor(() => !isAlive(engine), { what: 'the engine of the killed one to be gone' })
    await waitForEvents(second, 1000)
    expect(await eventCount(second)).toBe(1000)
  })

  it('through the launcher end in the same order', async () => {
    const dataDir = folder()
    const launcher = spawnNode(
      ['start', '--json', '--data-dir', dataDir, '--port', '0', '--clickhouse-port', '0'],
      { script: join(ROOT, 'cli/boot.js'), environment: { FAULTLINE_BOOTED: '1' } },
    )
    await waitFor(() => launcher.stdout().includes('"ready":true'), {
      what: 'the launcher’s platform',
      withinMs: 120_000,
    })
    process.kill(launcher.pid, 'SIGINT')
    expect((await launcher.finished).code).toBe(0)
  })
})

interface Refusal {
  name: string
  code: 1 | 2
  says: RegExp
  remedy: RegExp
  arguments: () => Promise<string[]> | string[]
}

/** Takes a free port for the time of the test file. */
async function takenPort(): Promise<number> {
  const server = createServer().unref()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function newerFolder(): string {
  const path = folder()
  const format = join(path, 'log-format')
  // Whatever today's marker looks like, tomorrow's is higher.
  writeFileSync(format, '999\n')
  return path
}

function unwritableFolder(): string {
  const path = join(folder(), 'closed')
  mkdirSync(path)
  chmodSync(path, 0o500)
  // Root may write everywhere but there.
  return process.getuid?.() === 0 ? '/sys/faultline' : path
}

const REFUSALS: readonly Refusal[] = [
  {
    name: 'its port is taken',
    code: 1,
    says: /port \d+ on 127\.0\.0\.1 is already in use.*port_taken/,
    remedy: /--port/,
    arguments: async () => ['--port', String(await takenPort())],
  },
  {
    name: 'the port of ClickHouse is taken',
    code: 1,
    says: /port_taken/,
    remedy: /--clickhouse-port/,
    arguments: async () => ['--clickhouse-port', String(await takenPort())],
  },
  {
    name: 'the port of Kafka is taken',
    code: 1,
    says: /port_taken/,
    remedy: /--kafka-port/,
    arguments: async () => ['--kafka-port', String(await takenPort())],
  },
  {
    name: 'the folder is of a newer version',
    code: 1,
    says: /data_dir_version/,
    remedy: /newer|upgrade|update|version/i,
    arguments: () => ['--data-dir', newerFolder()],
  },
  {
    name: 'the folder cannot be written',
    code: 1,
    says: /cannot be (made|written|used)/,
    remedy: /--data-dir/,
    arguments: () => ['--data-dir', unwritableFolder()],
  },
  {
    name: 'the folder is a file',
    code: 1,
    says: /config_invalid/,
    remedy: /--data-dir/,
    arguments: () => ['--data-dir', join(ROOT, 'package.json')],
  },
  {
    name: 'it would listen beyond this machine without accounts',
    code: 1,
    says: /0\.0\.0\.0.*config_unsafe/,
    remedy: /127\.0\.0\.1/,
    arguments: () => ['--host', '0.0.0.0'],
  },
  {
    name: 'an option is unknown',
    code: 2,
    says: /--prot/,
    remedy: /--port/,
    arguments: () => ['--prot', '3000'],
  },
  {
    name: 'a value is no number',
    code: 2,
    says: /port/,
    remedy: /number|0|65535/,
    arguments: () => ['--port', 'eighty'],
  },
]

describe('a start is refused in words when', () => {
  const defaults: Readonly<Record<string, () => string>> = {
    '--port': () => '0',
    '--clickhouse-port': () => '0',
    '--data-dir': folder,
  }
  it.each(REFUSALS)('$name', async ({ code, says, remedy, arguments: own }) => {
    const args = await own()
    for (const [name, value] of Object.entries(defaults))
      if (!args.includes(name)) args.push(name, value())
    const end = await faultline(['start', '--json', ...args])
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: '' })
    const said = end.stderr.split('\n').filter((line) => !line.startsWith('{'))
    expect(said.join(' ')).toMatch(says)
    expect(said.join(' ')).toMatch(remedy)
    expect(end.stderr).not.toContain('this is a bug')
    expect(end.stderr).not.toMatch(/\n {4}at /)
  })

  it('the folder is used by a running platform, which goes on undisturbed', async () => {
    const dataDir = folder()
    await using running = await startPlatform({ dataDir })
    const ports = ['--port', '0', '--clickhouse-port', '0']
    const end = await faultline(['start', '--json', '--data-dir', dataDir, ...ports])
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code: 1, stdout: '' })
    expect(end.stderr).toMatch(/data_dir_locked/)
    expect(end.stderr).toContain(String(running.pid))
    expect((await running.post(events(1))).status).toBe(202)
    expect(readFileSync(join(dataDir, 'platform-url'), 'utf8').trim()).toBe(running.url)
  })

  it('a command or a setting in the environment is unknown', async () => {
    const command = await faultline(['strat'])
    expect(command.code).toBe(2)
    expect(command.stderr).toContain('start')
    const environment = { FAULTLINE_PROT: '1' }
    const setting = await faultline(['start'], { environment })
    expect(setting.code).toBe(2)
    expect(setting.stderr).toContain('FAULTLINE_PORT')
  })
})
