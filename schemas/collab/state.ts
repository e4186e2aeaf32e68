import type { Role } from '#/schemas/principal.ts'
import type { AnyKind } from './commands.ts'
import { canonicalJson, hashText } from './json.ts'
import type { Json, JsonObject } from './json.ts'

export interface PersonRef {
  id: string
  name: string
}

/** Who sends a command; `system` is the platform itself. */
export interface Actor extends PersonRef {
  role: Role | 'system'
}

export const ENGINE: Actor = { id: 'engine', name: 'Faultline', role: 'system' }

/** A change somebody asks for. `at` is the moment the decision is made. */
export interface Command {
  /** `<clientId>:<n>`; with the actor's id it names the command for ever. */
  cmdId: string
  kind: AnyKind
  payload: JsonObject
  actor: Actor
  at: number
  expect?: { field: string; rev: number }
  /** The last seq its author had seen. */
  base?: number
}

/** A change that was accepted. */
export interface RoomEvent {
  /** 1, 2, 3 … within the incident, without holes. */
  seq: number
  cmdId: string
  actor: PersonRef
  /** Strictly later than that of the event before. */
  ts: number
  kind: AnyKind
  payload: JsonObject
  /** What the fields it wrote held before, by path; fields that were new are left out. */
  prev: Readonly<Record<string, { value: Json; rev: number; by: PersonRef }>>
  base?: number
}

export const REJECTION_CODES = [
  'conflict',
  'transition',
  'forbidden',
  'not_joined',
  'missing',
  'invalid',
  'rate',
] as const
export type RejectionCode = (typeof REJECTION_CODES)[number]

export interface Rejection {
  cmdId: string
  code: RejectionCode
  reason: string
  /** What stands instead, where something does. */
  current?: Json
  /** Whose change it lost to. */
  by?: PersonRef
  /** The place in the payload that is wrong. */
  path?: string
}

export interface Field {
  value: Json
  /** Seq of the event that wrote it. */
  rev: number
  by: PersonRef
  at: number
}

export type Entity = Readonly<Record<string, Field>>
export type Entities = Readonly<Record<string, Entity>>

export const COLLECTIONS = [
  'people',
  'cards',
  'links',
  'notes',
  'items',
  'pins',
  'suggestions',
] as const
export type Collection = (typeof COLLECTIONS)[number]

/** What an undo of an event puts back. */
export interface Undoable {
  seq: number
  /** Id of its author. */
  by: string
  writes: readonly (readonly [path: string, before: Json])[]
  /** Of an undo: the event it took back. */
  undoes?: number
  /** Things that were not there before it, as `cards/<id>`. */
  made?: readonly string[]
}

/** A room as it stands after `seq`. Plain data: equal rooms have equal JSON. */
export interface RoomState extends Readonly<Record<Collection, Entities>> {
  readonly incidentId: string
  readonly seq: number
  readonly at: number
  /** status, severity, assignee, commander, scribe, title and the like. */
  readonly root: Entity
  /** Newest last. */
  readonly recent: readonly Undoable[]
}

export function emptyRoom(incidentId: string): RoomState {
  return {
    incidentId,
    seq: 0,
    at: 0,
    root: {},
    people: {},
    cards: {},
    links: {},
    notes: {},
    items: {},
    pins: {},
    suggestions: {},
    recent: [],
  }
}

/** `status` of the room itself, or `cards/<id>/title`. An id may hold slashes, the ends do not. */
export interface Path {
  collection: Collection | 'root'
  id: string
  prop: string
}

export function parsePath(path: string): Path {
  const first = path.indexOf('/')
  if (first < 0) return { collection: 'root', id: '', prop: path }
  const last = path.lastIndexOf('/')
  return {
    collection: path.slice(0, first) as Collection,
    id: path.slice(first + 1, last),
    prop: path.slice(last + 1),
  }
}

export function fieldAt(state: RoomState, path: string): Field | undefined {
  const { collection, id, prop } = parsePath(path)
  return collection === 'root' ? own(state.root, prop) : own(entityAt(state, collection, id), prop)
}

/** Ids come from outside: one that is called like a part of every object must not find it. */
export function entityAt(state: RoomState, collection: Collection, id: string): Entity | undefined {
  return own(state[collection], id)
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}

export type Write = readonly [path: string, value: Json]

/** A new state with the writes of one event in it; the old one stays as it was. */
export function withWrites(
  state: RoomState,
  writes: readonly Write[],
  stamp: Omit<Field, 'value'>,
): RoomState {
  const next: Record<Collection | 'root', Entity | Entities> = { ...state }
  const fresh = new Set<string>()
  for (const [path, value] of writes) {
    const { collection, id, prop } = parsePath(path)
    if (!fresh.has(collection)) {
      next[collection] = copyOf(next[collection])
      fresh.add(collection)
    }
    if (collection === 'root') {
      ;(next.root as Record<string, Field>)[prop] = { value, ...stamp }
      continue
    }
    const entities = next[collection] as Record<string, Entity>
    const name = `${collection}/${id}`
    if (!fresh.has(name)) {
      entities[id] = copyOf(own(entities, id) ?? {})
      fresh.add(name)
    }
    ;(entities[id] as Record<string, Field>)[prop] = { value, ...stamp }
  }
  return next as unknown as RoomState
}

/** Without a prototype `__proto__` is a name like any other. */
function copyOf<T extends object>(record: T): T {
  return Object.assign(Object.create(null) as T, record)
}

export function hashRoom(state: RoomState): string {
  return hashText(canonicalJson(state))
}
