import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Event } from '#/schemas/records.ts'
import type { DeployView } from '#/schemas/view.ts'
import { answerOf, checkEvents, DRILL_LIMITS, isPast, planOf } from './plan.ts'
import { drillClock } from './retime.ts'

const MINUTE = 60_000
const T0 = Date.UTC(2026, 10, 21, 3)

const incident = {
  openedAt: T0 + MINUTE,
  lastActivityAt: T0 + 20 * MINUTE,
  members: [{ firstAt: T0 }, { firstAt: T0 + 3 * MINUTE }],
  causes: [{ kind: 'service', subject: 'payments', weight: 1, sentence: '' }],
  suspectDeploy: '',
  root: 'checkout',
} as unknown as Incident
const deploy = { deploy_id: 'd-9', release: 'v2.4.1' } as DeployView
const WISH = { speed: 5, minutes: null, graceS: 60, answer: [] }
const LATER = T0 + 1_000 * MINUTE

const plan = (wish: object = {}, nowMs = LATER, of = incident) =>
  planOf({ incident: of, deploys: [deploy] }, { ...WISH, ...wish }, nowMs)

function refusalOf(act: () => unknown): { path: string | undefined; remedy: string | undefined } {
  try {
    act()
  } catch (error) {
    if (isFaultlineError(error)) return { path: error.path, remedy: error.remedy }
    throw error
  }
  throw new Error('it was not refused')
}

describe('the plan of a drill', () => {
  it('[DR1] is from a minute before it began until five after its last event', () => {
    expect(plan()).toMatchObject({
      fromMs: T0 - MINUTE,
      beganMs: T0,
      toMs: T0 + 25 * MINUTE,
      leadFromMs: T0 - MINUTE - 5 * 60 * MINUTE,
      graceMs: 60_000,
    })
    expect(plan({ minutes: 7 }).toMs).toBe(T0 + 6 * MINUTE)
    expect(plan({}, T0 + 2 * MINUTE).toMs).toBe(T0 + 2 * MINUTE)
  })

  it('[DR1] what happened long before is past, whenever it came', () => {
    const { fromMs } = plan()
    const at = (occurred: number, received: number): boolean =>
      isPast({ occurred_at: fromMs + occurred, received_at: fromMs + received }, { fromMs })
    expect(at(-1, -1)).toBe(true)
    expect(at(5, 10)).toBe(false)
    expect(at(-MINUTE, 10)).toBe(false)
    expect(at(-MINUTE - 1, 10)).toBe(true)
  })

  it('[DR2] is refused past four hours, with a number that would do', () => {
    const long = { ...incident, lastActivityAt: T0 + 3_000 * MINUTE }
    const { path, remedy } = refusalOf(() => plan({ speed: 2 }, T0 + 9_999 * MINUTE, long))
    expect(path).toBe('minutes')
    const [minutes = 0, speed = 0] = [...(remedy ?? '').matchAll(/\d+/g)].map(Number)
    expect(plan({ speed: 2, minutes }, T0 + 9_999 * MINUTE, long).toMs).toBeGreaterThan(T0)
    expect(plan({ speed }, T0 + 9_999 * MINUTE, long).speed).toBe(speed)
    expect(refusalOf(() => plan({ speed: 2, minutes: minutes + 1 }, LATER, long)).path).toBe(
      'minutes',
    )
  })

  it('[DR2] is refused for too many events, too many a second, or none', () => {
    const own = plan()
    expect(refusalOf(() => checkEvents(own, 0)).path).toBe('incident')
    expect(refusalOf(() => checkEvents(own, DRILL_LIMITS.eventsMax + 1)).path).toBe('minutes')
    const seconds = (own.toMs - own.fromMs) / 1000
    const dense = { ...own, speed: 20 }
    const many = seconds * 100
    const { path, remedy } = refusalOf(() => checkEvents(dense, many))
    expect(path).toBe('speed')
    const speed = Number(/\d+/.exec(remedy ?? '')?.[0])
    expect(() => checkEvents({ ...own, speed }, many)).not.toThrow()
    expect(() => checkEvents({ ...own, speed: speed + 1 }, many)).toThrow()
  })

  it('[DR5] looks for the suspected release, else for what the engine holds for the cause', () => {
    expect(answerOf({ ...incident, suspectDeploy: 'd-9' }, [deploy])).toEqual(['v2.4.1'])
    expect(answerOf(incident, [deploy])).toEqual(['payments'])
    expect(answerOf({ ...incident, causes: [] }, [])).toEqual(['checkout'])
    expect(plan({ answer: ['pool'] }).answer).toEqual(['pool'])
  })
})

describe('the clock of a drill', () => {
  it('[DR3] keeps order and lateness, at every speed', () => {
    const moment = fc.integer({ min: T0 - 1e9, max: T0 + 1e9 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), moment, moment, (speed, one, other) => {
        const clock = drillClock({ speed, fromMs: T0 }, LATER)
        const [first, second] = one < other ? [one, other] : [other, one]
        expect(clock.dueAt(first)).toBeLessThanOrEqual(clock.dueAt(second))
        const event = { occurred_at: first, received_at: second } as Event
        const again = clock.event(event)
        const late = again.received_at - again.occurred_at
        expect(Math.abs(late - (second - first) / speed)).toBeLessThan(1)
        const past = clock.pastEvent(event)
        expect(past.received_at).toBeLessThan(LATER)
        expect(past.occurred_at).toBe(again.occurred_at)
      }),
    )
    expect(drillClock({ speed: 4, fromMs: T0 }, LATER).dueAt(T0)).toBe(LATER)
  })
})
