import { plainTitle } from '#/schemas/plain-title.ts'
import { markdownText, timeText } from './post-mortem-text.ts'
import { SMALL_KINDS } from './post-mortem.ts'
import { sentenceOf } from './sentences.ts'
import type { RoomEvent, RoomState } from './state.ts'
import { viewOf } from './views.ts'

export interface HandedOver {
  state: RoomState
  /** Those since the last shift. */
  events: readonly RoomEvent[]
}

const STEPS_MAX = 30

/** What the next shift has to know: what is open, what changed since, what is left to do. */
export function handoffMarkdown(
  rooms: readonly HandedOver[],
  shift: { sinceMs: number; nowMs: number },
): string {
  const all = rooms.map(({ state, events }) => ({ state, events, view: viewOf(state) }))
  const open = all.filter(({ view }) => view.status !== 'resolved' && view.redirectTo === '')
  const resolved = all.filter(({ view }) => view.status === 'resolved' && view.redirectTo === '')
  const items = all.flatMap(({ view }) =>
    view.items
      .filter(({ isDone, isWithdrawn }) => !isDone && !isWithdrawn)
      .map(({ text, owner, due }) => {
        const until = due === null ? '' : `, due ${timeText(due)}`
        return `- #${view.number} ${markdownText(text)} (${markdownText(owner?.name ?? 'nobody yet')}${until})`
      }),
  )
  const parts = [
    `# Handoff, ${timeText(shift.sinceMs)} to ${timeText(shift.nowMs)}`,
    `## Open (${open.length})`,
    ...(open.length === 0 ? ['Nothing is open.'] : open.map((room) => roomText(room))),
    `## Resolved since (${resolved.length})`,
    ...(resolved.length === 0 ? ['None.'] : resolved.map((room) => roomText(room))),
    `## Open action items (${items.length})`,
    items.length === 0 ? 'None.' : items.join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}

function roomText({
  state,
  events,
  view,
}: HandedOver & { view: ReturnType<typeof viewOf> }): string {
  const who = [
    view.commander === null ? '' : `commander ${view.commander.name}`,
    view.assignee === null ? '' : `assigned to ${view.assignee.name}`,
  ].filter((part) => part !== '')
  const told = events.filter(({ kind }) => !SMALL_KINDS.has(kind))
  const steps = told
    .slice(-STEPS_MAX)
    .map((event) => `- ${timeText(event.ts)} ${markdownText(sentenceOf(event, state))}`)
  const left = told.length - steps.length
  return [
    `### #${view.number} ${markdownText(plainTitle(view.title))}`,
    `${view.status}, SEV${view.severity.level}${who.length === 0 ? '' : `, ${markdownText(who.join(', '))}`}`,
    ...(left === 0 ? [] : [`${left} earlier changes are left out.`]),
    steps.length === 0 ? 'Nothing changed.' : steps.join('\n'),
  ].join('\n\n')
}
