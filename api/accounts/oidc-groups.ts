import type { Role } from '#/schemas/principal.ts'

/** Groups of the issuer that give a role; `*` is everybody who can sign in there. */
export interface GroupRoles {
  admin: readonly string[]
  responder: readonly string[]
  viewer: readonly string[]
}

/** The strongest role of these groups; undefined when none of them gives one. */
export function roleOfGroups(groups: readonly string[], roles: GroupRoles): Role | undefined {
  const has = (names: readonly string[]): boolean =>
    names.some((name) => name === '*' || groups.includes(name))
  if (has(roles.admin)) return 'admin'
  if (has(roles.responder)) return 'responder'
  return has(roles.viewer) ? 'viewer' : undefined
}

/** A claim with groups is a list, or for some issuers one text with commas or spaces. */
export function groupsIn(claim: unknown): readonly string[] {
  if (Array.isArray(claim)) return claim.filter((one) => typeof one === 'string')
  return typeof claim === 'string' ? claim.split(/[\s,]+/).filter((one) => one !== '') : []
}
