import type { AnyKind, PayloadOf } from './commands.ts'
import { engineWrites } from './engine-effects.ts'
import type { Json, JsonObject } from './json.ts'
import { entityAt, parsePath } from './state.ts'
import type { Collection, PersonRef, RoomState, Undoable, Write } from './state.ts'

/** What an accepted event writes. Everything it needs is in the event and in the room before it. */
export interface Effect {
  kind: AnyKind
  payload: JsonObject
  actor: PersonRef
  seq: number
  ts: number
}

type Effects = {
  readonly [K in AnyKind]: (payload: PayloadOf<K>, effect: Effect, state: RoomState) => Write[]
}

const set = (
  collection: Collection,
  id: string,
  props: Readonly<Record<string, unknown>>,
): Write[] =>
  Object.entries(props)
    .filter(([, value]) => value !== undefined)
    .map(([prop, value]) => [`${collection}/${id}/${prop}`, value as Json] as const)

const newCard = (
  { id, title, text, x, y }: PayloadOf<'suggestion_accept'>['card'],
  more: Readonly<Record<string, unknown>>,
): Write[] =>
  set('cards', id, {
    title,
    text: text ?? '',
    x: x ?? 0,
    y: y ?? 0,
    state: 'proposed',
    reason: '',
    ...more,
  })

const EFFECTS: Effects = {
  create: ({ title, severity, services }, { actor, ts }) => [
    ['manual', true],
    ['title', title],
    ['status', 'open'],
    ['severity', { level: severity, locked: true }],
    ['services', services ?? []],
    ['openedAt', ts],
    ...set('people', actor.id, { name: actor.name, joined: true }),
  ],
  join: (_, { actor }) => set('people', actor.id, { name: actor.name, joined: true }),
  leave: (_, { actor }) => set('people', actor.id, { joined: false }),
  status_change: ({ status, label }, { seq }) => [
    ['status', status],
    ...(label === undefined ? [] : [['label', label] as const]),
    // Until the engine has met this decision, what it says about the status is older than it.
    ['unsettled', seq],
  ],
  label: ({ label }) => [['label', label]],
  severity_lock: ({ level }) => [['severity', { level, locked: true }]],
  severity_unlock: (_, __, state) => [['severity', { level: levelOf(state), locked: false }]],
  assignment: ({ assignee }) => [['assignee', assignee]],
  role: ({ role, person }) => [[role, person]],
  rename: ({ title }) => [['title', title]],
  note: ({ id, text }) => set('notes', id, { made: true, text, withdrawn: false }),
  note_edit: ({ id, text }) => set('notes', id, { text }),
  action_item: ({ id, text, owner, due }) =>
    set('items', id, {
      made: true,
      text,
      owner: owner ?? null,
      due: due ?? null,
      done: false,
      withdrawn: false,
    }),
  action_item_edit: ({ id, ...props }) => set('items', id, props),
  action_item_done: ({ id, done }) => set('items', id, { done }),
  pin: ({ ref }) => set('pins', ref, { on: true }),
  unpin: ({ ref }) => set('pins', ref, { on: false }),
  merge_into: ({ into }) => [['mergeInto', into]],
  split_issues: ({ keys }) => [['splitKeys', keys]],
  card_create: ({ kind, source, claim, ...card }) =>
    newCard(card, { kind, source: source ?? null, claim: claim ?? null }),
  card_edit: ({ id, ...props }) => set('cards', id, props),
  card_move: ({ id, x, y }) => set('cards', id, { x, y }),
  card_confirm: ({ id }) => set('cards', id, { state: 'confirmed' }),
  card_invalidate: ({ id, reason }) => set('cards', id, { state: 'invalidated', reason }),
  card_revalidate: ({ id }) => set('cards', id, { state: 'proposed', reason: '' }),
  claim: ({ id, claim }) => set('cards', id, { claim, verdict: null }),
  link_add: ({ id, from, to, kind }) =>
    set('links', id, { from, to, kind, active: true, reason: '' }),
  link_invalidate: ({ id, reason }) => set('links', id, { active: false, reason }),
  converge: ({ id, chain }) => [
    ['solution', { card: id, chain }],
    ...set('cards', id, { state: 'confirmed', chain }),
  ],
  suggestion_accept: ({ suggestion, card }) => [
    ...set('suggestions', suggestion, { state: 'accepted', card: card.id }),
    ...newCard(card, { kind: 'ai_insight', suggestion, source: null, claim: null }),
  ],
  suggestion_decline: ({ suggestion, reason }) =>
    set('suggestions', suggestion, { state: 'declined', reason: reason ?? '' }),
  undo: (payload) =>
    (payload as unknown as { restore: readonly Write[] }).restore.map((write) => write),
  engine: (payload, _, state) => engineWrites(payload, state),
  claim_result: ({ id, verdict, value, note }, { ts }) =>
    set('cards', id, { verdict: { verdict, value, note, at: ts } }),
  refused: () => [],
}

function levelOf(state: RoomState): number {
  const computed = state.root['computedLevel']?.value
  if (typeof computed === 'number') return computed
  return (state.root['severity']?.value as { level?: number } | undefined)?.level ?? 5
}

export function writesOf(state: RoomState, effect: Effect): readonly Write[] {
  const writes = EFFECTS[effect.kind] as (
    payload: unknown,
    effect: Effect,
    state: RoomState,
  ) => readonly Write[]
  return writes(effect.payload, effect, state)
}

const UNDOABLE: Readonly<Partial<Record<AnyKind, true>>> = {
  assignment: true,
  role: true,
  rename: true,
  note: true,
  note_edit: true,
  action_item: true,
  action_item_edit: true,
  action_item_done: true,
  pin: true,
  unpin: true,
  card_create: true,
  card_edit: true,
  card_move: true,
  card_confirm: true,
  card_invalidate: true,
  card_revalidate: true,
  link_add: true,
  link_invalidate: true,
  undo: true,
}

export function isUndoable(kind: AnyKind): boolean {
  return UNDOABLE[kind] === true
}

/** What takes the place of a thing whose making is undone: nothing is deleted. */
const UNMADE: Readonly<Partial<Record<Collection, Readonly<Record<string, Json>>>>> = {
  cards: { state: 'invalidated', reason: 'Taken back by its author.' },
  links: { active: false, reason: 'Taken back by its author.' },
  notes: { withdrawn: true },
  items: { withdrawn: true },
  pins: { on: false },
}

/** How to put things back as they were before `writes`. */
export function reverseOf(
  state: RoomState,
  writes: readonly Write[],
): Pick<Undoable, 'writes' | 'made'> {
  const back: Write[] = []
  const made = new Set<string>()
  for (const [path] of writes) {
    const { collection, id, prop } = parsePath(path)
    if (collection === 'root') {
      back.push([path, state.root[prop]?.value ?? null])
      continue
    }
    const entity = entityAt(state, collection, id)
    if (entity !== undefined) back.push([path, entity[prop]?.value ?? null])
    else if (!made.has(`${collection}/${id}`)) {
      made.add(`${collection}/${id}`)
      back.push(...set(collection, id, UNMADE[collection] ?? {}))
    }
  }
  return made.size === 0 ? { writes: back } : { writes: back, made: [...made] }
}
