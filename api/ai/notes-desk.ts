import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import { putAction } from '#/api/put-action.ts'
import { uuidV7 } from '#/kernel/random.ts'

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
  const { clock } = deps
  const muted = new Map<string, number>()
  const topic = await openConfigTopic(deps, (entry) => {
    if (entry.kind !== KIND) return
    const { until } = JSON.parse(entry.value) as { until?: unknown }
    if (typeof until === 'number') muted.set(entry.id, until)
  })
  return {
    async judge({ project, incidentId, useful, note, actor, model, promptVersion }) {
      const at = clock.nowMs()
      // Not a change of a room: it takes no number there.
      await putAction(deps, incidentId, {
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
      })
    },
    async mute({ project, until, actor }) {
      const value = JSON.stringify({ until })
      await topic.write([{ kind: KIND, id: project, at: clock.nowMs(), actor, value }])
    },
    mutedUntil: (project) => muted.get(project) ?? null,
    close: () => topic.close(),
  }
}
