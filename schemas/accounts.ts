/** Accounts as the API shows them; never a password, a token or the hash of one. */
import type { Principal, Role } from './principal.ts'

export interface UserView {
  id: string
  /** What the person signs in with, in lower case. */
  email: string
  name: string
  role: Role
  /** `all` for administrators. */
  projects: readonly string[] | 'all'
  /** `oidc`: signs in at the organisation's own issuer and has no password here. */
  source: 'local' | 'oidc'
  created_at: number
  disabled_at: number | null
}

export interface InvitationView {
  id: string
  /** Who may use it; empty for whoever has the link. */
  email: string
  role: Role
  projects: readonly string[] | 'all'
  /** The user whose password it sets anew; empty for a new one. */
  user: string
  created_by: string
  created_at: number
  expires_at: number
  used_at: number | null
  revoked_at: number | null
}

export interface ProjectView {
  id: string
  name: string
  created_at: number
}

/** What is known of a key; never the key itself. */
export interface KeyView {
  id: string
  project: string
  name: string
  scopes: readonly string[]
  created_at: number
  revoked_at: number | null
  /** Up to a minute old in what other processes see. */
  last_used_at: number | null
}

/** What a caller is told about itself. */
export interface MeView {
  principal: Omit<Principal, 'sessionId'> | null
  /** Empty for callers that are no person. */
  email: string
  /** The project that reads are of, for this caller as it asks now. */
  project: string
  /** What the caller may choose from. */
  projects: readonly ProjectView[]
  organisation: string
  /** Reads need no sign-in: this machine only, and no account yet. */
  open: boolean
  /** No account yet: the set-up link makes the first one. */
  setup: boolean
  registration: 'invitation' | 'open'
  /** How the organisation's own sign-in is called; null where there is none. */
  oidc: string | null
}

export interface AuditView {
  /** Where it lies in `audit.v1`. */
  offset: number
  at: number
  actor: string
  action: string
  target: string
  /** done, denied, failed. */
  result: string
  detail: Readonly<Record<string, unknown>>
  hash: string
}

export interface AuditVerdict {
  entries: number
  /** How many processes wrote. */
  writers: number
  /** The hash of the last entry: written down elsewhere, it proves later that nothing before was exchanged. */
  head: string
  /** Whether an entry has the hash that was asked for; null when none was. */
  knownHead: boolean | null
  /** No problem was found, and the hash that was asked for is there. */
  isWhole: boolean
  problems: readonly { offset: number; what: string }[]
}
