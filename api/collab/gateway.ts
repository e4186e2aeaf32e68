import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { readBelow } from '#/processors/log/read-below.ts'
import { CLOSE, SOCKET_LIMITS } from '#/schemas/collab/protocol.ts'
import type { Rejection, RoomEvent } from '#/schemas/collab/state.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createActionReader, partitionsOf } from './action-log.ts'
import type { SchemaSource } from './action-log.ts'
import { eventOf } from './action-record.ts'
import type { Submitted } from './action-record.ts'
import { openCommandDoor } from './command-door.ts'
import { createNoBus } from './presence-bus.ts'
import type { PresenceBus } from './presence-bus.ts'
import { Rooms } from './rooms.ts'
import { Session } from './session.ts'
import type { SessionOptions } from './session.ts'

export interface GatewayDeps extends SchemaSource {
  log: Log
  clock: Clock
  random: Random
  /** How presence reaches the other processes; nothing when there are none. */
  bus?: PresenceBus | undefined
  /** Told of what people were refused. */
  audit?: ((note: Refused) => void) | undefined
  onProblem?: ((error: unknown) => void) | undefined
}

export interface Refused {
  actorId: string
  project: string
  incidentId: string
  kind: string
  code: string
}

/** The rooms of this process: sockets on one side, the log on the other. */
export interface Gateway {
  readonly rooms: Rooms
  open(options: Omit<SessionOptions, 'id'>): Session
  /** For who asks once, as an HTTP call does: writes the command and waits for what the log says. */
  execute(submitted: Submitted): Promise<{ event: RoomEvent } | { rejection: Rejection }>
  /** All events of an incident, from the log. */
  history(incidentId: string): Promise<readonly RoomEvent[]>
  sessionCount(): number
  close(): Promise<void>
}

const READ_BYTES_MAX = 1 << 20
const WAIT_MS = 1_000
const RETRY_MS = 200
const DECISION_MS_MAX = 10_000

export async function openGateway(deps: GatewayDeps): Promise<Gateway> {
  const { clock, random } = deps
  const bus = deps.bus ?? createNoBus()
  const gateway = random.int(2 ** 32).toString(36)
  const sessions = new Set<Session>()
  const rooms = new Rooms({
    gateway,
    onRejected: ({ incidentId, project, actorId, kind, rejection: { code } }) =>
      deps.audit?.({ actorId, project, incidentId, kind, code }),
  })
  const door = await openCommandDoor(deps)
  const stop = new AbortController()
  const partitions = await partitionsOf(deps.log, TOPICS.actions.name)
  const following = await Promise.all(
    Array.from({ length: partitions }, (_, partition) =>
      follow(deps, rooms, { partition, signal: stop.signal }),
    ),
  )
  bus.listen((news) => rooms.hear(news))
  const beating = beat({ clock, rooms, bus, sessions, signal: stop.signal })
  let count = 0
  return {
    rooms,
    open(options) {
      const id = `${gateway}-${(count += 1).toString(36)}`
      const session = new Session(
        {
          clock,
          rooms,
          submit: (submitted) => door.submit(submitted),
          audit: ({ actorId, target, code, kind }) =>
            deps.audit?.({ actorId, project: options.project, incidentId: target, kind, code }),
        },
        { ...options, id },
      )
      sessions.add(session)
      return session
    },
    execute: (submitted) => execute(deps, rooms, () => door.submit(submitted), submitted),
    history: (incidentId) => historyOf(deps, rooms, incidentId),
    sessionCount: () => sessions.size,
    async close() {
      for (const session of sessions) session.close(CLOSE.again, 'The server goes away.')
      stop.abort()
      await Promise.all([...following.map(({ done }) => done), beating])
      await bus.close()
    },
  }
}

/** Resolves when everything written so far is in the book; goes on in the background. */
async function follow(
  deps: GatewayDeps,
  rooms: Rooms,
  { partition, signal }: { partition: number; signal: AbortSignal },
): Promise<{ done: Promise<void> }> {
  const { log, clock } = deps
  const tp = { topic: TOPICS.actions.name, partition }
  const read = createActionReader(deps, deps.onProblem)
  /** Where to go on. */
  const take = async (from: number, records: readonly ConsumedRecord[]): Promise<number> => {
    const last = records.at(-1)
    if (last === undefined) return from
    rooms.take(await read(records), partition)
    return last.offset + 1
  }
  const end = await log.endOffset(tp)
  let next = await log.beginningOffset(tp)
  while (next < end)
    next = await take(next, await readBelow(log, tp, { from: next, bytesMax: READ_BYTES_MAX }))
  const goOn = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const options = { bytesMax: READ_BYTES_MAX, waitMs: WAIT_MS, signal }
        next = await take(next, await log.read(tp, next, options))
      } catch (error) {
        if (signal.aborted) return
        deps.onProblem?.(error)
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }
  return { done: goOn() }
}

interface Beating {
  clock: Clock
  rooms: Rooms
  bus: PresenceBus
  sessions: Set<Session>
  signal: AbortSignal
}

/** Ten times a second who is there is told; whoever was not heard of for long is gone. */
async function beat({ clock, rooms, bus, sessions, signal }: Beating): Promise<void> {
  const { presenceMs, heartbeatMs, goneMs } = SOCKET_LIMITS
  let toldMs = clock.monotonicMs()
  while (!signal.aborted) {
    await clock.sleep(presenceMs, signal)
    const nowMs = clock.monotonicMs()
    for (const session of sessions) {
      if (nowMs - session.heardAt > goneMs) session.close(CLOSE.idle, 'Nothing was heard for long.')
      if (session.isClosed) sessions.delete(session)
    }
    const isHeartbeat = nowMs - toldMs >= heartbeatMs
    if (isHeartbeat) toldMs = nowMs
    for (const news of rooms.newsForOthers(clock.nowMs(), isHeartbeat)) bus.tell(news)
    rooms.forgetSilentGateways(clock.nowMs() - goneMs)
    rooms.tellPresence()
  }
}

async function execute(
  deps: GatewayDeps,
  rooms: Rooms,
  submit: () => Promise<void>,
  { incidentId, command: { actor, cmdId } }: Submitted,
): Promise<{ event: RoomEvent } | { rejection: Rejection }> {
  const stop = new AbortController()
  const decision = rooms.decision(incidentId, actor.id, cmdId)
  try {
    await submit()
    const late = deps.clock.sleep(DECISION_MS_MAX, stop.signal).then(() => undefined)
    const decided = await Promise.race([decision, late])
    if (decided !== undefined) return decided
    throw new FaultlineError('log_unavailable', 'Nobody has decided about the change yet.', {
      remedy: 'It may still be applied: read the incident again before you repeat it.',
    })
  } finally {
    stop.abort()
    rooms.forgetDecision(incidentId, actor.id, cmdId)
  }
}

const HISTORY_BYTES_MAX = 1 << 20

/** What is at hand, and what lies further back from the log. */
async function historyOf(
  deps: GatewayDeps,
  rooms: Rooms,
  incidentId: string,
): Promise<readonly RoomEvent[]> {
  const room = rooms.book.room(incidentId)
  if (room === undefined) return []
  const recent = [...room.recent]
  const first = recent[0]?.seq ?? room.state.seq + 1
  if (first === 1) return recent
  const read = createActionReader(deps, deps.onProblem)
  const tp = { topic: TOPICS.actions.name, partition: room.partition }
  const older = new Map<number, RoomEvent>()
  for (let seq = 1; seq < first; seq += 1) {
    if (older.has(seq)) continue
    const from = room.offsets[seq - 1] ?? 0
    const records = await readBelow(deps.log, tp, { from, bytesMax: HISTORY_BYTES_MAX })
    for (const { action } of await read(records)) {
      if (action.incident_id !== incidentId || action.result !== '') continue
      const event = eventOf(action)
      if (event !== undefined && event.seq < first) older.set(event.seq, event)
    }
    if (!older.has(seq)) throw lost(incidentId, seq)
  }
  return [...[...older.values()].toSorted((a, b) => a.seq - b.seq), ...recent]
}

function lost(incidentId: string, seq: number): FaultlineError {
  return new FaultlineError('log_corrupt', `Event ${seq} of incident ${incidentId} is not there.`)
}
