import { messageOf } from '#/kernel/errors.ts'
import { DeliveryBook, type OpenDelivery } from '#/processors/domain/notify/delivery-book.ts'
import type { Notification } from '#/processors/domain/notify/notification.ts'
import { payloadOf } from '#/processors/domain/notify/payload.ts'
import { TAKEN } from '#/processors/domain/notify/plan.ts'
import { judge, type Outcome } from '#/processors/domain/notify/retry-policy.ts'
import { signatureOf } from '#/processors/domain/notify/signature.ts'
import type { ConsumedRecord, ProducedBatch } from '#/processors/log/port.ts'
import { commitMetadata } from '#/processors/runtime/progress.ts'
import type { StepOptions, Worker, WorkerContext } from '#/processors/runtime/stage.ts'
import { encode } from '#/schemas/codec.ts'
import type { Delivery } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { laterStep } from './delivery-record.ts'
import { createPlanner, type Planner } from './planner.ts'
import { foldDeliveries, knownEnd } from './recovery.ts'
import type { NotifyDeps, SecretTarget } from './stage.ts'
import { createTakers, type Takers } from './takers.ts'

export function createNotifyWorker(deps: NotifyDeps, context: WorkerContext): Worker {
  return new NotifyWorker(deps, context)
}

const READ_BYTES = 1 << 20
/** How many requests to one target are on their way at once. */
const IN_FLIGHT_MAX = 4
/** What is on its way when the partition is given away gets so long to come back. */
const DRAIN_MS = 2_000

interface Attempt {
  delivery: Delivery
  outcome: Outcome
  durationMs: number
}

/**
 * Everything that is to happen is written to the log before it happens, and its result afterwards. Whoever takes over
 * reads the same records and goes on; only what was sent and not yet written down when a process died is sent twice,
 * under the same id. Methods never overlap, requests run beside them and leave their results in a list.
 */
class NotifyWorker implements Worker {
  readonly input
  readonly #deps: NotifyDeps
  readonly #context: WorkerContext
  readonly #targets: ReadonlyMap<string, SecretTarget>
  readonly #book = new DeliveryBook<Delivery>()
  readonly #takers: Takers
  readonly #planner: Planner
  readonly #stopping = new AbortController()
  #position = 0
  #results: Attempt[] = []
  #inFlight = 0
  /** Ends the wait for records when a result is there. */
  #wake = new AbortController()

  constructor(deps: NotifyDeps, context: WorkerContext) {
    this.#deps = deps
    this.#context = context
    this.input = context.input
    this.#targets = new Map(deps.targets.map((target) => [target.name, target]))
    this.#takers = createTakers(deps.schemas, context)
    this.#planner = createPlanner(deps, {
      book: this.#book,
      context,
      isTaken: (incidentId) => this.#takers.has(incidentId),
    })
  }

  position(): number {
    return this.#position
  }

  async recover(): Promise<void> {
    const { log } = this.#context
    const { group } = this.#context.membership()
    const committed = await log.committed(group, this.input)
    const [beginning, end] = [
      await log.beginningOffset(this.input),
      await log.endOffset(this.input),
    ]
    this.#position = Math.min(Math.max(committed?.offset ?? beginning, beginning), end)
    await foldDeliveries(this.#context, this.#deps.schemas, {
      metadata: committed?.metadata ?? '',
      visit: (delivery) => this.#book.apply(delivery),
    })
    await this.#takers.open()
  }

  async step({ waitMs, signal }: StepOptions): Promise<number> {
    await this.#takers.read()
    await this.#write([...this.#settled(), ...this.#outdated()])
    this.#dispatch()
    const records = await this.#read(waitMs, signal)
    if (records.length > 0) {
      const { deliveries, letters } = await this.#planner.plan(records)
      this.#position = (records.at(-1)?.offset ?? this.#position) + 1
      await this.#write(deliveries, letters, true)
      this.#dispatch()
    }
    const { metrics } = this.#context
    metrics.set('faultline_notifications_waiting', this.#book.size)
    return records.length
  }

  async drain(): Promise<void> {
    const { clock } = this.#context
    const untilMs = clock.monotonicMs() + DRAIN_MS
    while (this.#inFlight > 0 && clock.monotonicMs() < untilMs) await clock.sleep(50)
    this.#stopping.abort()
    await this.#write(this.#settled())
  }

  async #read(waitMs: number, signal: AbortSignal | undefined): Promise<readonly ConsumedRecord[]> {
    const { log, clock } = this.#context
    const untilDueMs = Math.max(0, this.#book.nextAt() - clock.nowMs())
    // Busy lanes free themselves by a result, which wakes us; a moment is waited at least, so that nothing spins.
    const patienceMs = Math.min(waitMs, Math.max(untilDueMs, Math.min(waitMs, 20)))
    this.#wake = new AbortController()
    if (this.#results.length > 0) this.#wake.abort()
    const ending =
      signal === undefined ? this.#wake.signal : AbortSignal.any([this.#wake.signal, signal])
    return log.read(this.input, this.#position, {
      bytesMax: READ_BYTES,
      waitMs: patienceMs,
      signal: ending,
    })
  }

  /** Records, offset and what they lead to become visible together; the fence of the group guards all of it. */
  async #write(
    deliveries: readonly Delivery[],
    letters: readonly ProducedBatch[] = [],
    isProgress = false,
  ): Promise<void> {
    if (deliveries.length === 0 && letters.length === 0 && !isProgress) return
    const { log, epoch, metrics } = this.#context
    const { ids } = this.#deps.schemas
    const records = deliveries.map((delivery) => ({
      key: Buffer.from(delivery.incident_id),
      value: encode('Delivery', ids.Delivery, delivery),
      timestampMs: delivery.at,
    }))
    const own = { topic: TOPICS.deliveries.name, partition: 0, records }
    const metadata = commitMetadata(epoch, (await knownEnd(log)) + records.length)
    await log.commit({
      membership: this.#context.membership(),
      outputs: records.length === 0 ? letters : [own, ...letters],
      offsets: [{ ...this.input, offset: this.#position, metadata }],
    })
    for (const delivery of deliveries) {
      this.#book.apply(delivery)
      metrics.add('faultline_notifications_total', 1, { result: delivery.status })
    }
  }

  /** What came of the requests that have ended. */
  #settled(): Delivery[] {
    const { clock, random } = this.#context
    return this.#results.splice(0).map(({ delivery, outcome, durationMs }) => {
      const nowMs = clock.nowMs()
      const attempt = delivery.attempt + 1
      const verdict = judge(outcome, { attempt, nowMs, unit: random.unit() })
      const answer = {
        at: nowMs,
        attempt,
        status_code: outcome.statusCode,
        duration_ms: durationMs,
      }
      if (verdict.kind === 'delivered')
        return laterStep(delivery, { ...answer, status: 'delivered' })
      const { detail } = verdict
      if (verdict.kind === 'failed')
        return laterStep(delivery, { ...answer, status: 'failed', detail })
      const next_at = nowMs + verdict.inMs
      return laterStep(delivery, { ...answer, status: 'retrying', detail, next_at })
    })
  }

  /** Escalations that are due although somebody took the incident on meanwhile. */
  #outdated(): Delivery[] {
    const change = { at: this.#context.clock.nowMs(), status: 'cancelled', detail: TAKEN }
    return this.#takers
      .take()
      .flatMap((incidentId) => this.#book.escalations(incidentId))
      .map((delivery) => laterStep(delivery, change))
  }

  #dispatch(): void {
    const nowMs = this.#context.clock.nowMs()
    for (const open of this.#book.due(nowMs, { perTarget: IN_FLIGHT_MAX })) {
      open.isInFlight = true
      this.#inFlight += 1
      void this.#attempt(open)
    }
  }

  /** Never rejects: what goes wrong is an outcome. */
  async #attempt({ step: delivery }: OpenDelivery<Delivery>): Promise<void> {
    const { clock, metrics } = this.#context
    const startedMs = clock.monotonicMs()
    let outcome: Outcome
    try {
      outcome = await this.#send(delivery)
    } catch (error) {
      outcome = { statusCode: 0, retryAfter: '', error: messageOf(error) }
    }
    this.#inFlight -= 1
    // Interrupted by us: whoever takes over sends it again.
    if (this.#stopping.signal.aborted && outcome.statusCode === 0) return
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    metrics.observe('faultline_notification_seconds', durationMs / 1000)
    this.#results.push({ delivery, outcome, durationMs })
    this.#wake.abort()
  }

  async #send(delivery: Delivery): Promise<Outcome> {
    const target = this.#targets.get(delivery.target)
    if (target === undefined)
      return {
        statusCode: 0,
        retryAfter: '',
        error: 'the target is no longer configured',
        isFinal: true,
      }
    const notification = JSON.parse(delivery.content) as Notification
    const body = payloadOf(target.kind, notification, target)
    return this.#deps.send(
      { url: target.url, headers: this.#headersOf(target, delivery.delivery_id, body), body },
      this.#stopping.signal,
    )
  }

  #headersOf(target: SecretTarget, id: string, body: string): Record<string, string> {
    if (target.kind !== 'webhook') return {}
    const timestamp = Math.floor(this.#context.clock.nowMs() / 1000)
    return {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf({ id, timestamp, body }, target.key),
    }
  }
}
