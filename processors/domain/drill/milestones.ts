import type { AnyKind } from '#/schemas/collab/commands.ts'
import { happenedAt } from '#/schemas/collab/history.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { DrillMoment } from '#/schemas/drill-view.ts'
import { wordsOf } from './pairs.ts'

/** The log of one room, and when it began by its own clock. */
export interface Told {
  events: readonly RoomEvent[]
  beganMs: number
  /** How much faster recorded time passed. */
  speed: number
  answer: readonly string[]
}

type Payload = Readonly<Record<string, unknown>>
type Test = (event: RoomEvent, told: Told) => boolean

/** What is timed, in the order in which it is hoped to come. `isLast`: what stands at the end, else the first time. */
export const MILESTONES: readonly { key: string; name: string; is: Test; isLast?: true }[] = [
  { key: 'noticed', name: 'Noticed', is: ({ seq }) => seq === 1 },
  { key: 'acknowledged', name: 'Taken on by a person', is: takesOn },
  { key: 'first_note', name: 'First note', is: ({ kind }) => kind === 'note' },
  { key: 'first_card', name: 'First card', is: ({ kind }) => kind === 'card_create' },
  { key: 'hypothesis', name: 'First hypothesis', is: (event) => makes(event, 'hypothesis') },
  { key: 'cause_named', name: 'Cause named', is: namesCause },
  { key: 'mitigated', name: 'A fix stated', is: statesFix },
  {
    key: 'resolved',
    name: 'Resolved',
    is: (event) => statusOf(event) === 'resolved',
    isLast: true,
  },
]

export function momentsOf(told: Told): ReadonlyMap<string, DrillMoment | null> {
  const statuses = statusesOf(told)
  return new Map(
    MILESTONES.map(({ key, is, isLast }) => {
      if (isLast === true) {
        const last = statuses.at(-1)
        return [key, last?.what === 'resolved' ? last : null]
      }
      const event = told.events.find((one) => is(one, told))
      return [key, event === undefined ? null : momentOf(event, told, SAID[event.kind] ?? '')]
    }),
  )
}

/** Each change of the status, whoever made it. */
export function statusesOf(told: Told): DrillMoment[] {
  let standing = ''
  return told.events.flatMap((event) => {
    const status = statusOf(event)
    if (status === '' || status === standing) return []
    standing = status
    return [momentOf(event, told, status)]
  })
}

const SAID: Readonly<Partial<Record<AnyKind, string>>> = {
  engine: 'opened by the platform',
  create: 'opened by hand',
  join: 'joined',
  assignment: 'assigned',
  role: 'took the lead',
  status_change: 'status',
  note: 'note',
  note_edit: 'note',
  card_create: 'card',
  card_edit: 'card',
  suggestion_accept: 'suggestion accepted',
  rename: 'title',
  action_item: 'action item',
  action_item_edit: 'action item',
  card_confirm: 'card confirmed',
  link_add: 'link',
  converge: 'conclusion',
}

function momentOf(event: RoomEvent, { beganMs, speed }: Told, what: string): DrillMoment {
  // The platform tells later what happened; people do when they write.
  const at = happenedAt(event)
  const after = at - beganMs
  return { at, after, story: after * speed, by: isPerson(event) ? event.actor.name : '', what }
}

export function isPerson({ kind }: Pick<RoomEvent, 'kind'>): boolean {
  return kind !== 'engine' && kind !== 'claim_result'
}

function payloadOf({ payload }: RoomEvent): Payload {
  return payload
}

function statusOf(event: RoomEvent): string {
  if (event.kind === 'create') return 'open'
  if (event.kind !== 'status_change' && event.kind !== 'engine') return ''
  const { status } = payloadOf(event)
  return typeof status === 'string' ? status : ''
}

/** As notifications see it: who joins, is assigned, leads or says that it is looked at has taken it on. */
function takesOn({ kind, payload }: RoomEvent): boolean {
  if (kind === 'join') return true
  if (kind === 'assignment') return payload['assignee'] !== null
  if (kind === 'role') return payload['person'] !== null
  return kind === 'status_change' && payload['status'] !== 'open'
}

function makes(event: RoomEvent, kind: string): boolean {
  return event.kind === 'card_create' && payloadOf(event)['kind'] === kind
}

/** Words people write; what the platform wrote names nothing. */
function namesCause(event: RoomEvent, { answer }: Told): boolean {
  if (!isPerson(event) || SAID[event.kind] === undefined) return false
  const { title, text, reason, card } = payloadOf(event)
  const inner = typeof card === 'object' && card !== null ? (card as Payload) : {}
  const said = [title, text, reason, inner['title'], inner['text']]
    .filter((part) => typeof part === 'string')
    .join('\n')
  return answer.some((term) => names(said, term))
}

/** As a whole word or run of words, in any case: v2 is not named by v24. */
function names(said: string, term: string): boolean {
  const wanted = [...wordsOf(term)]
  if (wanted.length === 0) return false
  const words = wordsOf(said)
  return wanted.every((word) => words.has(word))
}

/** A solution, a link that says it fixes, a conclusion, an action or solution that was confirmed. */
function statesFix(event: RoomEvent, { events }: Told): boolean {
  const payload = payloadOf(event)
  if (event.kind === 'converge' || makes(event, 'solution')) return true
  if (event.kind === 'link_add') return payload['kind'] === 'fixes'
  if (event.kind !== 'card_confirm') return false
  const made = events.find(
    (one) => one.kind === 'card_create' && payloadOf(one)['id'] === payload['id'],
  )
  return made !== undefined && (makes(made, 'action') || makes(made, 'solution'))
}
