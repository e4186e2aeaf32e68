import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { SCOPES } from '#/api/keys.ts'
import type { Scope } from '#/api/keys.ts'
import { wrong } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'

/** Keys of the caller's own project; for keys with scope admin. */
export function keyRoutes({ keys }: AppDeps): readonly Route[] {
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
        const actor = `key:${call.key?.id ?? ''}`
        return keys.createKey({ project: call.project, name, scopes: scopesOf(scopes), actor })
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/keys/:id',
      tag: 'keys',
      summary: 'Revoke a key; it is refused from now on.',
      access: 'admin',
      query: {},
      answer: { status: 200, type, about: 'The key as it is now.', schema: ref('Key') },
      problems: ['not_found'],
      handle({ path, key, project }) {
        const id = path['id'] ?? ''
        if (!keys.listKeys(project).some((known) => known.id === id))
          throw new FaultlineError('not_found', 'There is no key of this id.')
        return keys.revokeKey({ id, actor: `key:${key?.id ?? ''}` })
      },
    }),
  ]
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
