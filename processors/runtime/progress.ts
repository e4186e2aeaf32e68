import type { CommittedOffset, TopicPartition } from '#/processors/log/port.ts'
import { loadState } from './changelog.ts'
import type { Progress, RestoredState } from './changelog.ts'
import { RewindError } from './stage.ts'
import type { WorkerContext } from './stage.ts'

/**
 * Every commit of ours carries metadata, so that one made by an outside tool (which wipes it) can be told apart.
 * A sink's commit may hold an intent: the end of the range it is about to insert.
 */
export interface CommitNote {
  epoch: number
  /** Exclusive end of the announced range. */
  hi?: number
  /** The replay its owner rests for. */
  rest?: number
}

export function restMetadata({ epoch, hi }: CommitNote, rest: number): string {
  return JSON.stringify({ epoch, ...(hi === undefined ? {} : { hi }), rest })
}

export function commitMetadata(epoch: number, hi?: number): string {
  return JSON.stringify(hi === undefined ? { epoch } : { epoch, hi })
}

export function parseCommitMetadata(metadata: string): CommitNote | undefined {
  if (metadata === '') return undefined
  try {
    const parsed = JSON.parse(metadata) as Partial<CommitNote> | null
    if (typeof parsed?.epoch !== 'number') return undefined
    const { epoch, hi, rest } = parsed
    return { epoch, ...(hi === undefined ? {} : { hi }), ...(rest === undefined ? {} : { rest }) }
  } catch {
    // Whoever wrote this, it was not us.
    return undefined
  }
}

export interface ResumePoint {
  /** The next record to read. */
  position: number
  /** How far the group had come by itself; less than `position` after a skip. */
  progress: number
  /** Nothing was ever committed by us. */
  isFirst: boolean
  /** Records that were processed and then lost by the log, as a power loss may do to the last ones. */
  lost: number
}

/** How long a log that has just come back may take until it shows all it holds. */
const SHOW_MS_MAX = 10_000
const SHOW_STEP_MS = 100

/** What a worker finds when it begins. */
export interface Found {
  state: RestoredState
  resume: ResumePoint
  /** Of the committed offset, or of the progress record where there is none. */
  note: CommitNote | undefined
  /** The end of the input when it was looked at. */
  end: number
}

/**
 * Reads state and offsets of a worker. A commit of ours holds the offset in both places, and nothing is committed
 * that the input does not hold; where they contradict each other, the log has just come back and does not show
 * everything yet. Going on from that would do work twice or leave it out, so it is read again for a while; what
 * contradicts itself after that is a loss.
 */
export async function findProgress(
  context: WorkerContext,
  stateTp: TopicPartition,
): Promise<Found> {
  const { log, clock, input } = context
  const untilMs = clock.monotonicMs() + SHOW_MS_MAX
  for (;;) {
    const state = await loadState(log, stateTp, input.topic)
    const committed = await log.committed(context.membership().group, input)
    const seen = { committed, progress: state.progress, end: await log.endOffset(input) }
    if (showsAll(seen) || clock.monotonicMs() >= untilMs) {
      const offset =
        committed?.offset ?? state.progress?.offset ?? (await log.beginningOffset(input))
      const resume = resumePoint(input, { ...seen, offset })
      const metadata = committed?.metadata ?? state.progress?.metadata ?? ''
      return { state, resume, note: parseCommitMetadata(metadata), end: seen.end }
    }
    await clock.sleep(SHOW_STEP_MS)
  }
}

interface Seen {
  committed: CommittedOffset | undefined
  progress: Progress | undefined
  end: number
}

function showsAll({ committed, progress, end }: Seen): boolean {
  const note = parseCommitMetadata(committed?.metadata ?? '')
  // Never committed, or set by a tool, which may set what it likes.
  if (committed === undefined || note === undefined) return true
  // Whoever rests for a replay before its first record says so in the offset alone.
  if (progress === undefined) return note.rest !== undefined
  if (progress.offset < committed.offset) return false
  return end >= Math.max(committed.offset, note.hi ?? 0)
}

/**
 * Where a worker goes on. The committed offset and the progress record are written in one step, so they differ
 * only when somebody else set the offset. Forward is a skip, and obeyed. Back is a request to replay, which must not
 * touch what is already written: `RewindError` carries both offsets. A group that has no offset any more, as Kafka
 * forgets them after a week without members, wished for nothing: the progress record stands in.
 */
function resumePoint(
  input: TopicPartition,
  { offset, progress, end }: Omit<Seen, 'committed'> & { offset: number },
): ResumePoint {
  if (progress !== undefined && offset < progress.offset)
    throw new RewindError(input, { offset, progress })
  const position = Math.min(offset, end)
  const isFirst = progress === undefined
  const done = isFirst ? position : Math.min(progress.offset, end)
  return { position, progress: done, isFirst, lost: offset - position }
}
