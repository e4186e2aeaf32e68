/** Weakest first: each role may all that the ones before it may. `operator` is another name for responder. */
export const ROLES = ['viewer', 'responder', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Who is asking. Everything that decides about access or writes down an author takes one of these. */
export interface Principal {
  /** Stable, and unlike every other one: `user:…`, `key:…`, `owner`. */
  id: string
  /** As people see it. */
  name: string
  /** `owner` is whoever can read the operator's token in the data folder. */
  kind: 'user' | 'key' | 'owner'
  role: Role
  /** What may be seen at all; `all` is the owner and administrators of the organisation. */
  projects: readonly string[] | 'all'
  /** Of a person who signed in; ends with the sign-out. */
  sessionId?: string
}

export function hasRole({ role }: Pick<Principal, 'role'>, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted)
}

export function seesProject({ projects }: Pick<Principal, 'projects'>, project: string): boolean {
  return projects === 'all' || projects.includes(project)
}
