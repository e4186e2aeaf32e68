import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { eventCount, startPlatform, temporaryFolder } from './platform.ts'
import type { RunningPlatform } from './platform.ts'
import { spawnNode, waitFor } from './processes.ts'

/** What an operator does beside a running platform: files, traffic, dead letters, replays, a dying engine. */
let platform: RunningPlatform
const dataDir = temporaryFolder('operations')
beforeAll(async () => {
  platform = await startPlatform({ dataDir })
})
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  rmSync(dataDir, { recursive: true, force: true })
})

const countOf = async (service: string): Promise<number> => {
  const [row] = await platform.clickhouse<{ n: string }>(
    `SELECT count() AS n FROM events WHERE service = '${service}'`,
  )
  return Number(row?.n)
}
const until = (service: string, count: number) =>
  waitFor(async () => (await countOf(service)) === count, { what: `${count} of ${service}` })

describe('ingest', () => {
  const lines = (service: string, count: number): string =>
    Array.from(
      { length: count },
      (_, index) => `{"event_type":"custom","service":"${service}","message":"line ${index}"}\n`,
    ).join('')

  it('[A18] takes a file of events, gzipped or not, and a pipe', async () => {
    const [plain, packed] = [join(dataDir, 'in.ndjson'), join(dataDir, 'in.ndjson.gz')]
    writeFileSync(plain, lines('in-plain', 2500))
    writeFileSync(packed, gzipSync(lines('in-packed', 1500)))
    const ends = await Promise.all([
      platform.command(['ingest', plain]),
      platform.command(['ingest', packed, '--batch', '100']),
      platform.command(['ingest', '-'], lines('in-pipe', 700)),
    ])
    for (const { code, stderr } of ends) {
      expect(stderr).toContain('0 refused')
      expect(code).toBe(0)
    }
    await until('in-plain', 2500)
    await until('in-packed', 1500)
    await until('in-pipe', 700)
  })

  it('[A18] names the lines that are wrong, takes the others and fails', async () => {
    const text = `${lines('in-bad', 3)}{"event_type":"custom"\n{"event_type":"custom"}\n${lines('in-bad', 2)}`
    const { code, stderr } = await platform.command(['ingest', '-'], text)
    expect(code).toBe(1)
    expect(stderr).toMatch(/line 4: not JSON/)
    expect(stderr).toMatch(/line 5: .*service/i)
    expect(stderr).toContain('5 events accepted, 2 refused')
    await until('in-bad', 5)
  })

  it('[A18] reads plain logs: levels, times, stack traces', async () => {
    const text = `2026-01-02T03:04:05Z INFO started
2026-01-02 03:04:06,789 ERROR cannot open socket
java.io.IOException: broken pipe
\tat com.shop.Net.open(Net.java:12)
\tat com.shop.Main.main(Main.java:3)
WARN no time here
`
    const args = ['ingest', '-', '--format', 'logs', '--service', 'in-logs']
    expect((await platform.command(args, text)).code).toBe(0)
    await waitFor(async () => (await countOf('in-logs')) > 0, { what: 'the lines' })
    const rows = await platform.clickhouse<{ severity: number; message: string; stack: string }>(
      `SELECT severity, message, stack FROM events WHERE service = 'in-logs' ORDER BY _offset`,
    )
    expect(rows.map(({ severity }) => severity)).toContain(4)
    const error = rows.find(({ stack }) => stack !== '')
    expect(error?.stack).toContain('Main.java:3')
  })

  it('[A18] Ctrl-C in the middle: what was counted is safe', async () => {
    const feed = spawnNode(['ingest', '-', '--batch', '10', '--data-dir', dataDir])
    feed.child.stdin?.write(lines('in-cut', 95))
    // The last five fill no batch: a pipe that falls quiet waits for no more.
    await until('in-cut', 95)
    process.kill(feed.pid, 'SIGINT')
    const { code, stderr } = await feed.finished
    expect(code).toBe(1)
    expect(stderr).toContain('95 events accepted, 0 refused — stopped; everything up to line 95')
  })

  it('[A18] a packed file that was cut: what came before is sent, and how far is told', async () => {
    const cut = join(dataDir, 'cut.ndjson.gz')
    const whole = gzipSync(lines('in-torn', 3000), { level: 0 })
    writeFileSync(cut, whole.subarray(0, whole.length - 40_000))
    const { code, stderr } = await platform.command(['ingest', cut, '--batch', '100'])
    expect(code).toBe(1)
    expect(stderr).toContain('cannot be unpacked')
    const [, accepted, line] = /(\d,?\d+) events accepted.*up to line (\d+) was sent/.exec(stderr)!
    expect(Number(accepted!.replace(',', ''))).toBe(Number(line))
    expect(Number(line)).toBeGreaterThan(1000)
    await until('in-torn', Number(line))
  })

  it('files, keys and addresses that are wrong are told in words', async () => {
    const missing = await platform.command(['ingest', '/nowhere/at/all'])
    expect({ code: missing.code, text: missing.stderr }).toMatchObject({ code: 2 })
    expect(missing.stderr).toContain('/nowhere/at/all')
    const key = await platform.command(['ingest', '-', '--key', 'wrong'], lines('in-never', 1))
    expect(key.code).toBe(1)
    expect(key.stderr).toMatch(/unauthorized/)
    expect(await countOf('in-never')).toBe(0)
  })
})

it('[A14] load plays a scenario and writes down what really happened', async () => {
  const truth = join(dataDir, 'truth.json')
  const before = await eventCount(platform)
  const play = ['--scenario', 'bad-deploy', '--rate', '100', '--duration', '6', '--seed', '5']
  const { code, stderr } = await platform.command(['load', ...play, '--truth', truth])
  expect(code).toBe(0)
  const sent = Number(/(\d+) events sent, 0 rejected/.exec(stderr)?.[1])
  expect(sent).toBeGreaterThan(300)
  await waitFor(async () => (await eventCount(platform)) === before + sent, { what: 'its events' })
  const file = JSON.parse(readFileSync(truth, 'utf8')) as {
    incidents: { services: string[] }[]
    deploys: object[]
  }
  expect(file.incidents.length).toBeGreaterThan(0)
  // A view gets its rows a moment after its base table.
  await waitFor(
    async () => {
      const { items } = await platform.get<{ items: object[] }>('/api/deploys')
      return items.length === file.deploys.length
    },
    { what: 'the deploys' },
  )
})

describe('replay', () => {
  interface Outcome {
    phase: string
    identical: boolean
    tables: Record<string, { before: { rows: number; hash: string }; after: { hash: string } }>
  }
  const replay = async (group: string): Promise<Outcome> => {
    const args = ['replay', '--group', group, '--reset-to', 'earliest', '--json']
    const { code, stdout, stderr } = await platform.command(args)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout) as Outcome
  }

  it('[B9] while load goes on, then twice: the tables are the same to the byte', async () => {
    const load = platform.command(['load', '--rate', '60', '--duration', '6', '--seed', '3'])
    const live = await replay('fingerprint')
    expect(live.phase).toBe('done')
    expect(live.identical).toBe(true)
    expect(live.tables['events']?.before.rows).toBeGreaterThan(1000)
    expect((await load).code).toBe(0)
    await waitFor(async () => (await lag()) === 0, { what: 'everything to be processed' })
    const [first, second] = [await replay('fingerprint'), await replay('fingerprint')]
    const hashes = ({ tables }: Outcome) =>
      Object.fromEntries(Object.entries(tables).map(([name, { after }]) => [name, after.hash]))
    // Ticks come in between; they add detections of silence, never an event.
    expect(second.tables['events']?.after.hash).toBe(first.tables['events']?.after.hash)
    expect(hashes(second)).toEqual(hashes(first))
    expect([first.identical, second.identical]).toEqual([true, true])
  })

  it('a group that is not there is refused with those that are', async () => {
    const { code, stderr } = await platform.command(['replay', '--group', 'nobody'])
    expect(code).toBe(1)
    expect(stderr).toContain('fingerprint')
  })

  async function lag(): Promise<number> {
    const { stages } = await platform.get<{ stages: { lag: number }[] }>('/health/detailed')
    return stages.reduce((sum, stage) => sum + stage.lag, 0)
  }
})

it('the engine killed under load comes back by itself; nothing is lost or doubled', async () => {
  const sending = async (): Promise<number> => {
    let accepted = 0
    for (let batch = 0; batch < 60; batch += 1) {
      const events = Array.from({ length: 50 }, (_, index) => ({
        event_type: 'custom',
        service: 'engine-death',
        event_id: `death-${batch}-${index}`,
      }))
      const { status } = await platform.post(events)
      if (status === 202) accepted += 50
      await systemClock.sleep(20)
    }
    return accepted
  }
  const sent = sending()
  for (let death = 0; death < 3; death += 1) {
    await systemClock.sleep(300)
    const [engine = 0] = await waitFor(
      () => {
        const children = platform.children()
        return children.length > 0 && children
      },
      { what: 'an engine' },
    )
    process.kill(engine, 'SIGKILL')
    await waitFor(() => !platform.children().includes(engine), { what: 'its end' })
  }
  const accepted = await sent
  expect(accepted).toBe(3000)
  const seen = async () => {
    const [row] = await platform.clickhouse(`
      SELECT toUInt32(count()) AS n, toUInt32(uniqExact(event_id)) AS ids,
        (SELECT toUInt32(sum(events)) FROM events_1m WHERE service = 'engine-death') AS minutes
      FROM events WHERE service = 'engine-death'`)
    return row as { n: number; minutes: number }
  }
  // A batch cut by the kill may be in the base table and not yet in the rollup; its repetition makes both right.
  await waitFor(async () => Math.min(...Object.values(await seen())) >= accepted, {
    what: 'all of them',
    withinMs: 40_000,
  })
  expect(await seen()).toEqual({ n: 3000, ids: 3000, minutes: 3000 })
})

it('[A9] a poison record becomes a dead letter that can be looked at and put back, and stops nothing', async () => {
  const { code } = await platform.stop()
  expect(code, platform.stderr().slice(-2000)).toBe(0)
  const log = await openEmbeddedLog({ dir: dataDir, clock: systemClock })
  const value = Buffer.from('\u0000this is no Avro at all', 'latin1')
  const records = [{ key: Buffer.from('x'), value, timestampMs: systemClock.nowMs() }]
  await log.append([{ topic: TOPICS.raw.name, partition: 0, records }])
  await log.close()
  platform = await startPlatform({ dataDir })
  await platform.post({ event_type: 'custom', service: 'after-poison', message: 'still here' })
  await until('after-poison', 1)
  const letters = async () => {
    const { stdout } = await platform.command(['dlq', 'list', '--json'])
    return JSON.parse(stdout) as { id: number; stage: string; topic: string; redriven: boolean }[]
  }
  const [letter] = await waitFor(
    async () => {
      const all = await letters()
      return all.length > 0 && all
    },
    { what: 'the dead letter' },
  )
  expect(letter).toMatchObject({ stage: 'fingerprint', topic: TOPICS.raw.name, redriven: false })
  const shown = await platform.command(['dlq', 'show', String(letter?.id)])
  expect(shown.stdout).toContain('this is no Avro at all')
  const redrive = await platform.command(['dlq', 'redrive', String(letter?.id)])
  expect(redrive).toMatchObject({ code: 0, stdout: '1 put back\n' })
  // It is still poison: a new letter about the second copy, and the first is not put back again.
  await waitFor(async () => (await letters()).length === 2, { what: 'the second letter' })
  const again = await platform.command(['dlq', 'redrive', String(letter?.id)])
  expect(again.code).toBe(1)
  expect(again.stdout).toContain('put back before')
  const [row] = await platform.clickhouse<{ n: string }>('SELECT count() AS n FROM dead_letters')
  expect(Number(row?.n)).toBeGreaterThan(0)
})
