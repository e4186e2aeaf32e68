import { FaultlineError } from '#/kernel/errors.ts'
import {
  entryOfSilence,
  readSilence,
  type KeptSilence,
} from '#/processors/domain/incident/silence-entry.ts'
import { SILENCES_MAX, type Silence } from '#/processors/domain/incident/silence.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import { openConfigTopic, type ConfigTopic, type ConfigTopicDeps } from './config-topic.ts'
import { createTurns, forgetClaim, lostTooOften, TRIES_MAX, untilSettled } from './first-come.ts'
import { putAction } from './put-action.ts'

/** `from` is now when it is left out. */
export type SilenceWish = Omit<Silence, 'id' | 'from'> & { from?: number | undefined }

/** Silences: writes them, and knows those of the last while. */
export interface SilenceDesk {
  /**
   * Durable, and on its way to the processors, when it resolves. One at a time, over all processes that share the log:
   * fails with `conflict` when others came first again and again.
   */
  add(wish: SilenceWish): Promise<KeptSilence>
  /** Ends it now. Fails with `not_found`, or with `conflict` when it has ended. */
  remove(wish: { project: string; id: string; actor: string }): Promise<KeptSilence>
  /** Newest first. */
  list(project: string): readonly KeptSilence[]
  close(): Promise<void>
}

/** Ended silences are shown this long. */
const SHOWN_MS = 90 * 86_400_000

export async function openSilenceDesk(deps: ConfigTopicDeps): Promise<SilenceDesk> {
  const { clock } = deps
  const state: State = { known: new Map(), highest: 0 }
  const topic = await openConfigTopic(deps, (entry, offset) => {
    applyEntry(state, entry, offset)
    for (const [id, { silence }] of state.known)
      if (silence.until < clock.nowMs() - SHOWN_MS) state.known.delete(id)
  })
  const parts = { deps, topic, state }
  // Decided before a crash: it holds from the place it gets now, so that a replay finds it there too.
  for (const kept of [...state.known.values()].filter(({ isPlaced }) => !isPlaced)) {
    const atMs = clock.nowMs()
    await place(
      parts,
      kept.removed === null ? { ...kept, atMs } : { ...kept, removed: { ...kept.removed, atMs } },
    )
  }
  const inTurn = createTurns()
  return {
    add: (wish) => inTurn(() => add(parts, wish)),
    remove: (wish) => inTurn(() => remove(parts, wish)),
    list: (project) => listOf(state, project),
    close: () => topic.close(),
  }
}

interface Known extends KeptSilence {
  /** Where the entry lies that came first of those that decided it, or that took it back. */
  offset: number | null
}

interface State {
  known: Map<string, Known>
  highest: number
}

interface DeskParts {
  deps: ConfigTopicDeps
  topic: ConfigTopic
  state: State
}

/** Entries may come again behind the ones that replaced them; of two that decide the same the first holds. */
function applyEntry(state: State, entry: ConfigEntry, offset: number | null): void {
  const kept = readSilence(entry)
  if (kept === undefined) return
  state.highest = Math.max(state.highest, numberOf(kept))
  const name = nameOf(kept)
  const before = state.known.get(name)
  if (before === undefined) {
    state.known.set(name, { ...kept, offset })
    return
  }
  const isSameStep = (kept.removed === null) === (before.removed === null)
  if (stepOf(kept) < stepOf(before)) return
  if (isSameStep && !kept.isPlaced) return
  state.known.set(name, { ...kept, offset: isSameStep ? before.offset : offset })
}

const stepOf = ({ removed, isPlaced }: KeptSilence): number =>
  (removed === null ? 0 : 2) + (isPlaced ? 1 : 0)

const nameOf = ({ silence }: KeptSilence): string => `${silence.project}/${silence.id}`

const numberOf = ({ silence }: KeptSilence): number => Number(silence.id.slice(1))

const isLive = ({ silence, removed }: KeptSilence, nowMs: number): boolean =>
  removed === null && silence.until > nowMs

function listOf({ known }: State, project: string): KeptSilence[] {
  return [...known.values()]
    .filter(({ silence }) => silence.project === project)
    .toSorted((left, right) => numberOf(right) - numberOf(left))
}

/** The place of its entry in the log decides who has a number; whoever comes second takes the next one. */
async function add(parts: DeskParts, { from, ...wish }: SilenceWish): Promise<KeptSilence> {
  const { deps, state } = parts
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const atMs = deps.clock.nowMs()
    const live = listOf(state, wish.project).filter((kept) => isLive(kept, atMs))
    if (live.length >= SILENCES_MAX) throw tooMany()
    const silence = { ...wish, id: `s${state.highest + 1}`, from: from ?? atMs }
    const kept = { silence, atMs, removed: null, isPlaced: false }
    const placed = await placeFirst(parts, kept)
    if (placed !== undefined) return placed
  }
  throw lostTooOften('silenced something')
}

async function remove(
  parts: DeskParts,
  { project, id, actor }: { project: string; id: string; actor: string },
): Promise<KeptSilence> {
  const { deps, state } = parts
  const known = (): KeptSilence | undefined => state.known.get(`${project}/${id}`)
  // Among the actions it must not come before the silence, which another process may be about to put there.
  await untilSettled(deps.clock, () => known()?.isPlaced !== false)
  let kept = known()
  if (kept === undefined)
    throw new FaultlineError('not_found', `There is no silence ${id.slice(0, 64)}.`)
  const ended = new FaultlineError('conflict', `The silence ${id} has ended already.`)
  const atMs = deps.clock.nowMs()
  if (!isLive(kept, atMs)) throw ended
  if (!kept.isPlaced) kept = await place(parts, kept)
  const removed = { ...kept, removed: { atMs, actor }, isPlaced: false }
  const placed = await placeFirst(parts, removed)
  if (placed === undefined) throw ended
  return placed
}

/** Writes it down; undefined when another process was first to. */
async function placeFirst(parts: DeskParts, kept: KeptSilence): Promise<KeptSilence | undefined> {
  const { deps, topic, state } = parts
  const claim = await topic.claim(entryOfSilence(kept))
  const isFirst = state.known.get(nameOf(kept))?.offset === claim.offset
  const placed = isFirst ? await place(parts, kept) : undefined
  await forgetClaim(deps, topic, claim)
  return placed
}

async function place({ deps, topic }: DeskParts, kept: KeptSilence): Promise<KeptSilence> {
  await putAmongActions(deps, kept)
  const { silence, atMs, removed } = kept
  const placed = { silence, atMs, removed, isPlaced: true }
  await topic.write([entryOfSilence(placed)])
  return placed
}

/** Where the cluster stage takes it from; a replay finds it at the same place. */
async function putAmongActions(
  deps: ConfigTopicDeps,
  { silence, atMs, removed }: KeptSilence,
): Promise<void> {
  const { project, id, actor } = silence
  const at = removed?.atMs ?? atMs
  await putAction(deps, project, {
    project,
    incident_id: '',
    seq: 0,
    command_id: removed === null ? `silence/${id}` : `unsilence/${id}`,
    kind: removed === null ? 'silence' : 'unsilence',
    actor: removed?.actor ?? actor,
    at,
    payload: JSON.stringify(removed === null ? { silence } : { id }),
    ...PLAIN_ACTION,
  })
}

function tooMany(): FaultlineError {
  return new FaultlineError(
    'conflict',
    `A project has at most ${SILENCES_MAX} silences that have not ended.`,
    { remedy: 'Remove some, or match more with one: * stands for any text.' },
  )
}
