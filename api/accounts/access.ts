import type { Scope } from '#/api/keys.ts'
import type { Access } from '#/api/route.ts'
import { hasRole, type Principal } from '#/schemas/principal.ts'

/** A caller as far as access depends on it. */
export interface Caller {
  principal: Principal | undefined
  /** Of the key that was sent. */
  scopes?: readonly Scope[] | undefined
  /** Nobody has to say who they are: this machine only, and no account yet. */
  isOpen: boolean
}

/**
 * The one place that decides who may call what. docs/access.md shows for every address what comes of it (a test asks
 * every address as every kind of caller).
 */
export function mayCall(access: Access, caller: Caller): boolean {
  const { principal, scopes } = caller
  // Of `own` the route decides: it knows what proves it.
  if (access === 'none' || access === 'own') return true
  if (principal === undefined) return isReading(access) && caller.isOpen
  if (principal.kind === 'owner') return access !== 'ingest' && access !== 'person'
  if (principal.kind === 'key') return keyMay(access, scopes ?? [])
  switch (access) {
    case 'ingest':
      return false
    case 'read':
    case 'metrics':
    case 'person':
      return true
    case 'respond':
      return hasRole(principal, 'responder')
    case 'admin':
      return hasRole(principal, 'admin')
    case 'operator':
      return hasRole(principal, 'admin') && principal.projects === 'all'
  }
}

function isReading(access: Access): boolean {
  return access === 'read' || access === 'metrics'
}

/** A key reaches its own project, so never what is the whole platform's; and it is no person. */
function keyMay(access: Access, scopes: readonly Scope[]): boolean {
  if (access === 'operator' || access === 'person') return false
  if (scopes.includes('admin')) return true
  if (access === 'ingest') return scopes.includes('ingest')
  return isReading(access) && scopes.includes('read')
}
