import type { Random } from '#/kernel/random.ts'
import { createEventMaker, type EventMaker } from './events.ts'
import type { Effect, EventBody, Plan } from './plan.ts'
import { SHOP, shopService } from './world.ts'

interface TimedBody {
  atS: number
  body: EventBody
}

export interface Traffic {
  /** The events of [fromS, toS), in order of time. Call it for spans that follow each other. */
  between(fromS: number, toS: number): TimedBody[]
}

export interface TrafficOptions {
  plan: Plan
  random: Random
  /** Ordinary events per second over all services. */
  rate: number
  /** The moment of second 0. */
  originMs: number
}

// A shop has about as many odd errors on a busy day as on a quiet one.
const ERROR_SHARE_MAX = 0.02
const ERRORS_PER_SECOND = 0.06

function isOn(effect: Effect, atS: number): boolean {
  if (atS < effect.fromS || atS >= effect.toS) return false
  return effect.flapS === undefined || (atS - effect.fromS) % effect.flapS < effect.flapS / 2
}

/** The errors of one effect within a span: a Poisson process, thinned while it ramps up. */
function errorsOf(
  effect: Effect,
  span: { fromS: number; toS: number },
  make: EventMaker,
  random: Random,
): TimedBody[] {
  const { errors } = effect
  if (errors === undefined) return []
  const service = shopService(effect.service)
  const out: TimedBody[] = []
  const from = Math.max(span.fromS, effect.fromS)
  const to = Math.min(span.toS, effect.toS)
  const gap = (): number => random.exponential(1 / errors.perSecond)
  for (let at = from + gap(); at < to; at += gap()) {
    const strength =
      errors.rampS === undefined ? 1 : Math.min(1, (at - effect.fromS) / errors.rampS)
    if (random.unit() >= strength || !isOn(effect, at)) continue
    const body = make.error(service, at, errors.kind)
    if (errors.tenant === undefined) out.push({ atS: at, body })
    else {
      const attributes = { zone: service.zone, tenant: errors.tenant }
      out.push({ atS: at, body: { ...body, attributes, user_id: `u${random.int(5)}` } })
    }
  }
  return out
}

export function createTraffic({ plan, random, rate, originMs }: TrafficOptions): Traffic {
  const errorShare = Math.min(ERROR_SHARE_MAX, ERRORS_PER_SECOND / rate)
  const make = createEventMaker(random, { originMs, errorShare })
  return {
    between(fromS, toS) {
      const out: TimedBody[] = []
      for (const deploy of plan.deploys) {
        if (deploy.atS < fromS || deploy.atS >= toS) continue
        make.deployed(deploy.service, deploy.release)
        const attributes = { deploy_id: deploy.deployId, change_kind: deploy.changeKind ?? 'code' }
        const message = `deploy ${deploy.service} ${deploy.release}`
        const envelope = make.envelope(shopService(deploy.service), deploy.atS, 'deploy')
        out.push({ atS: deploy.atS, body: { ...envelope, message, attributes } })
      }
      for (
        let at = fromS + random.exponential(1 / rate);
        at < toS;
        at += random.exponential(1 / rate)
      ) {
        const service = random.pick(SHOP)
        const effects = plan.effects.filter(
          (effect) => effect.service === service.name && isOn(effect, at),
        )
        const body = make.ordinary(service, at, effects)
        if (body !== undefined) out.push({ atS: at, body })
      }
      for (const effect of plan.effects) out.push(...errorsOf(effect, { fromS, toS }, make, random))
      return out.toSorted((a, b) => a.atS - b.atS)
    },
  }
}
