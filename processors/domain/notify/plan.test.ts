import { describe, expect, it } from 'vitest'
import { REASONS, type Target } from './notification.ts'
import { planStep, type IncidentNote, type LifecycleStep } from './plan.ts'

const target = (change: Partial<Target> = {}): Target => ({
  name: 'hook',
  kind: 'webhook',
  url: 'https://hooks.example/',
  severityMax: 3,
  projects: [],
  services: [],
  reasons: REASONS,
  unacknowledgedMs: null,
  ...change,
})

const step = (seq: number, change: Partial<LifecycleStep> = {}): LifecycleStep => ({
  project: 'default',
  seq,
  kind: seq === 1 ? 'opened' : 'updated',
  status: 'open',
  severity: 2,
  services: ['cart'],
  isSilenced: false,
  isTaken: false,
  waiting: [],
  ...change,
})

/** What is told of these steps, one after the other. */
function told(targets: readonly Target[], ...steps: readonly LifecycleStep[]): string[] {
  let note: IncidentNote | undefined
  return steps.flatMap((one) => {
    const plan = planStep(one, note, targets)
    note = plan.note
    return plan.deliveries.map(({ target: { name }, reason }) => `${name} ${reason}`)
  })
}

describe('who is told', () => {
  it('[J1] once of an opening, of what is worse than was told, of a new opening, of an end', () => {
    const all = told(
      [target()],
      step(1),
      step(2),
      step(3, { kind: 'severity', severity: 3 }),
      step(4, { kind: 'severity', severity: 2 }),
      step(5, { kind: 'severity', severity: 1 }),
      step(6, { kind: 'resolved', status: 'resolved' }),
      step(7, { kind: 'updated', status: 'resolved' }),
      step(8, { kind: 'reopened', severity: 3 }),
      step(9, { kind: 'severity', severity: 2 }),
    )
    expect(all).toEqual([
      'hook opened',
      'hook worsened',
      'hook resolved',
      'hook reopened',
      'hook worsened',
    ])
  })

  it('[J1] a target hears of it when it first gets bad enough for it', () => {
    const targets = [
      target({ name: 'all', severityMax: 5 }),
      target({ name: 'bad', severityMax: 1 }),
    ]
    const all = told(
      targets,
      step(1, { severity: 4 }),
      step(2, { severity: 1 }),
      step(3, { status: 'resolved' }),
    )
    expect(all).toEqual([
      'all opened',
      'all worsened',
      'bad opened',
      'all resolved',
      'bad resolved',
    ])
  })

  it('[J1] what was taken over by another incident has ended', () => {
    const merged = step(2, { kind: 'redirect' })
    expect(told([target()], step(1), merged, step(3))).toEqual([
      'hook opened',
      'hook merged',
      'hook reopened',
    ])
    expect(told([target({ severityMax: 1 })], step(1), merged)).toEqual([])
  })

  it('[J1] only of its projects, its services, and what it asked for', () => {
    const targets = [
      target({ name: 'shop', projects: ['shop'] }),
      target({ name: 'cart', services: ['cart', 'search'] }),
      target({ name: 'mail', services: ['mail'] }),
      target({ name: 'ends', reasons: ['resolved'] }),
      target({ name: 'begins', reasons: ['opened'] }),
    ]
    const all = told(targets, step(1), step(2, { severity: 1 }), step(3, { status: 'resolved' }))
    expect(all).toEqual(['cart opened', 'begins opened', 'cart worsened', 'cart resolved'])
  })

  it('[J1] a step that was planned for already leads to nothing', () => {
    const { note } = planStep(step(4), undefined, [target()])
    for (const seq of [1, 3, 4])
      expect(planStep(step(seq, { severity: 1 }), note, [target()])).toMatchObject({
        deliveries: [],
        note,
      })
  })

  it('[J7] an escalation is planned while nobody has it, and wanted no more once somebody has', () => {
    const chief = target({ name: 'chief', unacknowledgedMs: 60_000 })
    const plan = planStep(step(1), undefined, [chief])
    expect(plan.deliveries).toMatchObject([{ reason: 'unacknowledged', dueInMs: 60_000 }])
    expect(told([chief], step(1, { status: 'investigating' }))).toEqual([])
    expect(told([chief], step(1, { isTaken: true }))).toEqual([])
    const cancel = (change: Partial<LifecycleStep>): string =>
      planStep(step(2, { waiting: ['chief'], ...change }), plan.note, [chief]).cancel
    expect(cancel({ status: 'investigating' })).toBe('somebody is looking into it')
    expect(cancel({ status: 'resolved' })).toBe('the incident was resolved')
    expect(cancel({ kind: 'redirect' })).toBe('the incident was merged')
    expect(cancel({ isSilenced: true })).toBe('silenced')
    expect(cancel({})).toBe('')
    // Who was never reached is not told of the end.
    const end = step(2, { status: 'resolved', waiting: ['chief'] })
    expect(planStep(end, plan.note, [chief]).deliveries).toEqual([])
  })

  it('[C13] under a silence nobody is told, and what would have been is known', () => {
    const silent = planStep(step(1, { isSilenced: true }), undefined, [target()])
    expect(silent).toMatchObject({ deliveries: [], suppressed: [{ reason: 'opened' }] })
    expect(planStep(step(2, { isSilenced: true }), silent.note, [target()]).suppressed).toEqual([])
    expect(planStep(step(3), silent.note, [target()]).deliveries).toMatchObject([
      { reason: 'opened' },
    ])
  })
})
