import {
  check,
  flag,
  id,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
  whole,
} from './shape.ts'
import type { Checked, ShapeOf } from './shape.ts'

export const STATUSES = ['open', 'investigating', 'resolved'] as const
/** What an incident was, as the team saw it at the end: what thresholds are measured against. */
export const LABELS = ['real', 'noise', 'duplicate'] as const
export const CARD_KINDS = ['symptom', 'hypothesis', 'action', 'solution', 'ai_insight'] as const
export const LINK_KINDS = ['supports', 'refutes', 'tried', 'fixes'] as const
export const INCIDENT_ROLES = ['commander', 'scribe'] as const
export const CLAIM_SIGNS = ['>', '>=', '<', '<=', '=', '!='] as const
export const VERDICTS = ['supported', 'refuted', 'undecided'] as const

/** Bounds of what one room holds and of what one command says. At a bound the command is rejected as `invalid`. */
export const LIMITS = {
  titleChars: 200,
  textChars: 10_000,
  reasonChars: 500,
  sqlChars: 10_000,
  cards: 1_000,
  links: 3_000,
  notes: 2_000,
  items: 500,
  pins: 500,
  people: 1_000,
  suggestions: 500,
  claims: 50,
  /** Changes that can still be undone. */
  undoable: 100,
  /** Canvas coordinates reach this far in each direction. */
  canvas: 1_000_000,
} as const

const TIME_MAX = 8_640_000_000_000_000
const title = text({ charsMin: 1, charsMax: LIMITS.titleChars })
const words = text({ charsMin: 1, charsMax: LIMITS.textChars })
const looseWords = text({ charsMax: LIMITS.textChars })
const reason = text({ charsMin: 1, charsMax: LIMITS.reasonChars })
const coordinate = number({ min: -LIMITS.canvas, max: LIMITS.canvas })
const time = whole({ min: 0, max: TIME_MAX })
const level = whole({ min: 1, max: 5 })
const place = text({ charsMin: 1, charsMax: 200 })
const person = object({ id: place, name: text({ charsMin: 1, charsMax: 200 }) })

/** Where a symptom came from: enough to open exactly that view again. */
const source = object({
  /** `chart`, `event`, `sql`, `log`, … */
  kind: text({ charsMin: 1, charsMax: 40 }),
  /** Address inside the dashboard, with its whole query. */
  href: optional(text({ charsMax: 2_000 })),
  query: optional(text({ charsMax: LIMITS.sqlChars })),
  from: optional(time),
  to: optional(time),
  eventId: optional(text({ charsMax: 64 })),
})

/** The first cell of the answer is compared; no row at all is undecided. */
const claim = object({
  sql: text({ charsMin: 1, charsMax: LIMITS.sqlChars }),
  sign: oneOf(CLAIM_SIGNS),
  value: number({ min: -1e15, max: 1e15 }),
})

const card = {
  id,
  title,
  text: optional(looseWords),
  x: optional(coordinate),
  y: optional(coordinate),
}
const item = {
  owner: optional(nullable(person)),
  due: optional(nullable(time)),
}

/** The payload of every kind of command a person can send. There is no delete, and no message that is only said. */
export const COMMANDS = {
  create: object({ title, severity: level, services: optional(list(place, { max: 100 })) }),
  join: object({}),
  leave: object({}),
  status_change: object({
    status: oneOf(STATUSES),
    reason: optional(reason),
    label: optional(oneOf(LABELS)),
  }),
  label: object({ label: nullable(oneOf(LABELS)) }),
  severity_lock: object({ level }),
  severity_unlock: object({}),
  assignment: object({ assignee: nullable(person) }),
  role: object({ role: oneOf(INCIDENT_ROLES), person: nullable(person) }),
  rename: object({ title }),
  note: object({ id, text: words }),
  note_edit: object({ id, text: words }),
  action_item: object({ id, text: words, ...item }),
  action_item_edit: object({ id, text: optional(words), ...item }),
  action_item_done: object({ id, done: flag }),
  pin: object({ ref: place }),
  unpin: object({ ref: place }),
  merge_into: object({ into: place, reason: optional(reason) }),
  split_issues: object({ keys: list(place, { min: 1, max: 500 }), reason: optional(reason) }),
  card_create: object({
    ...card,
    kind: oneOf(CARD_KINDS),
    source: optional(source),
    claim: optional(claim),
  }),
  card_edit: object({ id, title: optional(title), text: optional(looseWords) }),
  card_move: object({ id, x: coordinate, y: coordinate }),
  card_confirm: object({ id }),
  card_invalidate: object({ id, reason }),
  card_revalidate: object({ id }),
  claim: object({ id, claim: nullable(claim) }),
  link_add: object({ id, from: id, to: id, kind: oneOf(LINK_KINDS) }),
  link_invalidate: object({ id, reason }),
  converge: object({ id, chain: list(id, { min: 1, max: 50 }) }),
  suggestion_accept: object({ suggestion: place, card: object(card) }),
  suggestion_decline: object({ suggestion: place, reason: optional(reason) }),
  undo: object({ seq: whole({ min: 1, max: 2 ** 31 }) }),
} as const

/** What the platform itself writes into a room; nobody outside can. */
export const SYSTEM_COMMANDS = {
  engine: object({
    step: object({
      seq: whole({ min: 0, max: 2 ** 31 }),
      kind: place,
      at: number({ min: -TIME_MAX, max: TIME_MAX }),
      sentence: text({ charsMax: 4_000 }),
      actor: optional(text({ charsMax: 200 })),
    }),
    status: oneOf(STATUSES),
    level,
    title: text({ charsMax: 1_000 }),
    number: whole({ min: 0, max: 2 ** 31 }),
    services: list(text({ charsMax: 200 }), { max: 1_000 }),
    redirectTo: text({ charsMax: 200 }),
    /** When the step was recorded, as against when it happened. */
    recordedAt: number({ min: -TIME_MAX, max: TIME_MAX }),
  }),
  claim_result: object({
    id,
    verdict: oneOf(VERDICTS),
    value: nullable(number({ min: -Number.MAX_VALUE, max: Number.MAX_VALUE })),
    note: text({ charsMax: 500 }),
  }),
  /** The engine did not do what was decided here: by then the incident was gone or had moved on. */
  refused: object({
    cmdId: text({ charsMax: 200 }),
    kind: place,
    by: text({ charsMax: 200 }),
    reason: text({ charsMax: 500 }),
  }),
} as const

const ALL = { ...COMMANDS, ...SYSTEM_COMMANDS }

export type CommandKind = keyof typeof COMMANDS
export type SystemKind = keyof typeof SYSTEM_COMMANDS
export type AnyKind = CommandKind | SystemKind
export type PayloadOf<K extends AnyKind> = ShapeOf<(typeof ALL)[K]>

export const COMMAND_KINDS = Object.keys(COMMANDS) as readonly CommandKind[]

export function isCommandKind(kind: string): kind is CommandKind {
  return Object.hasOwn(COMMANDS, kind)
}

export function isKnownKind(kind: string): kind is AnyKind {
  return Object.hasOwn(ALL, kind)
}

export function checkPayload<K extends AnyKind>(kind: K, payload: unknown): Checked<PayloadOf<K>> {
  if (!isKnownKind(kind)) return { ok: false, path: 'kind', reason: 'kind is not known' }
  return check(ALL[kind], payload, 'payload') as Checked<PayloadOf<K>>
}

/** Kinds that change a field whose current holder must have been seen: compare-and-set on its revision. */
export const GUARDED = {
  status_change: 'status',
  severity_lock: 'severity',
  severity_unlock: 'severity',
  assignment: 'assignee',
} as const

/** The field a command must name in `expect`; undefined where the last write wins or the rules decide. */
export function guardedField(kind: AnyKind, payload: unknown): string | undefined {
  if (kind === 'role') return (payload as PayloadOf<'role'>).role
  return (GUARDED as Readonly<Record<string, string>>)[kind]
}

/** The field whose revision a command is compared with: the one it must name, and a title when its author asks for that. */
export function comparedField(
  kind: AnyKind,
  payload: unknown,
  isAsked: boolean,
): string | undefined {
  return guardedField(kind, payload) ?? (isAsked && kind === 'rename' ? 'title' : undefined)
}
