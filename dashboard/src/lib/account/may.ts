/** What this reader may do, before a button offers it. The API decides; this only says it beforehand. */
import type { MeView } from '#lib/contract.ts'

/** As docs/access.md names them. */
export type Wanted = 'respond' | 'admin' | 'operator'

const WHO: Readonly<Record<Wanted, string>> = {
  respond: 'Responders and administrators',
  admin: 'Administrators',
  operator: 'Administrators of all projects',
}

export interface Refusal {
  /** Why not, and who may. */
  sentence: string
  /** Signing in may help. */
  signIn: boolean
}

/** Null when they may, or when it is not known who they are. */
export function refusalOf(me: MeView | null, wanted: Wanted, verb: string): Refusal | null {
  if (me === null) return null
  const { principal } = me
  if (principal === null) {
    return me.setup
      ? {
          sentence: `${WHO[wanted]} ${verb}. Nobody has an account yet: open the set-up link that the start of the platform printed.`,
          signIn: false,
        }
      : { sentence: `${WHO[wanted]} ${verb}. You are not signed in.`, signIn: true }
  }
  const { role } = principal
  const isEnough =
    wanted === 'respond'
      ? role !== 'viewer'
      : role === 'admin' && (wanted === 'admin' || principal.projects === 'all')
  if (isEnough) return null
  return { sentence: `${WHO[wanted]} ${verb}; your role is ${role}.`, signIn: false }
}
