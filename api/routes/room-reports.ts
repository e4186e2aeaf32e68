import { findRoom } from '#/api/collab/reading.ts'
import type { CollabParts } from '#/api/collab/socket.ts'
import type { AppDeps } from '#/api/deps.ts'
import { oneOf, time } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { handoffMarkdown } from '#/schemas/collab/handoff.ts'
import type { HandedOver } from '#/schemas/collab/handoff.ts'
import { postMortemHtml, postMortemMarkdown } from '#/schemas/collab/post-mortem-text.ts'
import { postMortemOf } from '#/schemas/collab/post-mortem.ts'

const SHIFT_MS = 8 * 3_600_000
const FORMATS = ['md', 'html', 'json'] as const
const MARKDOWN = 'text/markdown; charset=utf-8'
/** A document of its own: it fetches nothing and runs nothing, whatever is written in it. */
const HTML_POLICY = "default-src 'none'; style-src 'none'; sandbox"
/** Incidents one handoff tells about; more is no shift but a week. */
const ROOMS_MAX = 200

/** What is read as a document: the post-mortem of an incident, the handoff of a shift. */
export function reportRoutes(
  { reads, clock }: AppDeps,
  { gateway }: CollabParts,
): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/incidents/:id/post-mortem',
      tag: 'incidents',
      summary: 'Everything known about an incident as a document.',
      access: 'read',
      query: { format: oneOf('Markdown, HTML or JSON.', FORMATS, 'md') },
      answer: { status: 200, about: 'The document.', type: MARKDOWN },
      problems: ['not_found'],
      async handle(call) {
        const { project, path, query } = call
        const {
          incidentId,
          room: { state },
        } = findRoom(gateway, { project, id: path['id'] ?? '' })
        const [detail, events] = await Promise.all([
          reads.incident({ project, id: incidentId }),
          gateway.history(incidentId),
        ])
        const document = postMortemOf({
          incident: detail?.incident ?? null,
          summary: detail?.summary ?? null,
          state,
          events,
        })
        if (query.format === 'json') return document
        if (query.format === 'md') return send(call, MARKDOWN, postMortemMarkdown(document))
        void call.reply.header('content-security-policy', HTML_POLICY)
        return send(call, 'text/html; charset=utf-8', postMortemHtml(document))
      },
    }),
    route({
      method: 'GET',
      path: '/api/handoff',
      tag: 'incidents',
      summary: 'What the next shift has to know, as Markdown.',
      access: 'read',
      query: {
        since: time('When the shift began; eight hours ago when missing.', (now) => now - SHIFT_MS),
      },
      answer: { status: 200, about: 'Markdown.', type: MARKDOWN },
      async handle(call) {
        const { since } = call.query
        const rooms: HandedOver[] = []
        const all = [...gateway.rooms.book.rooms()]
          .filter(([, { project }]) => project === call.project)
          .toSorted(([, left], [, right]) => right.state.at - left.state.at)
        for (const [incidentId, { state }] of all) {
          const isOpen = state.root['status']?.value !== 'resolved'
          if ((!isOpen && state.at < since) || rooms.length >= ROOMS_MAX) continue
          const events = (await gateway.history(incidentId)).filter(({ ts }) => ts >= since)
          rooms.push({ state, events })
        }
        const shift = { sinceMs: since, nowMs: clock.nowMs() }
        return send(call, MARKDOWN, handoffMarkdown(rooms, shift))
      },
    }),
  ]
}

function send(call: Pick<Call, 'reply'>, type: string, text: string): undefined {
  void call.reply.header('content-type', type).header('cache-control', 'no-store').send(text)
  return undefined
}
