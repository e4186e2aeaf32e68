import type { Reason, Target } from './notification.ts'

/** One step of an incident, as far as it decides who is told. */
export interface LifecycleStep {
  project: string
  seq: number
  /** Of the step: opened, updated, severity, reopened, resolved, redirect … */
  kind: string
  status: string
  severity: number
  services: readonly string[]
  isSilenced: boolean
  /** Somebody was assigned or joined, whatever the status says. */
  isTaken: boolean
  /** Targets of escalations that wait: planned, and not told of anything yet. */
  waiting: readonly string[]
}

/** What is remembered of an incident. */
export interface IncidentNote {
  /** The last step that was planned for. */
  seq: number
  /** The worst severity told. */
  level: number
  /** Targets that were told, or will be, since it was opened or opened again. */
  told: ReadonlySet<string>
  isOver: boolean
}

export interface PlannedDelivery {
  target: Target
  reason: Reason
  /** How long nobody has to take the incident on before it is sent; 0 for at once. */
  dueInMs: number
}

export interface Plan {
  note: IncidentNote
  deliveries: readonly PlannedDelivery[]
  /** Would have been sent, was it not for a silence. */
  suppressed: readonly PlannedDelivery[]
  /** Why escalations that wait for this incident are no longer wanted; empty while they are. */
  cancel: string
}

/** Better than SEV5: whatever is told next is worse. */
export const UNTOLD_LEVEL = 6

const UNTOLD: IncidentNote = { seq: 0, level: UNTOLD_LEVEL, told: new Set(), isOver: false }

/**
 * Who is told of a step. Told once when it opens (or first reaches the severity a target asks for), when it gets
 * worse than was told, when it opens again, and when it ends, the last only to those who were told before.
 */
export function planStep(
  step: LifecycleStep,
  known: IncidentNote | undefined,
  targets: readonly Target[],
): Plan {
  const note = known ?? UNTOLD
  if (step.seq <= note.seq) return nothing(note)
  const seen = { ...note, seq: step.seq }
  if (step.kind === 'redirect') return planEnd(seen, { step, targets, reason: 'merged' })
  if (step.status === 'resolved')
    return note.isOver ? nothing(seen) : planEnd(seen, { step, targets, reason: 'resolved' })
  const reason = reasonOf(step, known)
  const cancel = cancelOf(step)
  if (reason === undefined) return { ...nothing(seen), cancel }
  const isAgain = reason === 'reopened'
  const before = isAgain ? { ...seen, told: new Set<string>(), isOver: false } : seen
  const wanted = targets.flatMap((target) => deliveryOf(target, { step, reason, note: before }))
  if (step.isSilenced) {
    // Nothing counts as told: what is left when the silence ends is told then.
    const isNew = known === undefined || isAgain
    return {
      note: { ...before, level: note.level },
      deliveries: [],
      suppressed: isNew ? wanted : [],
      cancel,
    }
  }
  return {
    note: {
      ...before,
      level: isAgain ? step.severity : Math.min(before.level, step.severity),
      told: new Set([...before.told, ...wanted.map(({ target }) => target.name)]),
    },
    deliveries: wanted,
    suppressed: [],
    cancel,
  }
}

function nothing(note: IncidentNote): Plan {
  return { note, deliveries: [], suppressed: [], cancel: '' }
}

function planEnd(
  note: IncidentNote,
  { step, targets, reason }: { step: LifecycleStep; targets: readonly Target[]; reason: Reason },
): Plan {
  const deliveries = targets
    .filter(({ name }) => note.told.has(name) && !step.waiting.includes(name))
    .filter(({ reasons }) => reasons.includes(reason))
    .map((target) => ({ target, reason, dueInMs: 0 }))
  const ended = { ...note, told: new Set<string>(), isOver: true }
  return { note: ended, deliveries, suppressed: [], cancel: `the incident was ${reason}` }
}

function reasonOf(step: LifecycleStep, note: IncidentNote | undefined): Reason | undefined {
  if (note === undefined) return step.kind === 'reopened' ? 'reopened' : 'opened'
  if (note.isOver || step.kind === 'reopened') return 'reopened'
  if (step.severity >= note.level) return undefined
  return note.told.size === 0 ? 'opened' : 'worsened'
}

/** Why an escalation is no longer sent. */
export const TAKEN = 'somebody is looking into it'

function cancelOf({ isSilenced, status, isTaken }: LifecycleStep): string {
  if (isSilenced) return 'silenced'
  if (status === 'investigating' || isTaken) return TAKEN
  return ''
}

function deliveryOf(
  target: Target,
  { step, reason, note }: { step: LifecycleStep; reason: Reason; note: IncidentNote },
): PlannedDelivery[] {
  if (step.severity > target.severityMax) return []
  if (target.projects.length > 0 && !target.projects.includes(step.project)) return []
  if (target.services.length > 0 && !step.services.some((one) => target.services.includes(one)))
    return []
  const wasTold = note.told.has(target.name)
  if (target.unacknowledgedMs !== null) {
    if (wasTold || step.status !== 'open' || step.isTaken) return []
    return [{ target, reason: 'unacknowledged', dueInMs: target.unacknowledgedMs }]
  }
  // What first becomes bad enough for a target is its opening, however long it goes on.
  const own = wasTold || reason !== 'worsened' ? reason : 'opened'
  return target.reasons.includes(own) ? [{ target, reason: own, dueInMs: 0 }] : []
}
