import { FaultlineError } from '#/kernel/errors.ts'
import { uuidV7 } from '#/kernel/random.ts'
import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import { partitionOf } from '#/processors/log/partitioner.ts'
import { encode } from '#/schemas/codec.ts'
import type { Action } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'

export interface Feedback {
  project: string
  incidentId: string
  useful: boolean
  note: string
  actor: string
  /** What was judged: by whom it was written, with which prompt. */
  model: string
  promptVersion: string
}

/** What people say about what was written for them, and how long they want quiet. */
export interface AiNotesDesk {
  /** Durable when it resolves; the next similar incident weighs it. */
  judge(feedback: Feedback): Promise<void>
  /** Suggestions of the project rest until then; a time that is over lets them speak again. */
  mute(wish: { project: string; until: number; actor: string }): Promise<void>
  mutedUntil(project: string): number | null
  close(): Promise<void>
}

const KIND = 'ai_mute'

export async function openAiNotesDesk(deps: ConfigTopicDeps): Promise<AiNotesDesk> {
  const { log, clock, schemaIds } = deps
  const muted = new Map<string, number>()
  const topic = await openConfigTopic(deps, (entry) => {
    if (entry.kind !== KIND) return
    const { until } = JSON.parse(entry.value) as { until?: unknown }
    if (typeof until === 'number') muted.set(entry.id, until)
  })
  return {
    async judge({ project, incidentId, useful, note, actor, model, promptVersion }) {
      const at = clock.nowMs()
      const name = TOPICS.actions.name
      const found = (await log.topics()).find((one) => one.name === name)
      if (found === undefined)
        throw new FaultlineError('unknown_topic', `There is no topic ${name}.`)
      // Not a change of a room: it takes no number there.
      const action: Action = {
        project,
        incident_id: incidentId,
        seq: 0,
        command_id: `feedback/${uuidV7(at)}`,
        kind: 'ai_feedback',
        actor,
        at,
        payload: JSON.stringify({ useful, note, model, prompt_version: promptVersion }),
        actor_name: actor,
        // Rooms take it for what it is: said about an incident, not in it.
        role: '',
        result: '',
        previous: '{}',
        context: '{}',
      }
      const key = Buffer.from(incidentId)
      const value = encode('Action', schemaIds.Action, action)
      const partition = partitionOf(key, found.partitions)
      await log.append([{ topic: name, partition, records: [{ key, value, timestampMs: at }] }])
    },
    async mute({ project, until, actor }) {
      const value = JSON.stringify({ until })
      await topic.write([{ kind: KIND, id: project, at: clock.nowMs(), actor, value }])
    },
    mutedUntil: (project) => muted.get(project) ?? null,
    close: () => topic.close(),
  }
}
