import type { ApiKey } from '#/api/keys.ts'
import type { Principal } from '#/schemas/principal.ts'

/** A key acts for its project: with scope admin as an administrator, else as a viewer at most. */
export function principalOfKey(key: ApiKey): Principal {
  return {
    id: `key:${key.id}`,
    name: key.name === '' ? key.id : key.name,
    kind: 'key',
    role: key.scopes.includes('admin') ? 'admin' : 'viewer',
    projects: [key.project],
  }
}

/** Whoever can read the operator's token in the data folder. */
export const OWNER: Principal = Object.freeze({
  id: 'owner',
  name: 'operator',
  kind: 'owner',
  role: 'admin',
  projects: 'all',
})
