import type { Clock } from '#/kernel/clock.ts'
import { messageOf } from '#/kernel/errors.ts'
import type { PayloadOf } from '#/schemas/collab/commands.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import { viewOf } from '#/schemas/collab/views.ts'
import type { Card } from '#/schemas/collab/views.ts'
import { compares } from '#/schemas/compares.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { Submitted } from './action-record.ts'
import type { Room, RoomBook } from './room-book.ts'

export interface ClaimsDeps {
  clock: Clock
  book: RoomBook
  reads: Pick<Reads, 'guardedSql'>
  /** Partitions whose rooms this process looks after, so that each claim is asked by one process. */
  owned(): readonly number[]
  submit(submitted: Submitted): Promise<void>
  onProblem?: ((error: unknown) => void) | undefined
}

export interface Claims {
  /** Asks every claim of every incident that is not resolved once. */
  sweep(): Promise<void>
  close(): Promise<void>
}

export const SWEEP_MS = 10_000
const QUERY_MS_MAX = 2_000
/** Claims asked in one sweep; with more, a sweep begins where the last one ended. */
const CLAIMS_MAX = 100

type Result = Pick<PayloadOf<'claim_result'>, 'verdict' | 'value' | 'note'>

/**
 * What hypotheses claim is asked again as data streams, by the SQL guard that serves people too. Only a change of the
 * verdict is told: it is an event like any other, so its history is that of the room.
 */
export function startClaims(deps: ClaimsDeps): Claims {
  const stop = new AbortController()
  let begin = 0
  const sweep = async (): Promise<void> => {
    const due = dueClaims(deps)
    if (begin >= due.length) begin = 0
    const turn = due.slice(begin, begin + CLAIMS_MAX)
    begin += turn.length
    for (const { room, card } of turn) {
      if (stop.signal.aborted) return
      const result = await judge(deps, room, card)
      if (card.verdict?.verdict === result.verdict && card.verdict.note === result.note) continue
      await deps.submit(submittedOf(room, card, { result, nowMs: deps.clock.nowMs() }))
    }
  }
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await deps.clock.sleep(SWEEP_MS, stop.signal)
      if (!stop.signal.aborted) await sweep().catch(deps.onProblem)
    }
  }
  const running = run()
  return {
    sweep,
    async close() {
      stop.abort()
      await running
    },
  }
}

function dueClaims(deps: ClaimsDeps): { room: Room; card: Card }[] {
  const { book } = deps
  const partitions = new Set(deps.owned())
  const due: { room: Room; card: Card }[] = []
  for (const [, room] of book.rooms()) {
    const { root, cards } = room.state
    const isOver = root['status']?.value === 'resolved' || root['redirectTo'] !== undefined
    if (isOver || !partitions.has(room.partition)) continue
    if (!Object.values(cards).some((card) => card['claim']?.value != null)) continue
    for (const card of viewOf(room.state).cards)
      if (card.claim !== null && card.state !== 'invalidated') due.push({ room, card })
  }
  return due
}

async function judge({ reads }: ClaimsDeps, { project }: Room, card: Card): Promise<Result> {
  const { sql = '', sign = '=', value: bound = 0 } = card.claim ?? {}
  try {
    const wish = { project, sql, rowsMax: 1, timeMsMax: QUERY_MS_MAX }
    const { rows } = await reads.guardedSql(wish)
    const cell = rows[0]?.[0]
    const value = typeof cell === 'boolean' ? Number(cell) : Number(cell ?? Number.NaN)
    if (!Number.isFinite(value))
      return { verdict: 'undecided', value: null, note: 'The first cell is no number.' }
    return { verdict: compares(value, sign, bound) ? 'supported' : 'refuted', value, note: '' }
  } catch (error) {
    return { verdict: 'undecided', value: null, note: messageOf(error).slice(0, 500) }
  }
}

function submittedOf(
  { project, state }: Room,
  card: Card,
  { result, nowMs }: { result: Result; nowMs: number },
): Submitted {
  // Answers to a claim that was changed meanwhile are about the old one; the next sweep asks the new one.
  const payload = { id: card.id, ...result } satisfies PayloadOf<'claim_result'>
  return {
    project,
    incidentId: state.incidentId,
    command: {
      cmdId: `claim-${card.id}-${state.seq}`,
      kind: 'claim_result',
      payload,
      actor: ENGINE,
      at: nowMs,
    },
  }
}
