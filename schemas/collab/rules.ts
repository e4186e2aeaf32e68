import { LIMITS } from './commands.ts'
import type { AnyKind, PayloadOf, STATUSES } from './commands.ts'
import type { Json } from './json.ts'
import { entityAt, fieldAt, parsePath } from './state.ts'
import type { Collection, Command, Entity, Field, Rejection, RoomState, Undoable } from './state.ts'

export type Refusal = Omit<Rejection, 'cmdId'>
type Rule<K extends AnyKind> = (
  payload: PayloadOf<K>,
  state: RoomState,
  command: Command,
) => Refusal | undefined

type Status = (typeof STATUSES)[number]

/** The steps from each status; pages offer the same ones. */
export const NEXT_STATUSES: Readonly<Record<Status, readonly Status[]>> = {
  open: ['investigating', 'resolved'],
  investigating: ['open', 'resolved'],
  resolved: ['open'],
}

/** What each kind asks of the room beyond roles, joining and revisions. */
export const RULES: { readonly [K in AnyKind]?: Rule<K> } = {
  create: (_, state) =>
    state.seq === 0 ? undefined : { code: 'conflict', reason: 'This incident exists already.' },
  status_change({ status }, state) {
    const field = state.root['status']
    const now = typeof field?.value === 'string' ? field.value : 'open'
    const steps: Readonly<Record<string, readonly string[]>> = NEXT_STATUSES
    if (steps[now]?.includes(status) === true) return undefined
    return {
      code: 'transition',
      reason: `From ${now} it does not go to ${status}.`,
      current: { value: now, rev: field?.rev ?? 0 },
      ...(field === undefined ? {} : { by: field.by }),
    }
  },
  severity_unlock: (_, state) => {
    const severity = state.root['severity']?.value as { locked?: boolean } | undefined
    return severity?.locked === true
      ? undefined
      : { code: 'transition', reason: 'The severity is not locked.' }
  },
  note: ({ id }, state) => fresh(state, 'notes', id),
  note_edit: ({ id }, state, { actor }) =>
    missing(state, 'notes', id) ?? authors(entityAt(state, 'notes', id), actor.id),
  action_item: ({ id }, state) => fresh(state, 'items', id),
  action_item_edit: ({ id }, state) => missing(state, 'items', id),
  action_item_done: ({ id, done }, state) =>
    missing(state, 'items', id) ??
    already(state, `items/${id}/done`, done, done ? 'It is done already.' : 'It is open already.'),
  pin: ({ ref }, state) =>
    unknownRef(state, ref) ??
    already(state, `pins/${ref}/on`, true, 'It is pinned already.') ??
    room(state, 'pins', ref),
  unpin: ({ ref }, state) =>
    fieldAt(state, `pins/${ref}/on`)?.value === true
      ? undefined
      : { code: 'missing', reason: 'It is not pinned.', path: 'payload.ref' },
  merge_into: ({ into }, state) =>
    into === state.incidentId
      ? { code: 'invalid', reason: 'An incident is not merged into itself.', path: 'payload.into' }
      : notResolved(state),
  split_issues: (_, state) => notResolved(state),
  card_create: ({ id, claim }, state) =>
    fresh(state, 'cards', id) ?? (claim === undefined ? undefined : claimRoom(state)),
  card_edit: ({ id }, state) => missing(state, 'cards', id),
  card_move: ({ id }, state) => missing(state, 'cards', id),
  card_confirm: ({ id }, state) => cardFrom(state, id, ['proposed']),
  card_invalidate: ({ id }, state) => cardFrom(state, id, ['proposed', 'confirmed']),
  card_revalidate: ({ id }, state) => cardFrom(state, id, ['invalidated']),
  claim({ id, claim }, state) {
    const lost = missing(state, 'cards', id)
    if (lost !== undefined) return lost
    const kind = fieldAt(state, `cards/${id}/kind`)?.value
    if (kind !== 'hypothesis')
      return { code: 'invalid', reason: 'Only a hypothesis makes a claim.', path: 'payload.id' }
    return claim === null ? undefined : claimRoom(state)
  },
  link_add: linkRefusal,
  link_invalidate: ({ id }, state) =>
    missing(state, 'links', id) ??
    already(state, `links/${id}/active`, false, 'The link is invalidated already.'),
  converge: convergeRefusal,
  suggestion_accept: ({ suggestion, card }, state) =>
    undecided(state, suggestion) ?? fresh(state, 'cards', card.id, 'payload.card.id'),
  suggestion_decline: ({ suggestion }, state) => undecided(state, suggestion),
  undo: undoRefusal,
  refused: (_, state) =>
    state.seq === 0 ? { code: 'missing', reason: 'There is no such incident.' } : undefined,
  claim_result: ({ id }, state) =>
    missing(state, 'cards', id) ??
    (fieldAt(state, `cards/${id}/claim`)?.value == null
      ? { code: 'missing', reason: 'The card makes no claim.' }
      : undefined),
}

function sizeOf(state: RoomState, collection: Collection): number {
  return Object.keys(state[collection]).length
}

function room(
  state: RoomState,
  collection: keyof typeof LIMITS & Collection,
  id: string,
): Refusal | undefined {
  if (entityAt(state, collection, id) !== undefined) return undefined
  if (sizeOf(state, collection) < LIMITS[collection]) return undefined
  return {
    code: 'invalid',
    reason: `An incident holds at most ${LIMITS[collection]} ${collection}.`,
  }
}

/** The id is new, and there is room for one more. */
function fresh(
  state: RoomState,
  collection: keyof typeof LIMITS & Collection,
  id: string,
  path = 'payload.id',
): Refusal | undefined {
  const known = entityAt(state, collection, id)
  if (known === undefined) return room(state, collection, id)
  const by = Object.values(known)[0]?.by
  const refusal = { code: 'conflict', reason: `${path} ${id} is taken.`, path } as const
  return by === undefined ? refusal : { ...refusal, by }
}

function missing(
  state: RoomState,
  collection: Collection,
  id: string,
  path = 'payload.id',
): Refusal | undefined {
  if (entityAt(state, collection, id) !== undefined) return undefined
  return { code: 'missing', reason: `There is no ${id} among the ${collection}.`, path }
}

/** Who made it: the hand that wrote a field which never changes. */
function authors(note: Entity | undefined, actorId: string): Refusal | undefined {
  const author = note?.['made']?.by
  if (author === undefined || author.id === actorId) return undefined
  return { code: 'forbidden', reason: `Only ${author.name} edits this note.`, by: author }
}

function already(state: RoomState, path: string, value: Json, reason: string): Refusal | undefined {
  const field = fieldAt(state, path)
  if (field?.value !== value) return undefined
  return { code: 'transition', reason, current: value, by: field.by }
}

function cardFrom(state: RoomState, id: string, from: readonly string[]): Refusal | undefined {
  const lost = missing(state, 'cards', id)
  if (lost !== undefined) return lost
  const field = fieldAt(state, `cards/${id}/state`)
  if (field === undefined || from.includes(wordOf(field))) return undefined
  return {
    code: 'transition',
    reason: `The card is ${wordOf(field)}.`,
    current: field.value,
    by: field.by,
  }
}

function wordOf({ value }: Field): string {
  return typeof value === 'string' ? value : ''
}

function notResolved(state: RoomState): Refusal | undefined {
  const status = state.root['status']
  if (status?.value !== 'resolved') return undefined
  return {
    code: 'transition',
    reason: 'A resolved incident is opened first.',
    current: 'resolved',
    by: status.by,
  }
}

function claimRoom(state: RoomState): Refusal | undefined {
  const claims = Object.values(state.cards).filter((card) => card['claim']?.value != null).length
  if (claims < LIMITS.claims) return undefined
  return { code: 'invalid', reason: `An incident checks at most ${LIMITS.claims} claims.` }
}

function linkRefusal(
  { id, from, to, kind }: PayloadOf<'link_add'>,
  state: RoomState,
): Refusal | undefined {
  const refusal =
    fresh(state, 'links', id) ??
    missing(state, 'cards', from, 'payload.from') ??
    missing(state, 'cards', to, 'payload.to')
  if (refusal !== undefined) return refusal
  if (from === to) return { code: 'invalid', reason: 'A link joins two cards.', path: 'payload.to' }
  const twin = Object.values(state.links).find(
    (link) =>
      link['active']?.value === true &&
      link['from']?.value === from &&
      link['to']?.value === to &&
      link['kind']?.value === kind,
  )
  if (twin === undefined) return undefined
  return { code: 'conflict', reason: 'This link is there already.', by: twin['from']!.by }
}

function convergeRefusal(
  { id, chain }: PayloadOf<'converge'>,
  state: RoomState,
): Refusal | undefined {
  const refusal = cardFrom(state, id, ['proposed', 'confirmed'])
  if (refusal !== undefined) return refusal
  if (fieldAt(state, `cards/${id}/kind`)?.value !== 'solution')
    return { code: 'invalid', reason: 'Only a solution concludes.', path: 'payload.id' }
  if (new Set(chain).size < chain.length || chain.includes(id))
    return {
      code: 'invalid',
      reason: 'The chain names each card once, and not the solution itself.',
      path: 'payload.chain',
    }
  for (const [index, card] of chain.entries()) {
    const path = `payload.chain[${index}]`
    const lost = missing(state, 'cards', card, path)
    if (lost !== undefined) return lost
    if (fieldAt(state, `cards/${card}/state`)?.value === 'invalidated')
      return { code: 'transition', reason: `Card ${card} is invalidated.`, path }
  }
  return undefined
}

function undecided(state: RoomState, suggestion: string): Refusal | undefined {
  const known = fieldAt(state, `suggestions/${suggestion}/state`)
  if (known === undefined) return room(state, 'suggestions', suggestion)
  return {
    code: 'conflict',
    reason: `${known.by.name} has ${wordOf(known)} it already.`,
    current: known.value,
    by: known.by,
  }
}

/** `event:12`, `card:…`, `note:…`, `item:…`: what stands at the head of the post-mortem. */
function unknownRef(state: RoomState, ref: string): Refusal | undefined {
  const colon = ref.indexOf(':')
  const kind = ref.slice(0, colon)
  const id = ref.slice(colon + 1)
  const collections: Readonly<Record<string, Collection>> = {
    card: 'cards',
    note: 'notes',
    item: 'items',
  }
  const collection = Object.hasOwn(collections, kind) ? collections[kind] : undefined
  if (collection !== undefined) return missing(state, collection, id, 'payload.ref')
  const seq = Number(id)
  if (kind === 'event' && Number.isInteger(seq) && seq >= 1)
    return seq <= state.seq
      ? undefined
      : { code: 'missing', reason: `There is no event ${seq} yet.`, path: 'payload.ref' }
  return {
    code: 'invalid',
    reason: 'payload.ref must be event:<seq>, card:<id>, note:<id> or item:<id>',
    path: 'payload.ref',
  }
}

function undoRefusal(
  { seq }: PayloadOf<'undo'>,
  state: RoomState,
  { actor }: Command,
): Refusal | undefined {
  const entry = state.recent.find((known) => known.seq === seq)
  if (entry === undefined)
    return {
      code: 'missing',
      reason: `Event ${seq} cannot be undone: it is too old, or not of a kind that can.`,
      path: 'payload.seq',
    }
  if (entry.by !== actor.id)
    return { code: 'forbidden', reason: 'People undo what they did themselves.' }
  const later = laterThan(state, entry)
  if (later === undefined) return undefined
  return {
    code: 'conflict',
    reason: `${later.by.name} has changed it since.`,
    current: { value: later.value, rev: later.rev },
    by: later.by,
  }
}

/** A field of the event that was written again; of a thing it made, any field at all. */
function laterThan(state: RoomState, { seq, writes, made }: Undoable): Field | undefined {
  for (const name of made ?? []) {
    const { collection, id } = parsePath(`${name}/`)
    const fields = entityAt(state, collection as Collection, id) ?? {}
    const other = Object.entries(fields).find(
      // What the platform found out about a claim is nobody's work.
      ([prop, { rev }]) => rev !== seq && prop !== 'verdict',
    )
    if (other !== undefined) return other[1]
  }
  for (const [path] of writes) {
    const field = fieldAt(state, path)
    if (field !== undefined && field.rev !== seq) return field
  }
  return undefined
}
