/** What happened in a room, as sentences. Pure. */
import type { Notice, Pending } from '#lib/collab/client.ts'
import type { Card, Link, Present, RoomEvent, RoomView } from '#lib/contract.ts'
import { plainTitle, shortened } from '#lib/format.ts'

export const STATUS_WORDS: Readonly<Record<RoomView['status'], string>> = {
  open: 'Open',
  investigating: 'Investigating',
  resolved: 'Resolved',
}

export const CARD_WORDS: Readonly<Record<Card['kind'], { name: string; sign: string }>> = {
  symptom: { name: 'Symptom', sign: '◎' },
  hypothesis: { name: 'Hypothesis', sign: '?' },
  action: { name: 'Action', sign: '▸' },
  solution: { name: 'Solution', sign: '✓' },
  ai_insight: { name: 'AI insight', sign: '✳' },
}

export const LINK_WORDS: Readonly<Record<Link['kind'], { verb: string; back: string }>> = {
  supports: { verb: 'supports', back: 'is supported by' },
  refutes: { verb: 'refutes', back: 'is refuted by' },
  tried: { verb: 'was tried for', back: 'was tried with' },
  fixes: { verb: 'fixes', back: 'is fixed by' },
}

/** The first letters, never half of one. */
const cut = (word: string, letters: number): string => Array.from(word).slice(0, letters).join('')

/** Two letters for an avatar; the whole name stands beside it for those who hear. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/u).filter((word) => word !== '')
  const [first = '', ...rest] = words
  const last = rest.at(-1)
  return (last === undefined ? cut(first, 2) : cut(first, 1) + cut(last, 1)).toUpperCase() || '?'
}

/** One of six tones, always the same for one person. */
export function toneOf(id: string): number {
  let sum = 0
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 6_007
  return sum % 6
}

const SECTIONS: Readonly<Record<string, string>> = {
  incident: 'reads the incident',
  note: 'writes a note',
  items: 'is at the action items',
  status: 'is at the status',
  canvas: 'looks at the canvas',
  timeline: 'looks at the cards by time',
  outline: 'reads the outline',
}

export function focusWords({ focus, role, tabs }: Present, view: RoomView): string {
  const parts: string[] = []
  if (focus === null) parts.push('is here')
  else {
    const card = view.cards.find(({ id }) => id === focus.cardId)
    const field = (focus.field ?? '') === '' ? '' : `, field ${focus.field}`
    if (card !== undefined) parts.push(`is at the card “${shortened(card.title, 40)}”${field}`)
    else parts.push(SECTIONS[focus.section] ?? `is at ${focus.section}`)
  }
  if (role === 'viewer' || role === 'none') parts.push('reads only')
  if (tabs > 1) parts.push(`${tabs} tabs`)
  return parts.join(' · ')
}

const quoted = (value: unknown): string =>
  `“${shortened(typeof value === 'string' ? value : '', 60)}”`
const nameOf = (value: unknown): string => (value as { name?: string } | null)?.name ?? 'nobody'

type Payload = Readonly<Record<string, unknown>>

/** The titles of cards, for sentences that name them by id. */
export type Titles = (cardId: unknown) => string

const PINNED: Readonly<Record<string, string>> = {
  note: 'a note',
  item: 'an action item',
  event: 'a change',
}

/** Ids are for machines. */
function pinned(ref: unknown, titles: Titles): string {
  const [kind = '', ...id] = String(ref).split(':')
  return PINNED[kind] ?? titles(id.join(':'))
}

const WHAT: Readonly<Record<string, (payload: Payload, titles: Titles) => string>> = {
  create: ({ title }) => `opened the incident ${quoted(title)}`,
  join: () => 'joined',
  leave: () => 'left',
  label: ({ label }) =>
    typeof label === 'string' ? `labelled it ${label}` : 'took the label back',
  status_change: ({ status, reason, label }) =>
    `set the status to ${String(status)}${typeof label === 'string' ? ` as ${label}` : ''}${typeof reason === 'string' ? `: ${reason}` : ''}`,
  severity_lock: ({ level }) => `set the severity to SEV${String(level)}`,
  severity_unlock: () => 'gave the severity back to the engine',
  assignment: ({ assignee }) => `assigned it to ${nameOf(assignee)}`,
  role: ({ role, person }) => `made ${nameOf(person)} ${String(role)}`,
  rename: ({ title }) => `named it ${quoted(title)}`,
  note: ({ text }) => `noted ${quoted(text)}`,
  note_edit: ({ text }) => `changed a note to ${quoted(text)}`,
  action_item: ({ text }) => `added the action item ${quoted(text)}`,
  action_item_edit: () => 'changed an action item',
  action_item_done: ({ done }) =>
    done === true ? 'finished an action item' : 'reopened an action item',
  pin: ({ ref }, titles) => `pinned ${pinned(ref, titles)}`,
  unpin: ({ ref }, titles) => `unpinned ${pinned(ref, titles)}`,
  merge_into: ({ into }) => `merged it into ${String(into)}`,
  split_issues: () => 'split issues off',
  card_create: ({ kind, title }) => `made the ${kindName(kind)} ${quoted(title)}`,
  card_edit: ({ id }, titles) => `changed the card ${titles(id)}`,
  card_move: ({ id }, titles) => `moved the card ${titles(id)}`,
  card_confirm: ({ id }, titles) => `confirmed ${titles(id)}`,
  card_invalidate: ({ id, reason }, titles) => `invalidated ${titles(id)}: ${String(reason)}`,
  card_revalidate: ({ id }, titles) => `took up ${titles(id)} again`,
  claim: ({ id, claim }, titles) =>
    claim === null ? `took back the claim of ${titles(id)}` : `put a claim on ${titles(id)}`,
  claim_result: ({ id, verdict }, titles) => `finds ${titles(id)} ${String(verdict)}`,
  link_add: ({ from, to, kind }, titles) =>
    `linked ${titles(from)} (${linkVerb(kind)}) ${titles(to)}`,
  link_invalidate: ({ reason }) => `took a link away: ${String(reason)}`,
  converge: ({ id }, titles) => `concluded with ${titles(id)}`,
  suggestion_accept: () => 'accepted a suggestion',
  suggestion_decline: () => 'declined a suggestion',
  undo: ({ seq }) => `took back change ${String(seq)}`,
  refused: ({ kind, by, reason }) =>
    `did not do what ${String(by)} decided (${String(kind)}): ${String(reason)}`,
  engine: ({ step }) =>
    plainTitle((step as { sentence?: string } | undefined)?.sentence ?? 'went on'),
}

const kindName = (kind: unknown): string =>
  CARD_WORDS[kind as Card['kind']]?.name.toLowerCase() ?? 'card'
const linkVerb = (kind: unknown): string => LINK_WORDS[kind as Link['kind']]?.verb ?? 'is linked to'

/** `Ann confirmed “pool exhausted”`, without the time. */
export function eventSentence(
  { actor, kind, payload }: Pick<RoomEvent, 'actor' | 'kind' | 'payload'>,
  titles: Titles,
): string {
  const what = WHAT[kind]?.(payload, titles) ?? kind
  return kind === 'engine' ? what : `${actor.name} ${what}`
}

export function titlesOf(view: RoomView): Titles {
  const titles = new Map(view.cards.map(({ id, title }) => [id, title]))
  return (id) => quoted(titles.get(String(id)) ?? 'a card')
}

/** What somebody asked for and has no answer to yet: `Resolved, asked for`. */
export function askedWords({ kind, payload }: Pending): string {
  return ASKED[kind]?.(payload) ?? ''
}

const ASKED: Readonly<Record<string, (payload: Payload) => string>> = {
  status_change: ({ status }) => STATUS_WORDS[status as RoomView['status']] ?? '',
  label: ({ label }) => (typeof label === 'string' ? label : 'no label'),
  severity_lock: ({ level }) => `SEV${Number(level)}`,
  severity_unlock: () => 'the engine’s severity',
  assignment: ({ assignee }) => nameOf(assignee),
  role: ({ person }) => nameOf(person),
}

const PROPS: Readonly<Record<string, string>> = { x: 'place', y: 'place', state: 'state' }

/** What this person has to be told, with the reason and by whom. */
export function noticeSentence(notice: Notice, view: RoomView): string {
  const titles = titlesOf(view)
  if (notice.kind === 'overwritten') {
    const [collection = '', id = '', prop = ''] = notice.path.split('/')
    const what =
      collection === 'cards'
        ? `the ${PROPS[prop] ?? prop} of ${titles(id)}`
        : `your text in ${collection}`
    return `${notice.by.name} wrote over ${what}.`
  }
  if (notice.kind === 'undone') return `${eventSentence(notice.event, titles)}.`
  const { command, rejection } = notice
  const what = WHAT[command.kind]?.(command.payload, titles) ?? command.kind
  const by = rejection.by === undefined ? '' : ` ${rejection.by.name} was there first.`
  return `Not done (you ${what}): ${rejection.reason}${by}`
}
