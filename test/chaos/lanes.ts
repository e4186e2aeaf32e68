import type { Clock } from '#/kernel/clock.ts'
import type { Random } from '#/kernel/random.ts'
import type { Ledger, LedgerEvent } from './ledger.ts'

/** Where to send at the moment. */
export interface Target {
  url: string
  key: string
}

export interface Lanes {
  /** Waits until every batch under way is acknowledged; nothing is sent until `resume`. */
  pause(): Promise<void>
  resume(): void
  stop(): Promise<void>
  /** Batches that had to be sent again, because no answer came. */
  readonly resent: number
}

export interface LanesOptions {
  lanes: number
  batchEventsMax: number
  ledger: Ledger
  clock: Clock
  random: Random
  /** Of each lane between two batches, where a steady flow is wanted rather than all there can be. */
  pauseMs?: number
  /** Undefined while nothing runs. */
  target: () => Target | undefined
}

const RETRY_MS = 20
const ANSWER_MS_MAX = 15_000
const SERVICES_PER_LANE = 3
const PAST_MINUTES = 80
/** Errors of one service after which the next kind of them begins. */
const FAULT_EVENTS = 2000
const FAULTS = [
  'connection to db-1 refused',
  'cannot read basket',
  'timeout after 3000 ms',
] as const

/**
 * Senders that never give up: a batch without an answer is sent again as it is, so that every id is acknowledged in
 * the end, some of them after the platform had them already. Each service belongs to one lane, so its order is known.
 */
export function startLanes(options: LanesOptions): Lanes {
  const { clock } = options
  const stopped = new AbortController()
  let gate: { open: Promise<void>; release: () => void } | undefined
  const busy = new Set<Promise<void>>()
  let resent = 0

  const deliver = async (batch: readonly LedgerEvent[], body: string): Promise<void> => {
    for (let attempt = 0; !stopped.signal.aborted; attempt += 1) {
      if (attempt > 0) resent += 1
      const target = options.target()
      if (target !== undefined && (await post(target, body, batch.length))) {
        for (const event of batch) options.ledger.note(event)
        return
      }
      await clock.sleep(RETRY_MS)
    }
  }
  const run = async (lane: number): Promise<void> => {
    const sequences = new Map<string, number>()
    const past = makePast(lane, sequences, clock.nowMs())
    await deliver(past, bodyOf(past))
    while (!stopped.signal.aborted) {
      if (gate !== undefined) await gate.open
      const batch = makeBatch(lane, sequences, options)
      const work = deliver(batch, bodyOf(batch))
      busy.add(work)
      await work
      busy.delete(work)
      if (options.pauseMs !== undefined) await clock.sleep(options.pauseMs, stopped.signal)
      else if (options.random.int(4) === 0) await clock.sleep(options.random.int(30))
    }
  }
  const lanes = Array.from({ length: options.lanes }, (_, lane) => run(lane))
  const resume = (): void => {
    const { release } = gate ?? {}
    gate = undefined
    release?.()
  }
  return {
    async pause() {
      const { promise: open, resolve: release } = Promise.withResolvers<void>()
      gate ??= { open, release }
      while (busy.size > 0) await Promise.all(busy)
    },
    resume,
    async stop() {
      stopped.abort()
      resume()
      await Promise.all(lanes)
    },
    get resent() {
      return resent
    },
  }
}

/** An ordinary hour and more of each service: detection is slow to open incidents for services it never saw. */
function makePast(lane: number, sequences: Map<string, number>, nowMs: number): LedgerEvent[] {
  return Array.from({ length: PAST_MINUTES * SERVICES_PER_LANE }, (_, index) => {
    const service = `chaos-${lane}-${index % SERVICES_PER_LANE}`
    const sequence = Math.floor(index / SERVICES_PER_LANE)
    sequences.set(service, sequence + 1)
    const occurredAtMs = nowMs - (PAST_MINUTES - sequence) * 60_000
    return { service, sequence, occurredAtMs, isError: false }
  })
}

function makeBatch(
  lane: number,
  sequences: Map<string, number>,
  { random, batchEventsMax, clock }: LanesOptions,
): LedgerEvent[] {
  const size = 1 + random.int(random.int(3) === 0 ? 5 : batchEventsMax)
  const occurredAtMs = clock.nowMs()
  return Array.from({ length: size }, () => {
    const service = `chaos-${lane}-${random.int(SERVICES_PER_LANE)}`
    const sequence = sequences.get(service) ?? 0
    sequences.set(service, sequence + 1)
    return { service, sequence, occurredAtMs, isError: random.int(4) === 0 }
  })
}

function bodyOf(batch: readonly LedgerEvent[]): string {
  const events = batch.map(({ service, sequence, occurredAtMs, isError }) => ({
    event_id: `${service}-${sequence}`,
    service,
    occurred_at: occurredAtMs,
    // The number in its lane, for checks of order.
    duration_ms: sequence,
    user_id: `user-${sequence % 50}`,
    ...(isError
      ? { event_type: 'error', error_type: faultOf(sequence), message: FAULTS[sequence % 3] }
      : { event_type: 'http_request', route: '/chaos', method: 'GET', status_code: 200 }),
  }))
  return JSON.stringify(events)
}

function faultOf(sequence: number): string {
  return `Chaos${'ABCDEFGHIJ'[Math.floor(sequence / FAULT_EVENTS) % 10]}Error`
}

/** True when all of the batch was acknowledged. Throws when some of it was refused: that is no crash but a bug. */
async function post(target: Target, body: string, count: number): Promise<boolean> {
  let status: number
  let text: string
  try {
    const response = await fetch(new URL('/v1/events', target.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': target.key },
      body,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    status = response.status
    text = await response.text()
  } catch {
    // Killed, or on its way up.
    return false
  }
  if (status === 429 || status === 503) return false
  const answer = JSON.parse(text) as { accepted?: number; event_id?: string }
  const accepted = answer.accepted ?? (answer.event_id === undefined ? 0 : 1)
  if (status !== 202 || accepted !== count) throw new Error(`${status} ${text.slice(0, 500)}`)
  return true
}
