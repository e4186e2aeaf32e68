import { CORE, PEAKS_AT, SIDE } from './count-store.ts'
import type { CountStore } from './count-store.ts'
import { levelOf, recentOf, relearn } from './count-learning.ts'
import { rememberPeak } from './past-peaks.ts'

/** Above this the level stands still, until this many events were expected in vain. */
const FREEZE_NATS = 2
const FREEZE_EXPECTED_MAX = 5
/** Above this the excursion hardly teaches; after this many minutes it is the new normal. */
const ALARM_NATS = 10
const ALARM_MIN = 55
/** Lower peaks are not worth remembering. */
export const PEAK_NATS_MIN = 4

/** What the excursions mean: start and end of what is told, standing still, alarm, the new normal. */
export function follow(
  store: CountStore,
  slot: number,
  minute: { seen: number; expected: number },
): void {
  const { seen, expected } = minute
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  const best = Math.max(core[at + CORE.low] as number, core[at + CORE.high] as number)
  if (best === 0) {
    if ((side[sideAt + SIDE.startAt] as number) > 0) finishExcursion(store, slot)
    core[at + CORE.frozen] = 0
    side[sideAt + SIDE.alarmAt] = 0
    return
  }
  const time = (core[at + CORE.last] as number) - (core[at + CORE.birth] as number) + 1
  if (side[sideAt + SIDE.startAt] === 0) side[sideAt + SIDE.startAt] = time
  side[sideAt + SIDE.observed] = (side[sideAt + SIDE.observed] as number) + seen
  side[sideAt + SIDE.expected] = (side[sideAt + SIDE.expected] as number) + expected
  side[sideAt + SIDE.peak] = Math.max(side[sideAt + SIDE.peak] as number, best)
  freeze(core, at, side, sideAt, { best, expected })
  const alarmAt = side[sideAt + SIDE.alarmAt] as number
  if (best > ALARM_NATS) {
    if (alarmAt === 0) raiseAlarm(store, slot, time)
    else if (time - alarmAt > ALARM_MIN) acceptLevel(store, slot)
  } else if (best < ALARM_NATS / 2) side[sideAt + SIDE.alarmAt] = 0
}

/** During an excursion the test keeps the level it began with: else a slow outage would teach itself away. */
function freeze(
  core: Float64Array,
  at: number,
  side: Float32Array,
  sideAt: number,
  minute: { best: number; expected: number },
): void {
  if (minute.best < FREEZE_NATS) {
    core[at + CORE.frozen] = 0
    return
  }
  const waited = (side[sideAt + SIDE.frozenExpected] as number) + minute.expected
  side[sideAt + SIDE.frozenExpected] = waited
  const inVain = waited > FREEZE_EXPECTED_MAX && side[sideAt + SIDE.alarmAt] === 0
  if (core[at + CORE.frozen] !== 0 && !inVain) return
  core[at + CORE.frozen] = levelOf(core, at) * recentOf(core, at)
  side[sideAt + SIDE.frozenExpected] = 0
  side[sideAt + SIDE.keptEvents] = core[at + CORE.events] as number
  side[sideAt + SIDE.keptExposure] = core[at + CORE.exposure] as number
  side[sideAt + SIDE.keptRecentEvents] = core[at + CORE.recentEvents] as number
  side[sideAt + SIDE.keptRecentExpected] = core[at + CORE.recentExpected] as number
}

/** Unlearns what the excursion has taught since the level was frozen. */
function raiseAlarm(store: CountStore, slot: number, time: number): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  side[sideAt + SIDE.alarmAt] = time
  side[sideAt + SIDE.hourObserved] = 0
  side[sideAt + SIDE.hourExpected] = 0
  if (core[at + CORE.frozen] === 0) return
  core[at + CORE.events] = side[sideAt + SIDE.keptEvents] as number
  core[at + CORE.exposure] = side[sideAt + SIDE.keptExposure] as number
  core[at + CORE.recentEvents] = side[sideAt + SIDE.keptRecentEvents] as number
  core[at + CORE.recentExpected] = side[sideAt + SIDE.keptRecentExpected] as number
}

/** After an hour of alarm the excursion is the new normal: the recent correction forgets and follows fast. */
function acceptLevel(store: CountStore, slot: number): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  finishExcursion(store, slot)
  store.side(slot)[store.sideAt(slot) + SIDE.alarmAt] = 0
  relearn(core, at)
}

/** Ends the excursions and remembers how high they went. */
export function finishExcursion(store: CountStore, slot: number): void {
  const core = store.core(slot)
  const at = store.coreAt(slot)
  const side = store.side(slot)
  const sideAt = store.sideAt(slot)
  const height = side[sideAt + SIDE.peak] as number
  const habits = store.habitsSlot(slot)
  if (height > PEAK_NATS_MIN && habits >= 0) {
    const start = store.habitsAt(habits) + PEAKS_AT
    rememberPeak(store.habits(habits), start, {
      height,
      time: (core[at + CORE.last] as number) - (core[at + CORE.birth] as number) + 1,
    })
  }
  core[at + CORE.low] = 0
  core[at + CORE.high] = 0
  core[at + CORE.frozen] = 0
  side[sideAt + SIDE.peak] = 0
  side[sideAt + SIDE.startAt] = 0
  side[sideAt + SIDE.observed] = 0
  side[sideAt + SIDE.expected] = 0
}
