import { readObject } from '#/api/answer.ts'
import type { Accounts } from '#/api/accounts/accounts.ts'
import { textOf } from '#/api/accounts/wishes.ts'
import { OWNER } from '#/api/accounts/key-principal.ts'
import type { AppDeps } from '#/api/deps.ts'
import { text, wholeNumber } from '#/api/params.ts'
import { jsonAnswer, jsonBody, route, type Call, type Route } from '#/api/route.ts'
import { seesProject } from '#/schemas/principal.ts'

const common = { tag: 'accounts', access: 'operator', query: {} } as const
const problems = ['invalid_json', 'invalid_request', 'not_found', 'conflict'] as const

const byOf = ({ principal }: Call) => principal ?? OWNER

/** What administrators of the organisation do: people, invitations, projects, and reading what everybody did. */
export function peopleRoutes(deps: AppDeps): readonly Route[] {
  const { accounts } = deps
  if (accounts === undefined) return []
  return [
    ...userRoutes(accounts),
    ...invitationRoutes(accounts),
    ...projectRoutes(deps),
    ...auditRoutes(deps),
  ]
}

function userRoutes({ admin }: Accounts): readonly Route[] {
  return [
    route({
      ...common,
      method: 'GET',
      path: '/api/users',
      summary: 'Everybody with an account.',
      answer: jsonAnswer('People.'),
      handle: () => ({ items: admin.users(), next: null }),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/api/users/:id',
      tellsTrail: true,
      summary:
        'Change role, projects or name, or disable somebody; open streams notice within 5 s.',
      body: jsonBody('Any of `role`, `projects`, `name`, `disabled`.'),
      answer: jsonAnswer('The person.'),
      problems,
      handle: (call) => admin.change(call.path['id'] ?? '', readObject(call), byOf(call)),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/api/users/:id/reset-link',
      tellsTrail: true,
      summary: 'A link with which this person sets a new password; shown once.',
      answer: jsonAnswer('The link’s token.', 201),
      problems,
      handle: async (call) => linkOf(await admin.resetLink(call.path['id'] ?? '', byOf(call))),
    }),
  ]
}

function invitationRoutes({ admin }: Accounts): readonly Route[] {
  return [
    route({
      ...common,
      method: 'GET',
      path: '/api/invitations',
      summary: 'Invitations, newest first, without their secrets.',
      answer: jsonAnswer('Invitations.'),
      handle: () => ({ items: admin.invitations(), next: null }),
    }),
    route({
      ...common,
      method: 'POST',
      path: '/api/invitations',
      tellsTrail: true,
      summary: 'Invite somebody; the link is shown once.',
      body: jsonBody('`role`, `projects` (“all” or a list), `email`, `hours`.'),
      answer: jsonAnswer('The link’s token.', 201),
      problems,
      handle: async (call) => linkOf(await admin.invite(readObject(call), byOf(call))),
    }),
    route({
      ...common,
      method: 'DELETE',
      path: '/api/invitations/:id',
      tellsTrail: true,
      summary: 'Take an invitation back.',
      answer: jsonAnswer('The invitation.'),
      problems,
      handle: (call) => admin.revokeInvitation(call.path['id'] ?? '', byOf(call)),
    }),
  ]
}

/** The token stands behind `#`: browsers keep that part to themselves, so it lands in no log. */
function linkOf(made: Awaited<ReturnType<Accounts['admin']['invite']>>): object {
  return { ...made, path: `/setup#invitation=${made.token}` }
}

function projectRoutes(deps: AppDeps): readonly Route[] {
  const { keys } = deps
  return [
    route({
      ...common,
      method: 'POST',
      path: '/api/projects',
      tellsTrail: true,
      summary: 'Make a project, unless it is there.',
      body: jsonBody('`id`, which addresses and keys name it by, and `name`.'),
      answer: jsonAnswer('The project.', 201),
      problems,
      async handle(call) {
        const { id, name = id } = readObject(call)
        const actor = byOf(call).id
        const wish = { id: textOf(id, 'id', 64), name: textOf(name, 'name', 200), actor }
        const project = await keys.ensureProject(wish)
        const target = `project:${project.id}`
        await deps.audit?.record({ actor, action: 'project.create', target, result: 'done' })
        return project
      },
    }),
    route({
      ...common,
      access: 'read',
      method: 'GET',
      path: '/api/projects',
      summary: 'The projects the caller may see.',
      answer: jsonAnswer('Projects.'),
      handle({ principal, project }) {
        const who = principal ?? { projects: [project] }
        return { items: keys.listProjects().filter(({ id }) => seesProject(who, id)), next: null }
      },
    }),
  ]
}

function auditRoutes({ audit }: AppDeps): readonly Route[] {
  if (audit === undefined) return []
  return [
    route({
      ...common,
      method: 'GET',
      path: '/api/audit',
      summary: 'Who was let in, who was refused, who changed what; newest first.',
      query: {
        before: wholeNumber('Entries before this offset.', {
          min: 0,
          max: Number.MAX_SAFE_INTEGER,
          fallback: -1,
        }),
        limit: wholeNumber('How many.', { min: 1, max: 500, fallback: 100 }),
      },
      answer: jsonAnswer('Entries.'),
      async handle({ query: { before, limit } }) {
        const items = await audit.page({ before: before < 0 ? null : before, limit })
        const last = items.at(-1)
        return { items, next: items.length < limit ? null : (last?.offset ?? null) }
      },
    }),
    route({
      ...common,
      method: 'GET',
      path: '/api/audit/verify',
      summary:
        'Whether the audit trail is what was written: every hash and every link, from the log.',
      query: { head: text('A hash that was the last one at some time.', 64) },
      answer: jsonAnswer('The verdict.'),
      handle: ({ query: { head } }) => audit.verify(head),
    }),
  ]
}
