import { beganAt } from '#/schemas/incident.ts'
import type { Incident } from '#/schemas/incident.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import { sentenceOf } from './sentences.ts'
import type { PersonRef, RoomEvent, RoomState } from './state.ts'
import { viewOf } from './views.ts'
import type { ActionItem, Card, Link, Note, RoomView } from './views.ts'

export interface PostMortemSource {
  /** As the engine knows it; null before it does. */
  detail: Pick<IncidentDetail, 'incident' | 'deploys' | 'similar'> | null
  /** By rules: the same incident gives the same words. */
  summary: {
    title: string
    impact: string
    likely_causes: readonly string[]
    next_steps: readonly string[]
  } | null
  state: RoomState
  events: readonly RoomEvent[]
}

/** Everything known about an incident, in the order in which a reader wants it. All of it is copied, nothing is guessed. */
export interface PostMortem {
  incidentId: string
  number: number
  title: string
  status: string
  severity: number
  /** When it began, as far as is known; noticed is `openedAt`. */
  beganAt: number
  openedAt: number
  resolvedAt: number | null
  services: readonly string[]
  people: readonly PersonRef[]
  commander: PersonRef | null
  scribe: PersonRef | null
  summary: PostMortemSource['summary']
  causes: readonly string[]
  deploys: readonly { at: number; service: string; release: string; deployId: string }[]
  /** Earlier incidents like it, and how each ended. */
  seenBefore: readonly { number: number; title: string; worked: string }[]
  /** What people pinned, in their order, as sentences. */
  pinned: readonly string[]
  solution: { title: string; text: string; chain: readonly string[] } | null
  timeline: readonly { at: number; who: string; what: string }[]
  /** Invalidated ones too: what was ruled out, and why. */
  cards: readonly Card[]
  links: readonly Link[]
  /** How to open again what the cards were made from. */
  charts: readonly {
    card: string
    href: string
    sql: string
    from: number | null
    to: number | null
  }[]
  openItems: readonly ActionItem[]
  doneItems: readonly ActionItem[]
  notes: readonly Note[]
}

/** Kinds that say little to who reads about it afterwards. */
export const SMALL_KINDS: ReadonlySet<string> = new Set([
  'card_move',
  'join',
  'leave',
  'pin',
  'unpin',
])

export function postMortemOf({ detail, summary, state, events }: PostMortemSource): PostMortem {
  const incident = detail?.incident ?? null
  const view = viewOf(state)
  const openedAt = incident?.openedAt ?? events[0]?.ts ?? 0
  // An incident nobody ever looked at may have no room yet.
  const shown = state.seq === 0 && incident !== null ? { ...view, ...headOf(incident) } : view
  const titleOf = (id: string): string => view.cards.find((card) => card.id === id)?.title ?? id
  const solved = view.cards.find(({ id }) => id === view.solution?.card)
  const items = view.items.filter(({ isWithdrawn }) => !isWithdrawn)
  return {
    incidentId: state.incidentId,
    number: shown.number,
    title: plainTitle(shown.title),
    status: shown.status,
    severity: shown.severity.level,
    beganAt: incident === null ? openedAt : beganAt(incident),
    openedAt,
    resolvedAt:
      incident?.resolvedAt ??
      (view.status === 'resolved' ? (state.root['status']?.at ?? null) : null),
    services: shown.services,
    people: view.people.map(({ id, name }) => ({ id, name })),
    commander: view.commander,
    scribe: view.scribe,
    summary: summary && plainSummary(summary),
    causes: summary?.likely_causes.map(plainTitle) ?? [],
    deploys: (detail?.deploys ?? []).map(({ at, service, release, deploy_id }) => ({
      at,
      service,
      release,
      deployId: deploy_id,
    })),
    seenBefore: (detail?.similar ?? []).flatMap(({ number, title, worked: [solution] }) =>
      solution === undefined ? [] : [{ number, title: plainTitle(title), worked: solution }],
    ),
    pinned: view.pins.map((ref) => pinnedSentence(ref, { state, events, view, titleOf })),
    solution:
      solved === undefined
        ? null
        : { title: solved.title, text: solved.text, chain: solved.chain.map(titleOf) },
    timeline: timelineOf(incident, events, state),
    cards: view.cards,
    links: view.links,
    charts: view.cards.flatMap(({ title, source, claim }) => {
      const sql = claim?.sql ?? source?.query ?? ''
      if (source === null && sql === '') return []
      const { href = '', from = null, to = null } = source ?? {}
      return [{ card: title, href, sql, from, to }]
    }),
    openItems: items.filter(({ isDone }) => !isDone),
    doneItems: items.filter(({ isDone }) => isDone),
    notes: view.notes.filter(({ isWithdrawn }) => !isWithdrawn),
  }
}

function plainSummary(summary: NonNullable<PostMortemSource['summary']>) {
  return {
    title: plainTitle(summary.title),
    impact: plainTitle(summary.impact),
    likely_causes: summary.likely_causes.map(plainTitle),
    next_steps: summary.next_steps.map(plainTitle),
  }
}

function headOf({ number, title, status, severity, services }: Incident) {
  return { number, title, status, severity: { level: severity.level, locked: false }, services }
}

/** The engine tells more steps than a room hears of; people's are only in the room. */
function timelineOf(
  incident: Incident | null,
  events: readonly RoomEvent[],
  state: RoomState,
): PostMortem['timeline'] {
  const engine =
    incident === null
      ? events
          .filter(({ kind }) => kind === 'engine')
          .map((event) => ({ at: event.ts, who: '', what: sentenceOf(event, state) }))
      : incident.timeline
          .filter(({ actor }) => actor === undefined)
          .map(({ at, sentence }) => ({ at, who: '', what: plainTitle(sentence) }))
  const people = events
    .filter(({ kind }) => kind !== 'engine' && !SMALL_KINDS.has(kind))
    .map((event) => ({ at: event.ts, who: event.actor.name, what: sentenceOf(event, state) }))
  return [...engine, ...people].toSorted((left, right) => left.at - right.at)
}

function pinnedSentence(
  ref: string,
  known: {
    state: RoomState
    events: readonly RoomEvent[]
    view: RoomView
    titleOf: (id: string) => string
  },
): string {
  const [kind = '', ...rest] = ref.split(':')
  const id = rest.join(':')
  if (kind === 'event') {
    const event = known.events.find(({ seq }) => String(seq) === id)
    return event === undefined ? ref : sentenceOf(event, known.state)
  }
  if (kind === 'note') return known.view.notes.find((note) => note.id === id)?.text ?? ref
  if (kind === 'item') return known.view.items.find((item) => item.id === id)?.text ?? ref
  return known.titleOf(id)
}
