import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { SCOPES } from '#/api/keys.ts'
import type { AuditNote } from '#/api/accounts/audit.ts'
import type { ApiKey, Scope } from '#/api/keys.ts'
import { wrong } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'

/** Keys of the caller's own project; for keys with scope admin. */
export function keyRoutes({ keys, audit }: AppDeps): readonly Route[] {
  const type = 'application/json'
  return [
    route({
      method: 'GET',
      path: '/api/keys',
      tag: 'keys',
      summary: 'API keys, without their secrets.',
      access: 'admin',
      query: {},
      answer: { status: 200, type, about: 'Keys.', schema: ref('KeyList') },
      handle: ({ project }) => ({ items: keys.listKeys(project), next: null }),
    }),
    route({
      method: 'POST',
      path: '/api/keys',
      tellsTrail: true,
      tag: 'keys',
      summary: 'Create a key; its text is shown this once.',
      access: 'admin',
      query: {},
      body: { about: 'Name and scopes.', types: [type], schema: ref('KeyRequest') },
      answer: { status: 201, type, about: 'The key.', schema: ref('KeyCreated') },
      problems: ['invalid_json', 'invalid_request'],
      async handle(call) {
        const { name = '', scopes = ['ingest'] } = readObject(call)
        if (typeof name !== 'string') throw wrong('name', 'name must be text.')
        const actor = call.principal?.id ?? ''
        const wish = { project: call.project, name, scopes: scopesOf(scopes), actor }
        const made = await keys.createKey(wish)
        await audit?.record(noteOf('key.create', made.info, actor))
        return made
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/keys/:id',
      tellsTrail: true,
      tag: 'keys',
      summary: 'Revoke a key; it is refused from now on.',
      access: 'admin',
      query: {},
      answer: { status: 200, type, about: 'The key as it is now.', schema: ref('Key') },
      problems: ['not_found'],
      async handle({ path, principal, project }) {
        const id = path['id'] ?? ''
        if (!keys.listKeys(project).some((known) => known.id === id))
          throw new FaultlineError('not_found', 'There is no key of this id.')
        const actor = principal?.id ?? ''
        const revoked = await keys.revokeKey({ id, actor })
        await audit?.record(noteOf('key.revoke', revoked, actor))
        return revoked
      },
    }),
  ]
}

export function noteOf(action: 'key.create' | 'key.revoke', key: ApiKey, actor: string): AuditNote {
  const { id, project, name, scopes } = key
  return { actor, action, target: `key:${id}`, result: 'done', detail: { project, name, scopes } }
}

function scopesOf(value: unknown): readonly Scope[] {
  const all: readonly string[] = SCOPES
  if (Array.isArray(value) && value.length > 0 && value.every((scope) => all.includes(scope)))
    return [...new Set(value as Scope[])]
  throw wrong('scopes', 'scopes must be a list of scopes.', `Use ${SCOPES.join(', ')}.`)
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` }
}
