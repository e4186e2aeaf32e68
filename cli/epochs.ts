import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import type { EpochPort } from '#/processors/runtime/replay.ts'

export interface Epochs extends EpochPort {
  close(): Promise<void>
}

const KIND = 'epoch'

/** Epochs of the consumer groups, kept in the configuration topic: every replay raises them. */
export async function openEpochs(deps: ConfigTopicDeps): Promise<Epochs> {
  const epochs = new Map<string, number>()
  const topic = await openConfigTopic(deps, (entry) => {
    if (entry.kind !== KIND) return
    const { epoch } = JSON.parse(entry.value) as { epoch: number }
    epochs.set(entry.id, epoch)
  })
  return {
    current: (group) => epochs.get(group) ?? 1,
    async raise(groups) {
      const epoch = Math.max(1, ...epochs.values()) + 1
      const at = deps.clock.nowMs()
      const value = JSON.stringify({ epoch })
      await topic.write(groups.map((id) => ({ kind: KIND, id, at, actor: 'replay', value })))
      return epoch
    },
    close: () => topic.close(),
  }
}
