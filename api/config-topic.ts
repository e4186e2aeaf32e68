import { FaultlineError } from '#/kernel/errors.ts'
import { randomSecret } from '#/kernel/random.ts'
import { encode } from '#/schemas/codec.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import {
  openConfigFollower,
  type ApplyEntry,
  type ConfigFollower,
  type ConfigFollowerDeps,
} from './config-follower.ts'

export interface ConfigTopicDeps extends ConfigFollowerDeps {
  /** The reader of this process, which stays open; where it is missing, one of its own is opened and closed. */
  configFollower?: ConfigFollower | undefined
}

export interface ConfigTopic {
  /** Durable, and applied, when it resolves. Nothing of them is applied before what was written earlier. */
  write(entries: readonly ConfigEntry[]): Promise<void>
  /**
   * For what only one may say, whichever process it is of: durable, and everything up to it was applied, when it
   * resolves with its offset. Of several that say the same the lowest was first. It gets a key of its own, behind the
   * given id, so that compaction does not take the first for the last; `forget` it when another entry has taken its
   * place. Never applied ahead: fails with `log_unavailable` when it is not read back in time, and is known later.
   */
  claim(entry: ConfigEntry): Promise<Claim>
  /** Writes tombstones: compaction drops these entries after a while. Who holds them in memory drops them himself. */
  forget(entries: readonly Pick<ConfigEntry, 'kind' | 'id'>[]): Promise<void>
  close(): Promise<void>
}

export interface Claim {
  kind: string
  id: string
  offset: number
}

const NONCE_BYTES = 6
const TP = { topic: TOPICS.config.name, partition: 0 }

/**
 * Follows the compacted configuration topic: `apply` has seen what it held when this resolves, and sees what this and
 * other processes write afterwards, in log order and once each. Only when the log does not answer for long after a
 * write is an entry applied ahead, and once more when it is read.
 */
export async function openConfigTopic(
  deps: ConfigTopicDeps,
  apply: ApplyEntry,
): Promise<ConfigTopic> {
  const { log, clock, schemaIds, configFollower } = deps
  const stop = new AbortController()
  const follower = configFollower ?? (await openConfigFollower(deps))
  const end = follower.subscribe(apply, deps.onProblem)
  const append = async (entries: readonly ConfigEntry[]): Promise<number> => {
    const records = entries.map((entry) => ({
      key: keyOf(entry),
      value: encode('ConfigEntry', schemaIds.ConfigEntry, entry),
      timestampMs: entry.at,
    }))
    const [written] = await log.append([{ ...TP, records }])
    return written?.baseOffset ?? 0
  }
  return {
    async write(entries) {
      const behind = (await append(entries)) + entries.length
      if (await follower.reached(behind, stop.signal)) return
      for (const entry of entries) apply(entry, null)
    },
    async claim(entry) {
      const { kind } = entry
      const id = `${entry.id}/${randomSecret(NONCE_BYTES)}`
      const offset = await append([{ ...entry, id }])
      if (await follower.reached(offset + 1, stop.signal)) return { kind, id, offset }
      throw new FaultlineError('log_unavailable', 'It was written, but is not read back yet.', {
        remedy: 'Look whether it came to be before sending it again.',
      })
    },
    async forget(entries) {
      const timestampMs = clock.nowMs()
      const records = entries.map((entry) => ({ key: keyOf(entry), value: null, timestampMs }))
      if (records.length > 0) await log.append([{ ...TP, records }])
    },
    async close() {
      stop.abort()
      end()
      if (configFollower === undefined) await follower.close()
    },
  }
}

function keyOf({ kind, id }: Pick<ConfigEntry, 'kind' | 'id'>): Buffer {
  return Buffer.from(`${kind}/${id}`, 'utf8')
}
