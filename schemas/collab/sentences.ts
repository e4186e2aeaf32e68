import { plainTitle } from '#/schemas/plain-title.ts'
import type { AnyKind, PayloadOf } from './commands.ts'
import type { Json } from './json.ts'
import type { RoomEvent, RoomState } from './state.ts'
import { fieldAt } from './state.ts'

type Words = {
  readonly [K in AnyKind]: (payload: PayloadOf<K>, name: (path: string) => string) => string
}

const PINNABLE: Readonly<Record<string, readonly [readonly [string, string], string]>> = {
  note: [['notes', 'text'], 'the note'],
  item: [['items', 'text'], 'the action item'],
  card: [['cards', 'title'], 'the card'],
}

const WORDS: Words = {
  create: ({ title }) => `opened it by hand: ${title}`,
  join: () => 'joined',
  leave: () => 'left',
  status_change: ({ status, reason, label }) =>
    `set the status to ${status}${label === undefined ? '' : ` as ${label}`}${because(reason)}`,
  label: ({ label }) => (label === null ? 'took the label back' : `labelled it ${label}`),
  severity_lock: ({ level }) => `set SEV${level}`,
  severity_unlock: () => 'released the severity',
  assignment: ({ assignee }) =>
    assignee === null ? 'took the assignment back' : `assigned it to ${assignee.name}`,
  role: ({ role, person }) =>
    person === null ? `took back the role of ${role}` : `made ${person.name} ${role}`,
  rename: ({ title }) => `named it "${title}"`,
  note: ({ text }) => `noted: ${text}`,
  note_edit: ({ text }) => `changed a note to: ${text}`,
  action_item: ({ text, owner }) =>
    `added an action item${owner == null ? '' : ` for ${owner.name}`}: ${text}`,
  action_item_edit: ({ id }, name) => `changed the action item "${name(`items/${id}/text`)}"`,
  action_item_done: ({ id, done }, name) =>
    `${done ? 'did' : 'opened again'} the action item "${name(`items/${id}/text`)}"`,
  pin: ({ ref }, name) => `pinned ${pinned(ref, name)}`,
  unpin: ({ ref }, name) => `unpinned ${pinned(ref, name)}`,
  merge_into: ({ into, reason }) => `merged it into ${into}${because(reason)}`,
  split_issues: ({ keys, reason }) => `split ${keys.length} issues from it${because(reason)}`,
  card_create: ({ kind, title }) => `added a ${kind} card: ${title}`,
  card_edit: ({ id }, name) => `changed the card "${name(`cards/${id}/title`)}"`,
  card_move: ({ id }, name) => `moved the card "${name(`cards/${id}/title`)}"`,
  card_confirm: ({ id }, name) => `confirmed "${name(`cards/${id}/title`)}"`,
  card_invalidate: ({ id, reason }, name) =>
    `invalidated "${name(`cards/${id}/title`)}"${because(reason)}`,
  card_revalidate: ({ id }, name) => `proposed "${name(`cards/${id}/title`)}" again`,
  claim: ({ id, claim }, name) =>
    claim === null
      ? `took back the claim of "${name(`cards/${id}/title`)}"`
      : `claimed for "${name(`cards/${id}/title`)}": ${claim.sql} ${claim.sign} ${claim.value}`,
  link_add: ({ from, to, kind }, name) =>
    `drew "${name(`cards/${from}/title`)}" ${kind} "${name(`cards/${to}/title`)}"`,
  link_invalidate: ({ reason }) => `invalidated a link${because(reason)}`,
  converge: ({ id, chain }, name) =>
    `concluded with "${name(`cards/${id}/title`)}", by way of ${chain.length} cards`,
  suggestion_accept: ({ card }) => `accepted a suggestion: ${card.title}`,
  suggestion_decline: ({ reason }) => `declined a suggestion${because(reason)}`,
  undo: ({ seq }) => `took back event ${seq}`,
  engine: ({ step }) => plainTitle(step.sentence),
  claim_result: ({ id, verdict, value }, name) =>
    `"${name(`cards/${id}/title`)}" is ${verdict}${value === null ? '' : ` (${value})`}`,
  refused: ({ kind, by, reason }) => `did not do what ${by} decided (${kind}): ${reason}`,
}

/** What was pinned, in its own words where it has some; ids are for machines. */
function pinned(ref: string, name: (path: string) => string): string {
  const [kind = '', ...rest] = ref.split(':')
  const id = rest.join(':')
  if (kind === 'event') return `change ${id}`
  const [place, noun] = PINNABLE[kind] ?? PINNABLE['card']!
  const text = name(`${place[0]}/${id}/${place[1]}`)
  return text === '' ? noun : `${noun} "${text}"`
}

function because(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : `: ${reason}`
}

/** What an event says, in one sentence; `state` is the room that has the names of things in it. */
export function sentenceOf({ kind, payload, actor }: RoomEvent, state: RoomState): string {
  const name = (path: string): string => textOf(fieldAt(state, path)?.value)
  const words = WORDS[kind] as (payload: unknown, name: (path: string) => string) => string
  const said = words(payload, name)
  return kind === 'engine' ? said : `${actor.name} ${said}.`
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
