import { FaultlineError } from '#/kernel/errors.ts'
import {
  entryOfSilence,
  readSilence,
  type KeptSilence,
} from '#/processors/domain/incident/silence-entry.ts'
import { SILENCES_MAX, type Silence } from '#/processors/domain/incident/silence.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { openConfigTopic, type ConfigTopicDeps } from './config-topic.ts'
import { putAction } from './put-action.ts'

/** `from` is now when it is left out. */
export type SilenceWish = Omit<Silence, 'id' | 'from'> & { from?: number | undefined }

/** Silences: writes them, and knows those of the last while. */
export interface SilenceDesk {
  /** Durable, and on its way to the processors, when it resolves. One at a time. */
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
  const known = new Map<string, KeptSilence>()
  let highest = 0
  const topic = await openConfigTopic(deps, (entry) => {
    const kept = readSilence(entry)
    if (kept === undefined) return
    highest = Math.max(highest, Number(kept.silence.id.slice(1)))
    const before = known.get(entry.id)
    if (before === undefined || !isOlder(kept, before)) known.set(entry.id, kept)
    for (const [id, { silence }] of known)
      if (silence.until < clock.nowMs() - SHOWN_MS) known.delete(id)
  })
  const write = async (kept: KeptSilence): Promise<KeptSilence> => {
    await topic.write([entryOfSilence({ ...kept, isPlaced: false })])
    await putAmongActions(deps, kept)
    const placed = { ...kept, isPlaced: true }
    await topic.write([entryOfSilence(placed)])
    return placed
  }
  // Decided before a crash: it holds from the place it gets now, so that a replay finds it there too.
  for (const kept of [...known.values()].filter(({ isPlaced }) => !isPlaced)) {
    const atMs = clock.nowMs()
    await write(
      kept.removed === null ? { ...kept, atMs } : { ...kept, removed: { ...kept.removed, atMs } },
    )
  }

  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<KeptSilence>): Promise<KeptSilence> => {
    const done = last.then(work)
    // The next one waits for this one, and does not fail with it.
    last = done.catch(() => undefined)
    return done
  }
  const list = (project: string): KeptSilence[] =>
    [...known.values()]
      .filter(({ silence }) => silence.project === project)
      .toSorted((left, right) => numberOf(right) - numberOf(left))
  return {
    add: ({ from, ...wish }) =>
      inTurn(async () => {
        const atMs = clock.nowMs()
        if (list(wish.project).filter((kept) => isLive(kept, atMs)).length >= SILENCES_MAX)
          throw tooMany()
        const silence = { ...wish, id: `s${highest + 1}`, from: from ?? atMs }
        return write({ silence, atMs, removed: null, isPlaced: false })
      }),
    remove: ({ project, id, actor }) =>
      inTurn(async () => {
        const atMs = clock.nowMs()
        const kept = known.get(`${project}/${id}`)
        if (kept === undefined)
          throw new FaultlineError('not_found', `There is no silence ${id.slice(0, 64)}.`)
        if (!isLive(kept, atMs))
          throw new FaultlineError('conflict', `The silence ${id} has ended already.`)
        return write({ ...kept, removed: { atMs, actor } })
      }),
    list,
    close: () => topic.close(),
  }
}

const numberOf = ({ silence }: KeptSilence): number => Number(silence.id.slice(1))

const isLive = ({ silence, removed }: KeptSilence, nowMs: number): boolean =>
  removed === null && silence.until > nowMs

/** Entries may come again behind the ones that replaced them. */
function isOlder(left: KeptSilence, right: KeptSilence): boolean {
  const [stepLeft, stepRight] = [left, right].map(
    ({ removed, isPlaced }) => (removed === null ? 0 : 2) + (isPlaced ? 1 : 0),
  )
  return stepLeft! < stepRight!
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
