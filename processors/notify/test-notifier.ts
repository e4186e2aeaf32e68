/** A notifier on a log in memory, with receivers in memory and time that moves when told to. */
import { createManualClock, type ManualClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Notification, Reason, Target } from '#/processors/domain/notify/notification.ts'
import type { Outcome } from '#/processors/domain/notify/retry-policy.ts'
import { isSignedBy, keyOfSecret } from '#/processors/domain/notify/signature.ts'
import type { Rotation } from '#/processors/domain/notify/rotation.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { Log } from '#/processors/log/port.ts'
import { createDriver, type TopologyDriver } from '#/processors/runtime/driver.ts'
import { createDeadLetterPort } from '#/processors/stages/dead-letter-record.ts'
import { PLAIN_ACTION } from '#/schemas/action.ts'
import { createDecoder, encode } from '#/schemas/codec.ts'
import type { Action, Delivery, IncidentEvent } from '#/schemas/records.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { OutgoingRequest } from './http-sender.ts'
import { createNotifyStage, type SecretTarget } from './stage.ts'

export const NOW_MS = Date.UTC(2026, 10, 23, 2, 0)
export const MINUTE_MS = 60_000
export const KEY = keyOfSecret(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)

export function targetOf(change: Partial<SecretTarget> = {}): SecretTarget {
  const base: Target = {
    name: 'hook',
    kind: 'webhook',
    url: 'https://hooks.example/in',
    severityMax: 3,
    projects: [],
    services: [],
    reasons: ['opened', 'worsened', 'reopened', 'unacknowledged', 'merged', 'resolved'],
    unacknowledgedMs: null,
  }
  return { ...base, key: KEY, routingKey: '', ...change }
}

export function eventOf(change: Partial<IncidentEvent> = {}): IncidentEvent {
  return {
    project: 'default',
    incident_id: 'i1',
    number: 12,
    seq: 1,
    kind: 'opened',
    at: NOW_MS,
    sentence: 'Opened: checkout fails.',
    status: 'open',
    title: 'TimeoutError in checkout',
    severity: 2,
    severity_score: 61,
    opened_at: NOW_MS,
    updated_at: NOW_MS,
    resolved_at: null,
    services: ['checkout', 'payment'],
    fingerprints: [],
    events: 40,
    users: 9,
    root: 'payment',
    suspect_deploy: '',
    redirect_to: '',
    regressed: false,
    flapping: false,
    detail: '{"causes":[{"sentence":"payment failed first."}]}',
    recorded_at: NOW_MS,
    ...change,
  }
}

export interface Received {
  id: string
  target: string
  reason: Reason | undefined
  request: OutgoingRequest
  isSigned: boolean
}

export interface TestNotifier {
  clock: ManualClock
  log: Log
  driver: TopologyDriver
  received: Received[]
  /** What receivers answer, by url; 200 where nothing is set. */
  answers: Map<string, () => Promise<Outcome> | Outcome>
  tell(...events: IncidentEvent[]): Promise<void>
  /** A person's action; text as payload is written as it is. */
  act(kind: string, payload: object | string, change?: Partial<Action>): Promise<void>
  /** Lets everything happen that is due. */
  settle(): Promise<void>
  /** Moves time in steps of ten seconds, settling at each. */
  pass(durationMs: number): Promise<void>
  deliveries(): Promise<Delivery[]>
  reasons(): (string | undefined)[]
  close(): Promise<void>
}

export interface NotifierOptions {
  targets: readonly SecretTarget[]
  rotation?: Rotation
}

const ALL_TOPICS = Object.values(TOPICS).map(({ name, compacted }) => ({
  name,
  compacted,
  partitions: 1,
  retentionMs: Number.POSITIVE_INFINITY,
  retentionBytes: Number.POSITIVE_INFINITY,
}))

const TURN = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export async function startNotifier({ targets, rotation }: NotifierOptions): Promise<TestNotifier> {
  const clock = createManualClock(NOW_MS)
  const log = createMemoryLog({ clock })
  const registry = createMemoryRegistry()
  const ids = await registerAll(registry)
  const received: Received[] = []
  const answers: TestNotifier['answers'] = new Map()
  const send = async (request: OutgoingRequest): Promise<Outcome> => {
    received.push(receivedOf(request, targets))
    return answers.get(request.url)?.() ?? { statusCode: 200, retryAfter: '', error: '' }
  }
  const stage = createNotifyStage({
    schemas: { ids, registry },
    targets,
    rotation,
    ageMsMax: 60 * MINUTE_MS,
    urlOf: (id) => `https://faultline.example/incidents/${id}`,
    send,
  })
  const driver = await createDriver({
    log,
    clock,
    stages: [stage],
    topics: ALL_TOPICS,
    deadLetters: createDeadLetterPort(ids),
    random: createSeededRandom(3),
  })
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn += 1) {
      await driver.run()
      await TURN()
    }
  }
  return {
    clock,
    log,
    driver,
    received,
    answers,
    settle,
    async tell(...events) {
      for (const event of events) {
        const value = encode('IncidentEvent', ids.IncidentEvent, event)
        await driver.pipe(TOPICS.lifecycle.name, event.incident_id, [value], event.at)
      }
      await settle()
    },
    async act(kind, payload, change = {}) {
      const at = clock.nowMs()
      const value = encode('Action', ids.Action, { ...actionOf(kind, { at, payload }), ...change })
      await driver.pipe(TOPICS.actions.name, 'i1', [value], at)
      await settle()
    },
    async pass(durationMs) {
      for (let passed = 0; passed < durationMs; passed += 10_000) {
        await clock.advance(10_000)
        await settle()
      }
    },
    deliveries: () => deliveriesIn(driver),
    reasons: () => received.map(({ reason }) => reason),
    close: async () => {
      // What is under way gets its time, which here only passes when told to.
      const closed = driver.close()
      await TURN()
      await clock.advance(5_000)
      await closed
      await log.close()
    },
  }
}

function actionOf(kind: string, { at, payload }: { at: number; payload: object | string }): Action {
  const whose = { project: 'default', incident_id: 'i1', seq: 0, command_id: kind, actor: 'ada' }
  return { ...PLAIN_ACTION, ...whose, kind, at, payload: textOf(payload) }
}

const textOf = (payload: object | string): string =>
  typeof payload === 'string' ? payload : JSON.stringify(payload)

async function deliveriesIn(driver: TopologyDriver): Promise<Delivery[]> {
  const decoder = createDecoder('Delivery')
  const records = await driver.read(TOPICS.deliveries.name)
  return records.map(({ value }) => decoder.decode(value!))
}

function receivedOf(request: OutgoingRequest, targets: readonly SecretTarget[]): Received {
  const { headers, body, url } = request
  const id = headers['webhook-id'] ?? ''
  const timestamp = Number(headers['webhook-timestamp'])
  const signature = headers['webhook-signature'] ?? ''
  const { type } = JSON.parse(body) as { type?: string }
  return {
    id,
    target: targets.find((target) => target.url === url)?.name ?? '',
    reason: type?.replace('incident.', '') as Notification['reason'] | undefined,
    request,
    isSigned: isSignedBy({ id, timestamp, body }, signature, KEY),
  }
}
