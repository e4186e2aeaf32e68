import type { CollabParts } from '#/api/collab/socket.ts'
import type { AppDeps } from '#/api/deps.ts'
import { time } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { handoffMarkdown } from '#/schemas/collab/handoff.ts'
import type { HandedOver } from '#/schemas/collab/handoff.ts'

const SHIFT_MS = 8 * 3_600_000
const MARKDOWN = 'text/markdown; charset=utf-8'
/** Incidents one handoff tells about; more is no shift but a week. */
const ROOMS_MAX = 200

/** What the next shift reads. */
export function reportRoutes({ clock }: AppDeps, { gateway }: CollabParts): readonly Route[] {
  return [
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
