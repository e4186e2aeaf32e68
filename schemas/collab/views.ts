import type { CARD_KINDS, LABELS, LINK_KINDS, PayloadOf, STATUSES, VERDICTS } from './commands.ts'
import type { Entity, Field, PersonRef, RoomState } from './state.ts'

/** What people look at, made of a room: typed, without revisions. */
export interface RoomView {
  incidentId: string
  seq: number
  at: number
  status: (typeof STATUSES)[number]
  severity: { level: number; locked: boolean }
  /** What it turned out to be; null until somebody says. */
  label: (typeof LABELS)[number] | null
  /** The name people gave it, or the engine's. */
  title: string
  number: number
  isManual: boolean
  services: readonly string[]
  assignee: PersonRef | null
  commander: PersonRef | null
  scribe: PersonRef | null
  redirectTo: string
  solution: { card: string; chain: readonly string[] } | null
  people: readonly (PersonRef & { isJoined: boolean })[]
  cards: readonly Card[]
  links: readonly Link[]
  notes: readonly Note[]
  items: readonly ActionItem[]
  /** What is pinned, in the order of pinning. */
  pins: readonly string[]
  suggestions: Readonly<Record<string, 'accepted' | 'declined'>>
}

export interface Made {
  id: string
  by: PersonRef
  /** When it was made. */
  at: number
}

export interface Card extends Made {
  kind: (typeof CARD_KINDS)[number]
  title: string
  text: string
  x: number
  y: number
  state: 'proposed' | 'confirmed' | 'invalidated'
  /** Why it was invalidated. */
  reason: string
  /** Who confirmed or invalidated it. */
  stateBy: PersonRef
  source: NonNullable<PayloadOf<'card_create'>['source']> | null
  claim: NonNullable<PayloadOf<'claim'>['claim']> | null
  verdict: {
    verdict: (typeof VERDICTS)[number]
    value: number | null
    note: string
    at: number
  } | null
  chain: readonly string[]
}

export interface Link extends Made {
  from: string
  to: string
  kind: (typeof LINK_KINDS)[number]
  isActive: boolean
  reason: string
}

export interface Note extends Made {
  text: string
  editedAt: number
  isWithdrawn: boolean
}

export interface ActionItem extends Made {
  text: string
  owner: PersonRef | null
  due: number | null
  isDone: boolean
  isWithdrawn: boolean
}

export function viewOf(state: RoomState): RoomView {
  const { root } = state
  return {
    incidentId: state.incidentId,
    seq: state.seq,
    at: state.at,
    status: valueOf(root['status'], 'open'),
    severity: valueOf(root['severity'], { level: 5, locked: false }),
    label: valueOf(root['label'], null),
    title: valueOf(root['title'], valueOf(root['engineTitle'], '')),
    number: valueOf(root['number'], 0),
    isManual: valueOf(root['manual'], false),
    services: valueOf(root['services'], []),
    assignee: valueOf(root['assignee'], null),
    commander: valueOf(root['commander'], null),
    scribe: valueOf(root['scribe'], null),
    redirectTo: valueOf(root['redirectTo'], ''),
    solution: valueOf(root['solution'], null),
    people: Object.entries(state.people).map(([id, person]) => ({
      id,
      name: valueOf(person['name'], id),
      isJoined: valueOf(person['joined'], false),
    })),
    cards: entries(state.cards).map(cardOf),
    links: entries(state.links).map(linkOf),
    notes: entries(state.notes).map(noteOf),
    items: entries(state.items).map(itemOf),
    pins: Object.entries(state.pins)
      .filter(([, pin]) => pin['on']?.value === true)
      .toSorted(([, left], [, right]) => (left['on']?.rev ?? 0) - (right['on']?.rev ?? 0))
      .map(([ref]) => ref),
    suggestions: Object.fromEntries(
      Object.entries(state.suggestions).map(([id, entity]) => [
        id,
        valueOf(entity['state'], 'declined'),
      ]),
    ),
  }
}

function valueOf<T>(field: Field | undefined, fallback: T): T {
  return field === undefined || field.value === null ? fallback : (field.value as T)
}

const entries = (entities: Readonly<Record<string, Entity>>): [string, Entity][] =>
  Object.entries(entities)

const NOBODY: PersonRef = { id: '', name: '' }

/** `kind` and the like are written once, by whoever made it. */
function madeBy(id: string, field: Field | undefined): Made {
  return { id, by: field?.by ?? NOBODY, at: field?.at ?? 0 }
}

function cardOf([id, card]: [string, Entity]): Card {
  return {
    ...madeBy(id, card['kind']),
    kind: valueOf(card['kind'], 'symptom'),
    title: valueOf(card['title'], ''),
    text: valueOf(card['text'], ''),
    x: valueOf(card['x'], 0),
    y: valueOf(card['y'], 0),
    state: valueOf(card['state'], 'proposed'),
    reason: valueOf(card['reason'], ''),
    stateBy: card['state']?.by ?? NOBODY,
    source: valueOf(card['source'], null),
    claim: valueOf(card['claim'], null),
    verdict: valueOf(card['verdict'], null),
    chain: valueOf(card['chain'], []),
  }
}

function linkOf([id, link]: [string, Entity]): Link {
  return {
    ...madeBy(id, link['from']),
    from: valueOf(link['from'], ''),
    to: valueOf(link['to'], ''),
    kind: valueOf(link['kind'], 'supports'),
    isActive: valueOf(link['active'], true),
    reason: valueOf(link['reason'], ''),
  }
}

function noteOf([id, note]: [string, Entity]): Note {
  return {
    ...madeBy(id, note['made']),
    text: valueOf(note['text'], ''),
    editedAt: note['text']?.at ?? 0,
    isWithdrawn: valueOf(note['withdrawn'], false),
  }
}

function itemOf([id, item]: [string, Entity]): ActionItem {
  return {
    ...madeBy(id, item['made']),
    text: valueOf(item['text'], ''),
    owner: valueOf(item['owner'], null),
    due: valueOf(item['due'], null),
    isDone: valueOf(item['done'], false),
    isWithdrawn: valueOf(item['withdrawn'], false),
  }
}
