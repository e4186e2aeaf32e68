import type { Random } from '#/kernel/random.ts'
import type { Effect, ErrorKind, EventBody } from './plan.ts'
import { stackOf, type ShopService } from './world.ts'

const USERS = 4000
const MIX: readonly (readonly [string, number])[] = [
  ['http_request', 0.9],
  ['custom', 0.05],
  ['signup', 0.03],
  ['feedback', 0.02],
]

type Body = Record<string, unknown>

/** Makes single events of the shop; the state is the releases in force and a request counter. */
export interface EventMaker {
  deployed(service: string, release: string): void
  envelope(service: ShopService, atS: number, type: string): Body
  error(service: ShopService, atS: number, kind: ErrorKind): Body
  /** An event of an ordinary day under these effects; undefined when the effects swallow it. */
  ordinary(service: ShopService, atS: number, effects: readonly Effect[]): EventBody | undefined
}

/** `errorShare` is the part of ordinary events that are errors. */
export function createEventMaker(
  random: Random,
  { originMs, errorShare }: { originMs: number; errorShare: number },
): EventMaker {
  const releases = new Map<string, string>()
  let request = 0

  const envelope = (service: ShopService, atS: number, type: string): Body => {
    request += 1
    return {
      event_type: type,
      occurred_at: new Date(originMs + atS * 1000).toISOString(),
      service: service.name,
      environment: 'prod',
      release: releases.get(service.name) ?? 'v1.0.0',
      host: `${service.name}-${random.int(3)}`,
      user_id: `u${random.int(USERS)}`,
      request_id: `req-${request.toString(36)}`,
      attributes: { zone: service.zone, tenant: `t${random.int(40)}` },
    }
  }

  const error = (service: ShopService, atS: number, kind: ErrorKind): Body => {
    const message = kind.message.replaceAll('{id}', () => String(random.int(1_000_000)))
    const stack = stackOf(service, { type: kind.type, message, where: kind.where }, random)
    const rest = { severity: kind.severity ?? 4, error_type: kind.type, message, stack }
    return { ...envelope(service, atS, 'error'), ...rest, route: random.pick(service.routes) }
  }

  return {
    deployed: (service, release) => void releases.set(service, release),
    envelope,
    error,
    ordinary(service, atS, effects) {
      const volume = Math.min(1, ...effects.map((effect) => effect.volume ?? 1))
      const type = random.unit() < errorShare ? 'error' : chooseType(random)
      if (random.unit() >= volume) return undefined
      if (type === 'error') {
        const [name, message] = random.pick(service.background)
        const where = name.replace(/(Exception|Error)$/, '')
        return error(service, atS, { type: name, message, where, severity: 3 })
      }
      const body = envelope(service, atS, type)
      if (type === 'http_request') return { ...body, ...requestFields(service, effects, random) }
      return { ...body, ...otherFields(type, random) }
    },
  }
}

function otherFields(type: string, random: Random): Body {
  if (type === 'signup')
    return { message: 'account created', attributes: { plan: random.pick(['free', 'pro']) } }
  if (type === 'feedback')
    return { message: random.pick(['love it', 'too slow today', 'where is my order?']) }
  return { message: `job ${random.int(9)} finished`, attributes: { job: 'reindex' } }
}

function requestFields(service: ShopService, effects: readonly Effect[], random: Random): Body {
  const failing = Math.max(0.002, ...effects.map((effect) => effect.failing ?? 0))
  const slower = Math.max(1, ...effects.map((effect) => effect.slower ?? 1))
  const failed = random.unit() < failing
  const missing = random.unit() < 0.03
  return {
    severity: failed ? 4 : 2,
    route: random.pick(service.routes),
    method: random.pick(['GET', 'GET', 'POST']),
    status_code: failed ? 503 : missing ? 404 : 200,
    duration_ms: Math.round(service.latencyMs * slower * (0.5 + random.exponential(0.5)) * 10) / 10,
  }
}

function chooseType(random: Random): string {
  let left = random.unit()
  for (const [name, share] of MIX) {
    left -= share
    if (left < 0) return name
  }
  return 'http_request'
}
