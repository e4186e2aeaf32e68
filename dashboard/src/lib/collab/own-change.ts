import type { RoomState } from '#lib/contract.ts'

/**
 * The last change of this person that was not taken back, among those that still can be. Of the confirmed room, so that
 * it is the same after a reload and in another tab.
 */
export function lastOwnChange({ recent }: Pick<RoomState, 'recent'>, me: string): number | null {
  const undone = new Set(recent.map(({ undoes }) => undoes))
  const last = recent.findLast(
    ({ seq, by, undoes }) => by === me && undoes === undefined && !undone.has(seq),
  )
  return last?.seq ?? null
}
