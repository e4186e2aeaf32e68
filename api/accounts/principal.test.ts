import { describe, expect, it } from 'vitest'
import { hasRole, ROLES, seesProject } from '#/schemas/principal.ts'
import { principalOfKey } from './key-principal.ts'

const KEY = {
  id: 'abc',
  project: 'shop',
  name: '',
  created_at: 0,
  revoked_at: null,
  last_used_at: null,
}

describe('who is asking', () => {
  it('a role may all that weaker ones may', () => {
    const may = ROLES.map((role) => ROLES.filter((wanted) => hasRole({ role }, wanted)))
    expect(may).toEqual([['viewer'], ['viewer', 'responder'], ['viewer', 'responder', 'admin']])
  })

  it('somebody sees the projects of the membership, whoever has all of them every one', () => {
    expect(seesProject({ projects: ['shop'] }, 'shop')).toBe(true)
    expect(seesProject({ projects: ['shop'] }, 'bank')).toBe(false)
    expect(seesProject({ projects: [] }, 'shop')).toBe(false)
    expect(seesProject({ projects: 'all' }, 'bank')).toBe(true)
  })

  it('a key that reads is a viewer of its project and nothing more', () => {
    expect(principalOfKey({ ...KEY, scopes: ['read'] })).toEqual({
      id: 'key:abc',
      name: 'abc',
      kind: 'key',
      role: 'viewer',
      projects: ['shop'],
    })
    expect(principalOfKey({ ...KEY, scopes: ['read', 'admin'] }).role).toBe('admin')
  })
})
