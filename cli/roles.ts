import type { Config } from './settings.ts'

/** A part of the platform that may run in a process of its own. */
export type Role = 'ingest' | 'processors' | 'sink' | 'api'

const ROLES: readonly Role[] = ['ingest', 'processors', 'sink', 'api']

export interface Roles {
  /** In the order an event meets them. */
  readonly names: readonly Role[]
  /** One process does everything, so nothing has to be shared with others. */
  readonly isWhole: boolean
  has(role: Role): boolean
}

/** Reads the setting `role`; its values were checked before. */
export function rolesOf({ role }: Pick<Config, 'role'>): Roles {
  const given = new Set(role.split(',').map((name) => name.trim()))
  const names = given.has('all') ? ROLES : ROLES.filter((name) => given.has(name))
  return { names, isWhole: names.length === ROLES.length, has: (one) => names.includes(one) }
}
