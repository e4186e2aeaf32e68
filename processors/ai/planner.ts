import type { Clock } from '#/kernel/clock.ts'
import { PROMPT_VERSION } from '#/processors/domain/ai-evidence/prompt.ts'
import type { ConsumedRecord, GroupMembership, Log, TopicPartition } from '#/processors/log/port.ts'
import type { AiJob, IncidentEvent } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { Journal } from './journal.ts'
import { createRecordDecoder, type RecordDecoderDeps } from './record-decoder.ts'

export interface PlannerDeps extends RecordDecoderDeps {
  log: Log
  clock: Clock
  journal: Journal
}

export const PLANNER_GROUP = 'ai-plan'
/** Steps after which an incident reads differently; counts alone are in the rules' summary at once. */
const TELLING = new Set(['opened', 'joined', 'severity', 'merged', 'split', 'reopened', 'resolved'])
/** Nobody needs a model's words about what is long over, as after an import of old events. */
const OLD_MS = 6 * 3_600_000
const READ = { bytesMax: 512 * 1024, waitMs: 2_000 }
const RETRY_MS = 1_000
const FIELDS = ['project', 'incident_id', 'kind', 'severity', 'updated_at'] as const
type Step = Pick<IncidentEvent, (typeof FIELDS)[number]>

/**
 * incidents.lifecycle → wishes in ai.jobs, in one commit with its offset. Of all processes that plan, the owner of
 * the partition does. It begins at the end: what happened before there was a model stays with the rules.
 */
export class Planner {
  readonly #deps: PlannerDeps
  readonly #decode
  readonly #running = new Map<number, { end: AbortController; done: Promise<void> }>()
  #membership: GroupMembership | undefined

  constructor(deps: PlannerDeps) {
    this.#deps = deps
    this.#decode = createRecordDecoder('IncidentEvent', deps, FIELDS)
  }

  async start(): Promise<void> {
    this.#membership = await this.#deps.log.join({
      group: PLANNER_GROUP,
      topics: [TOPICS.lifecycle.name],
      onAssigned: async (partitions, own) => {
        for (const tp of partitions) {
          const end = new AbortController()
          this.#running.set(tp.partition, { end, done: this.#read(tp, own, end.signal) })
        }
      },
      onRevoked: async (partitions) => {
        for (const { partition } of partitions) {
          const one = this.#running.get(partition)
          this.#running.delete(partition)
          one?.end.abort()
          await one?.done
        }
      },
    })
  }

  async stop(): Promise<void> {
    await this.#membership?.leave()
  }

  async #read(tp: TopicPartition, own: GroupMembership, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#deps
    let next: number | undefined
    while (!signal.aborted) {
      try {
        next ??= await this.#beginning(tp)
        const records = await log.read(tp, next, { ...READ, signal })
        const last = records.at(-1)
        if (last === undefined) continue
        const steps = await this.#stepsOf(records)
        await this.#deps.journal.refresh()
        const wishes = this.#wishesOf(steps)
        const outputs = wishes.length === 0 ? [] : [this.#deps.journal.batchOf(wishes)]
        const offsets = [{ ...tp, offset: last.offset + 1, metadata: '' }]
        await log.commit({ membership: own, outputs, offsets })
        next = last.offset + 1
      } catch (error) {
        if (signal.aborted) return
        this.#deps.onProblem(error)
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #beginning(tp: TopicPartition): Promise<number> {
    const { log } = this.#deps
    const committed = (await log.committed(PLANNER_GROUP, tp))?.offset
    return Math.max(committed ?? (await log.endOffset(tp)), await log.beginningOffset(tp))
  }

  async #stepsOf(records: readonly ConsumedRecord[]): Promise<Step[]> {
    const steps: Step[] = []
    for (const { value } of records) {
      const step = await this.#decode(value)
      if (step !== undefined && TELLING.has(step.kind)) steps.push(step)
    }
    return steps
  }

  /** One wish an incident and batch: plans made in the same batch cannot know of each other. */
  #wishesOf(steps: readonly Step[]): AiJob[] {
    const { clock, journal } = this.#deps
    const last = new Map(steps.map((step) => [`${step.project} ${step.incident_id}`, step]))
    const at = clock.nowMs()
    return [...last.values()].flatMap((step) => {
      if (at - step.updated_at > OLD_MS) return []
      const { project, incident_id: incidentId, severity: priority } = step
      const wish = { project, incidentId, promptVersion: PROMPT_VERSION, priority, actor: '', at }
      const plan = journal.book.plan(wish)
      return 'planned' in plan ? [plannedRecord({ project, incidentId, at, ...plan })] : []
    })
  }
}

export function plannedRecord(plan: {
  project: string
  incidentId: string
  at: number
  jobId: string
  planned: object
}): AiJob {
  return {
    project: plan.project,
    incident_id: plan.incidentId,
    job_id: plan.jobId,
    status: 'pending',
    at: plan.at,
    owner: '',
    attempt: 0,
    detail: JSON.stringify(plan.planned),
  }
}
