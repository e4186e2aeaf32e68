import type { Principal } from '#/schemas/principal.ts'

/** For whom a socket was opened. */
export interface Admission {
  /** Undefined where reads are open and nobody said who. */
  principal: Principal | undefined
  project: string
}

/** What rooms ask about people. */
export interface CollabAccess {
  /** Once; fails with `unauthorized` for a ticket that is forged, old or used. */
  redeem(ticket: string): Promise<Admission>
  /** Tells of every change of who this is, null when it may nothing any more. Returns how to end it. */
  watch(principal: Principal | undefined, onChange: (now: Principal | null) => void): () => void
}
