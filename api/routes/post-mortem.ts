import type { AppDeps } from '#/api/deps.ts'
import { oneOf } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { pastOf } from '#/processors/ai/desk.ts'
import { summarizeByRules } from '#/processors/domain/insight/rules.ts'
import { postMortemHtml, postMortemMarkdown } from '#/schemas/collab/post-mortem-text.ts'
import { postMortemOf } from '#/schemas/collab/post-mortem.ts'
import type { PostMortem } from '#/schemas/collab/post-mortem.ts'
import { emptyRoom } from '#/schemas/collab/state.ts'

const FORMATS = ['md', 'html', 'json'] as const
const MARKDOWN = 'text/markdown; charset=utf-8'
const HTML = 'text/html; charset=utf-8'
/** A document of its own: it fetches nothing and runs nothing, whatever is written in it. */
const HTML_POLICY = "default-src 'none'; style-src 'none'; sandbox"

/**
 * The one post-mortem of an incident. By rules it is the same bytes for the same incident, with marked sections for
 * people; a model fills those and nothing else.
 */
export function postMortemRoutes(deps: AppDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/incidents/:id/post-mortem',
      tag: 'incidents',
      summary: 'Everything known about an incident as a document; sections for people are marked.',
      access: 'read',
      query: { format: oneOf('Markdown, HTML or JSON.', FORMATS, 'md') },
      answer: { status: 200, about: 'The document.', type: MARKDOWN },
      otherAnswers: [
        { status: 200, about: '', type: HTML },
        { status: 200, about: '', type: 'application/json', schema: { type: 'object' } },
      ],
      problems: ['not_found'],
      async handle(call) {
        const { document } = await documentOf(deps, call)
        if (call.query.format === 'json') return document
        if (call.query.format === 'md') return send(call, MARKDOWN, postMortemMarkdown(document))
        void call.reply.header('content-security-policy', HTML_POLICY)
        return send(call, HTML, postMortemHtml(document))
      },
    }),
    ...(deps.ai === undefined ? [] : [fillRoute(deps, deps.ai)]),
  ]
}

function fillRoute(deps: AppDeps, { desk }: NonNullable<AppDeps['ai']>): Route {
  return route({
    method: 'POST',
    path: '/api/incidents/:id/post-mortem',
    tag: 'ai',
    summary: 'The same document in Markdown with its marked sections filled by the model.',
    access: 'respond',
    query: {},
    answer: {
      status: 200,
      type: 'application/json',
      about: '`markdown`, and the `model` that filled the sections; empty when it could not.',
      schema: { type: 'object' },
    },
    problems: ['not_found', 'conflict'],
    async handle(call) {
      const { incidentId, document } = await documentOf(deps, call)
      const draft = postMortemMarkdown(document)
      return desk.fillPostMortem({ project: call.project, incidentId, draft })
    },
  })
}

/** From the store, the room, or both: an incident opened by hand a moment ago is in its room alone. */
async function documentOf(
  { reads, collab }: AppDeps,
  { project, path }: Pick<Call, 'project' | 'path'>,
): Promise<{ incidentId: string; document: PostMortem }> {
  const id = path['id'] ?? ''
  const detail = await reads.incident({ project, id })
  const incidentId = detail?.incident.id ?? id
  const room = collab?.gateway.rooms.book.room(incidentId)
  const own = room?.project === project ? room : undefined
  if (detail === null && own === undefined)
    throw new FaultlineError('not_found', 'There is no incident of this id or number.')
  const events = own === undefined ? [] : ((await collab?.gateway.history(incidentId)) ?? [])
  const document = postMortemOf({
    detail,
    summary: detail && summarizeByRules(detail.incident, pastOf(detail.similar)),
    state: own?.state ?? emptyRoom(incidentId),
    events,
  })
  return { incidentId, document }
}

function send(call: Pick<Call, 'reply'>, type: string, text: string): undefined {
  void call.reply.header('content-type', type).header('cache-control', 'no-store').send(text)
  return undefined
}
