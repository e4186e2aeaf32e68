import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { BOARD, REPLAY_GROUP } from '#/processors/runtime/replay-board.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { runChain } from './chain.ts'
import { startReplayPlatform } from './replay-platform.ts'
import type { ReplayPlatform, ReplayPlatformOptions } from './replay-platform.ts'
import { createScenario } from './scenario.ts'

/** Replays of a chain whose stages run in several processes, any of which may die at any moment. */
const SEED = Number(process.env['FAULTLINE_SIM_SEED'] ?? 1)
const scenario = createScenario({ seed: SEED, minutes: 25 })
const half = scenario.slice(0, scenario.length / 2)
const rest = scenario.slice(scenario.length / 2)
const ROUNDS = Number(process.env['FAULTLINE_SIM_ROUNDS'] ?? 4)
const DEATHS = 5
const TABLES = ['events', 'detections', 'incident_events', 'insights']

const running: ReplayPlatform[] = []
afterEach(async () => {
  for (const platform of running.splice(0)) if (!platform.mortal.isDead) await platform.stop()
})

async function start(options: Partial<ReplayPlatformOptions> = {}): Promise<ReplayPlatform> {
  const seed = SEED * 100 + running.length
  const platform = await startReplayPlatform({ seed, checkpointRecords: 300, ...options })
  running.push(platform)
  return platform
}

/** Two processes that share the partitions. */
async function startTwo(): Promise<[ReplayPlatform, ReplayPlatform]> {
  const first = await start({ name: 'first' })
  return [first, await start({ name: 'second', shared: first.shared })]
}

let wanted: string[]
beforeAll(async () => {
  const options = { seed: SEED, partitions: 1, crashChance: 0, readBytesMax: Infinity }
  const { driver } = await runChain(scenario, options)
  const records = await driver.read(TOPICS.lifecycle.name)
  wanted = records.map(({ value }) => String(value?.toString('base64'))).toSorted()
})

function eventIds(): number {
  return new Set(scenario.flatMap((o) => (o.kind === 'event' ? [o.event.event_id] : []))).size
}

function expectWhole(platform: ReplayPlatform): void {
  expect(platform.rowsOf('incident_events')).toEqual(wanted)
  expect(platform.rowsOf('events')).toHaveLength(eventIds())
}

async function driverOf(platforms: readonly ReplayPlatform[]): Promise<ReplayPlatform> {
  return vi.waitFor(() => {
    const name = platforms[0]!.board.current()?.driver
    const found = platforms.find((one) => one.name === name)
    expect(found).toBeDefined()
    return found!
  })
}

describe('a replay over several processes', () => {
  it('[B9] [B17] [RT20] pauses, exchanges and resumes all of them, and live work goes on', async () => {
    const [first, second] = await startTwo()
    await first.send(half)
    await first.settle()
    const work = second.desk.run({ group: 'fingerprint', resetTo: 'earliest' })
    await first.send(rest)
    const report = await work
    expect(report.identical).toBe(true)
    await first.settle()
    expectWhole(first)
    const again = await first.desk.run({ group: 'cluster', resetTo: 'earliest' })
    expect(again.identical).toBe(true)
    expect([...first.problems, ...second.problems]).toEqual([])
  })

  it('[RT21] the driver dies in the middle: the other one goes on from the last checkpoint', async () => {
    const [first, second] = await startTwo()
    await first.send(scenario)
    await first.settle()
    const before = Object.fromEntries(TABLES.map((name) => [name, first.rowsOf(name)]))
    const id = 'wish'
    await first.board.post({ id, group: 'fingerprint', resetTo: 'earliest', origin: 'command' })
    const driver = await driverOf([first, second])
    driver.mortal.dieAfter(60)
    await vi.waitFor(() => expect(driver.mortal.isDead).toBe(true), {
      timeout: 10_000,
      interval: 1,
    })
    const other = driver === first ? second : first
    await driver.kill()
    await other.rest()
    expect(other.board.current()).toMatchObject({ phase: 'done', takeovers: 1 })
    for (const name of TABLES) expect(other.rowsOf(name)).toEqual(before[name])
    await other.settle()
    expectWhole(other)
  })

  it('[RT21] dying anywhere, again and again, ends with the same tables', async () => {
    const phases = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round += 1) {
      const random = createSeededRandom(SEED * 1000 + round)
      let platform = await start()
      await platform.send(half)
      await platform.settle()
      const group = random.pick(['fingerprint', 'detect', 'cluster', 'derived-sink'])
      await platform.board.post({ id: 'wish', group, resetTo: 'earliest', origin: 'command' })
      for (let deaths = 0; deaths < DEATHS; deaths += 1) {
        const { mortal } = platform
        mortal.dieAfter(5 + random.int(250))
        await vi.waitFor(() => expect(mortal.isDead || isOver(platform)).toBe(true), {
          timeout: 20_000,
          interval: 1,
        })
        if (!mortal.isDead) break
        const phase = platform.board.current()?.phase ?? 'waiting'
        phases.set(phase, (phases.get(phase) ?? 0) + 1)
        await platform.kill()
        platform = await start({ shared: platform.shared })
      }
      platform.mortal.dieAfter(Infinity)
      await platform.rest()
      expect(platform.board.current()).toMatchObject({ phase: 'done' })
      await platform.send(rest)
      await platform.settle()
      expectWhole(platform)
      await platform.stop()
      await platform.mortal.bury()
    }
    expect(phases.get('reading')).toBeGreaterThan(0)
    expect(phases.get('pausing')).toBeGreaterThan(0)
  })

  it('[RT22] cancelled and kept, it goes on where it was; cancelled, nothing is left', async () => {
    const platform = await start()
    await platform.send(scenario)
    await platform.settle()
    const { board } = platform
    // Nothing is sent meanwhile: what is told as read was read by the replay.
    platform.mortal.slowDown(5)
    const wish = { group: 'fingerprint', resetTo: 'earliest', origin: 'command' } as const
    await board.post({ id: 'kept', ...wish })
    const soon = { timeout: 10_000, interval: 1 }
    await vi.waitFor(() => expect(board.current()?.records).toBeGreaterThan(0), soon)
    const { epoch } = board.current()!
    await board.order({ epoch, order: 'keep' })
    await vi.waitFor(() => expect(board.current()?.phase).toBe('kept'), soon)
    await board.order({ epoch, order: 'resume' })
    await platform.rest()
    expect(board.current()).toMatchObject({ epoch, phase: 'done' })
    expectWhole(platform)
    await board.post({ id: 'cancelled', ...wish })
    await vi.waitFor(() => expect(board.current()?.wishIds).toEqual(['cancelled']), soon)
    await board.order({ epoch: board.current()!.epoch, order: 'cancel' })
    await platform.rest()
    expect(board.current()).toMatchObject({ phase: 'cancelled' })
    expectWhole(platform)
    for (const name of TABLES) expect(await hasTwin(platform, name)).toBe(false)
  })

  it('[RT23] a process that does not come to rest: the replay is given up, live work goes on', async () => {
    const [first, second] = [
      await start({ name: 'first', restMsMax: 500 }),
      await start({ name: 'second', shared: running[0]!.shared, restMsMax: 500 }),
    ]
    await first.send(half)
    await first.settle()
    await first.board.post({
      id: 'wish',
      group: 'fingerprint',
      resetTo: 'earliest',
      origin: 'command',
    })
    const driver = await driverOf([first, second])
    const other = driver === first ? second : first
    // It hangs, but its session lives on: it neither rests nor gives its partitions away.
    other.mortal.dieAfter(1)
    await vi.waitFor(() => expect(driver.board.current()?.phase).toBe('failed'), {
      timeout: 15_000,
    })
    expect(driver.board.current()?.error).toMatch(/does not (come to rest|catch up)/)
    await other.kill()
    await driver.send(rest)
    await driver.settle()
    expectWhole(driver)
  })

  it('[RT20] a driver that lost its place without noticing cannot write', async () => {
    const [first, second] = await startTwo()
    const owners: string[] = []
    const stranger = await first.log.join({
      group: REPLAY_GROUP,
      topics: [BOARD.topic],
      onAssigned: async () => void owners.push('stranger'),
      onRevoked: async () => undefined,
    })
    const stale = stranger
    await stranger.leave()
    await first.send(half)
    await first.settle()
    const report = await second.desk.run({ group: 'cluster', resetTo: 'earliest' })
    expect(report.identical).toBe(true)
    const refused = await first.board
      .write({ record: { ...first.board.current()!, phase: 'reading' } }, stale)
      .catch((error: unknown) => error)
    expect(isFaultlineError(refused, 'stale_owner')).toBe(true)
    expect(first.board.current()?.phase).toBe('done')
  })
})

function isOver({ board }: ReplayPlatform): boolean {
  return board.current()?.isCleaned === true
}

async function hasTwin({ shared, board }: ReplayPlatform, name: string): Promise<boolean> {
  const table = [shared.tables.events, ...shared.tables.derived].find((one) => one.name === name)!
  return table.hash(board.current()!.epoch).then(
    () => true,
    () => false,
  )
}
