import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DrillDesk, DrillStart, SandboxDesk } from '#/api/drills.ts'
import { configOf, effectiveSettings } from '#/cli/config.ts'
import type { Kit } from '#/cli/kit.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import { ANN, TestRoom } from '#/schemas/collab/test-room.ts'
import { openDrillDesk, type DrillDeps } from './desk.ts'
import { openDrillStore } from './store.ts'

/** The desk over a sandbox that plays nothing until it is told to. */
const MINUTE = 60_000
const began = systemClock.nowMs() - 30 * MINUTE
const room = TestRoom.opened()
room.must(ANN, 'note', { id: 'n', text: 'v2.4.1' })
const detail = {
  incident: {
    id: 'inc-1',
    number: 12,
    title: 'checkout is down',
    openedAt: began,
    lastActivityAt: began + MINUTE,
    members: [],
    causes: [],
    suspectDeploy: '',
    root: 'checkout',
    redirectTo: '',
  },
  deploys: [],
} as unknown as IncidentDetail
const WISH: DrillStart = {
  project: 'default',
  incident: '#12',
  speed: 20,
  minutes: 1,
  grace_s: 600,
  answer: [],
  by: 'Ann',
}

let dataDir: string
let closers: Kit['closers'] = []
let opened: { startedMs: number | null; desk: SandboxDesk }[] = []
let failure: FaultlineError | undefined
let isClosed: boolean[] = []
let harvestFails = false

function kitOf(flags: Record<string, string> = {}): Kit {
  closers = []
  const config = configOf(
    effectiveSettings({ flags: { 'data-dir': dataDir, ...flags }, environment: {} }),
  )
  const silent = (): void => undefined
  const logger = { debug: silent, info: silent, warn: silent, error: silent }
  return { config, logger, closers, dataDir: { read: () => 'http://localhost:3000' } } as never
}

function open(flags: Record<string, string> = {}): DrillDesk {
  const deps: Omit<DrillDeps, 'people' | 'keys'> = {
    reads: { incident: async ({ id }) => (id === '12' ? detail : null) },
    history: async () => room.events,
    async openDeck(_live, _wish, onCut) {
      if (failure !== undefined) throw failure
      onCut?.({ events: 7, fromMs: began - 5 * MINUTE })
      return { kit: undefined as never, close: async () => void isClosed.push(true) }
    },
    async openSandbox(_deck, { startedMs, desk }) {
      opened.push({ startedMs, desk })
      return {
        startedMs: startedMs ?? systemClock.nowMs(),
        port: 4_001,
        position: () => 7,
        play: async () => undefined,
        async harvest() {
          if (harvestFails) throw new FaultlineError('log_corrupt', 'the log holds other bytes')
          return { rooms: [{ id: 'inc-1', events: room.events }], kept: 7 }
        },
        close: async () => undefined,
      }
    },
  }
  return openDrillDesk(kitOf(flags), deps as DrillDeps)
}

async function stop(): Promise<void> {
  for (const close of closers.toReversed()) await close()
}
const isOpen = (desk: DrillDesk) => expect.poll(() => desk.list('default')[0]?.port).toBe(4_001)

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'faultline-drill-'))
  opened = []
  isClosed = []
  failure = undefined
  harvestFails = false
})
afterEach(async () => {
  await stop()
  rmSync(dataDir, { recursive: true, force: true })
})

describe('the desk of drills', () => {
  it('has one at a time, and its report when it has ended', async () => {
    const desk = open()
    expect(await desk.start(WISH)).toMatchObject({ id: 1, events: 7, state: 'preparing' })
    await expect(desk.start(WISH)).rejects.toThrow('Drill 1 is running; there is one at a time.')
    await expect(desk.start({ ...WISH, project: 'shop' })).rejects.toThrow(
      'Another drill is running',
    )
    await isOpen(desk)
    expect(() => desk.report('default', 1)).toThrow('Drill 1 runs')
    expect(opened[0]?.desk.view()).toMatchObject({ drill: { id: 1 }, home: { port: 3_000 } })
    const wish = { project: 'default', id: 1, by: 'Ben' }
    await expect(desk.end({ ...wish, project: 'shop' })).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(await desk.end(wish)).toMatchObject({ state: 'ended', why: 'Ended by Ben.' })
    await expect.poll(() => isClosed).toEqual([true])
    await expect(desk.end(wish)).rejects.toThrow('Drill 1 does not run: it has ended.')
    const { report, head } = desk.report('default', 1)
    expect(report).toMatchObject({ answer: ['checkout'], events: { recorded: 7, kept: 7 } })
    expect(head).not.toBe('')
    expect(() => desk.report('shop', 1)).toThrow('There is no drill 1.')
    expect([desk.list('default').length, desk.list('shop')]).toEqual([1, []])
  })

  it('is as if nothing had been asked where nothing can be played', async () => {
    const desk = open()
    failure = new FaultlineError('conflict', 'No event of this incident is in the log any more.')
    await expect(desk.start(WISH)).rejects.toBe(failure)
    await expect(desk.start({ ...WISH, incident: '13' })).rejects.toMatchObject({
      code: 'not_found',
      path: 'incident',
    })
    expect(desk.list('default')).toEqual([])
    failure = undefined
    await expect
      .poll(() => desk.start(WISH).catch(() => null))
      .toMatchObject({ state: 'preparing' })
  })

  it('goes on after a restart with the clock it had, and gives up what was not open yet', async () => {
    const before = open()
    await before.start(WISH)
    await isOpen(before)
    const [{ started_at: startedMs } = { started_at: 0 }] = before.list('default')
    await stop()
    const after = open()
    await isOpen(after)
    expect(opened.map((one) => one.startedMs)).toEqual([null, startedMs])
    await after.end({ project: 'default', id: 1, by: 'Ann' })
    await stop()

    const store = openDrillStore(join(dataDir, 'drills'))
    const [kept] = store.all
    store.save({ ...kept!, view: { ...kept!.view, id: 2, state: 'preparing' } })
    const third = open()
    expect(third.list('default')[0]).toMatchObject({
      state: 'failed',
      why: 'The platform stopped while it was being prepared.',
    })
    expect(() => third.report('default', 2)).toThrow('has no report, because it failed')
  })

  it('tells why it failed, and leaves room for the next', async () => {
    const desk = open()
    await desk.start(WISH)
    await isOpen(desk)
    harvestFails = true
    const wish = { project: 'default', id: 1, by: 'Ann' }
    await expect(desk.end(wish)).rejects.toThrow('the log holds other bytes')
    expect(desk.list('default')[0]).toMatchObject({
      state: 'failed',
      why: 'the log holds other bytes',
    })
    await expect.poll(() => isClosed).toEqual([true])
    await expect.poll(() => desk.start(WISH).catch(() => null)).toMatchObject({ id: 2 })
  })

  it('starts beside a file that cannot be read, and never gives its number again', async () => {
    mkdirSync(join(dataDir, 'drills', '4'), { recursive: true })
    writeFileSync(join(dataDir, 'drills', '4', 'drill.json'), '{"view":')
    const desk = open()
    expect(desk.list('default')).toEqual([])
    expect(await desk.start(WISH)).toMatchObject({ id: 5 })
  })

  it('refuses in words where this process has not every role', async () => {
    const flags = {
      role: 'api',
      'kafka-brokers': 'k:9092',
      'registry-url': 'http://r:8081',
      'clickhouse-url': 'http://c:8123/f',
    }
    await expect(open(flags).start(WISH)).rejects.toThrow(
      'A drill runs in a process that has every role; this one has not.',
    )
  })
})
