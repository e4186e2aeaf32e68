import type { InvitationView, UserView } from '#/schemas/accounts.ts'

/** What lies in `config.v1` under the kinds `user`, `session`, `invitation`, `signing_key`, `organisation`. */

export interface User extends UserView {
  /** As `password.ts` writes it; empty where there is none. */
  password: string
}

/** One sign-in, and all tokens that descend from it. */
export interface Session {
  id: string
  user: string
  created_at: number
  expires_at: number
  revoked_at: number | null
  /** SHA-256 of the browser's cookie; empty for other clients. */
  cookie_hash: string
  /** SHA-256 of the refresh token that is good now; empty for browsers. */
  refresh_hash: string
  /** Those before it, the newest first: who shows one has a stolen token, or was stolen from. */
  spent_hashes: readonly string[]
  /** How often it was refreshed. */
  generation: number
  /** Program and address at the sign-in, for people to recognise it by. */
  client: string
}

export interface Invitation extends InvitationView {
  /** SHA-256 of the link's secret. */
  hash: string
}

/** The public half of what a process signs with; the private one never leaves it. */
export interface SigningKey {
  id: string
  /** Ed25519, the `x` of its JWK. */
  x: string
  created_at: number
  expires_at: number
}

export interface AccountRecords {
  user: User
  session: Session
  invitation: Invitation
  signing_key: SigningKey
}

export type AccountKind = keyof AccountRecords
