import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import { forgetClaim, lostTooOften, TRIES_MAX } from '#/api/first-come.ts'
import type { DiffState, DiffWish } from '#/api/ports.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import type { ReplayDiffView } from '#/schemas/replay-view.ts'

/** Comparisons that have ended, newest first, of every process that shares the log. */
export interface DiffHistory {
  /** Everybody sees it when it resolves. */
  add(wish: DiffWish, state: DiffState, finishedAtMs: number): Promise<void>
  list(project: string): readonly ReplayDiffView[]
  close(): Promise<void>
}

interface Kept {
  /** Of its entry. */
  id: string
  project: string
  view: ReplayDiffView
  offset: number | null
}

const KIND = 'replay_diff'
/** Of all projects; the oldest goes. */
const KEPT_MAX = 20
const DIFFERENCES_MAX = 500
/** Whoever follows the configuration reads them: of one with more, fewer differences are kept. */
const BYTES_MAX = 128 << 10

export async function openDiffHistory(deps: ConfigTopicDeps): Promise<DiffHistory> {
  const kept = new Map<number, Kept>()
  const topic = await openConfigTopic(deps, (entry, offset) => applyEntry(kept, entry, offset))
  return {
    async add(wish, state, finishedAtMs) {
      const { project } = wish
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const id = Math.max(0, ...kept.keys()) + 1
        const view = viewOf(wish, state, { id, finishedAtMs })
        const value = JSON.stringify({ project, view })
        const oldest = kept.get(id - KEPT_MAX)
        const entry = { kind: KIND, id: String(id), at: finishedAtMs, actor: 'operator', value }
        const claim = await topic.claim(entry)
        const isFirst = kept.get(id)?.offset === claim.offset
        const over = isFirst ? oldest : claim
        if (over !== undefined) await forgetClaim(deps, topic, { kind: KIND, id: over.id })
        if (isFirst) return
      }
      throw lostTooOften('compared something')
    },
    list: (project) =>
      [...kept.values()]
        .filter((one) => one.project === project)
        .map(({ view }) => view)
        .toSorted((left, right) => right.id - left.id),
    close: () => topic.close(),
  }
}

/** Of two with one number the first holds. */
function applyEntry(kept: Map<number, Kept>, entry: ConfigEntry, offset: number | null): void {
  if (entry.kind !== KIND) return
  const { project, view } = JSON.parse(entry.value) as Pick<Kept, 'project' | 'view'>
  if (kept.has(view.id)) return
  kept.set(view.id, { id: entry.id, project, view, offset })
  const newest = Math.max(...kept.keys())
  for (const id of kept.keys()) if (id <= newest - KEPT_MAX) kept.delete(id)
}

function viewOf(
  { rules, without, from, to }: DiffWish,
  { phase, error, records, diff }: DiffState,
  { id, finishedAtMs }: { id: number; finishedAtMs: number },
): ReplayDiffView {
  const changed = typeof rules === 'object' && rules !== null ? Object.keys(rules) : []
  return {
    id,
    finished_at: finishedAtMs,
    phase,
    error,
    changed,
    without,
    from,
    to,
    records,
    diff:
      diff === null
        ? null
        : {
            ...diff,
            differences: fitting(diff.differences),
            differences_total: diff.differences.length,
          },
  }
}

function fitting<T>(differences: readonly T[]): T[] {
  let bytes = 0
  return differences.slice(0, DIFFERENCES_MAX).filter((difference) => {
    bytes += Buffer.byteLength(JSON.stringify(difference))
    return bytes <= BYTES_MAX
  })
}
