import { unknownName } from '#/cli/options.ts'
import type { DeployStep, Effect, ErrorKind, Plan, TruthIncident } from './plan.ts'
import { SHOP, callersOf } from './world.ts'

/** How long the scenario lasts and when its outage begins and ends, in seconds. */
export interface Span {
  durationS: number
  fromS: number
  toS: number
}

type PlanMaker = (span: Span, perSecond: number) => Plan

const upstream = (name: string): ErrorKind => ({
  type: 'UpstreamTimeout',
  message: `upstream ${name} timed out after {id}ms`,
  where: 'CallUpstream',
})

/** Errors that climb from a failing service to its callers, a few seconds a hop. */
function cascade(
  root: string,
  span: Span,
  perSecond: number,
): { effects: Effect[]; services: string[] } {
  const effects: Effect[] = []
  const services = [root]
  let frontier = [root]
  for (let hop = 1; hop <= 3 && frontier.length > 0; hop += 1) {
    const next: string[] = []
    for (const callee of frontier) {
      for (const caller of callersOf(callee)) {
        if (services.includes(caller.name)) continue
        services.push(caller.name)
        next.push(caller.name)
        effects.push({
          service: caller.name,
          fromS: span.fromS + hop * 4,
          toS: span.toS,
          failing: 0.3 / hop,
          slower: 3,
          errors: { kind: upstream(callee), perSecond: perSecond / (hop + 1), rampS: 6 },
        })
      }
    }
    frontier = next
  }
  return { effects, services }
}

function truthOf(
  kind: string,
  span: Span,
  rest: Pick<TruthIncident, 'root' | 'services'> & { deploy?: string },
): TruthIncident[] {
  return [
    {
      id: 1,
      kind,
      startS: span.fromS,
      endS: span.toS,
      root: rest.root,
      services: rest.services,
      deploy: rest.deploy ?? null,
    },
  ]
}

function deployOf(atS: number, service: string, release: string, changeKind?: string): DeployStep {
  return {
    atS,
    service,
    release,
    deployId: `deploy-${service}-${release}`,
    ...(changeKind === undefined ? {} : { changeKind }),
  }
}

const badDeploy: PlanMaker = (span, perSecond) => {
  const root = 'checkout-service'
  const { effects, services } = cascade(root, { ...span, fromS: span.fromS + 8 }, perSecond / 2)
  const bad = deployOf(span.fromS, root, 'v1.1.0')
  const kinds: ErrorKind[] = [
    {
      type: 'NullPointerException',
      message: 'Cannot invoke "Price.amount()" because "price" is null',
      where: 'PriceCalculator',
    },
    {
      type: 'SerializationException',
      message: 'cannot write basket {id} as JSON',
      where: 'BasketWriter',
    },
  ]
  const own = kinds.map((kind, index): Effect => ({
    service: root,
    fromS: span.fromS + 3 + index * 4,
    toS: span.toS,
    failing: 0.4,
    errors: { kind, perSecond: perSecond / (index + 1), rampS: 5 },
  }))
  const fix = deployOf(span.toS, root, 'v1.1.1')
  return {
    effects: [...own, ...effects],
    deploys: [deployOf(span.fromS / 2, 'search-service', 'v1.0.1'), bad, fix],
    truth: truthOf('deploy', span, { root, services, deploy: bad.deployId }),
  }
}

const databaseCascade: PlanMaker = (span, perSecond) => {
  const root = 'orders-db'
  const { effects, services } = cascade(root, span, perSecond)
  const kind: ErrorKind = {
    type: 'ConnectionPoolExhausted',
    message: 'no free connection after {id} ms',
    where: 'Pool',
  }
  const own: Effect = {
    service: root,
    fromS: span.fromS,
    toS: span.toS,
    slower: 20,
    errors: { kind, perSecond },
  }
  return {
    effects: [own, ...effects],
    deploys: [],
    truth: truthOf('cascade', span, { root, services }),
  }
}

const saturation: PlanMaker = (span, perSecond) => {
  const root = 'inventory-service'
  const { effects, services } = cascade(root, { ...span, fromS: span.fromS + 15 }, perSecond / 2)
  const kind: ErrorKind = {
    type: 'TimeoutError',
    message: 'operation exceeded {id} ms',
    where: 'ReserveStock',
  }
  const own: Effect = {
    service: root,
    fromS: span.fromS,
    toS: span.toS,
    slower: 6,
    errors: { kind, perSecond, rampS: 25 },
  }
  return {
    effects: [own, ...effects],
    deploys: [],
    truth: truthOf('saturation', span, { root, services }),
  }
}

const thirdParty: PlanMaker = (span, perSecond) => {
  const root = 'pay.provider.example'
  const kind: ErrorKind = {
    type: 'BadGateway',
    message: `request to ${root} failed with 502 after {id} ms`,
    where: 'Charge',
  }
  const own: Effect = {
    service: 'payment-service',
    fromS: span.fromS,
    toS: span.toS,
    failing: 0.6,
    errors: { kind, perSecond },
  }
  const { effects, services } = cascade(
    'payment-service',
    { ...span, fromS: span.fromS + 5 },
    perSecond / 3,
  )
  return {
    effects: [own, ...effects],
    deploys: [],
    truth: truthOf('thirdparty', span, { root, services }),
  }
}

const zoneFailure: PlanMaker = (span, perSecond) => {
  const zone = 'zone-c'
  const inside = SHOP.filter((service) => service.zone === zone)
  const kind: ErrorKind = {
    type: 'ECONNRESET',
    message: 'network unreachable, attempt {id}',
    where: 'Socket',
  }
  const effects = inside.map((service, index): Effect => ({
    service: service.name,
    fromS: span.fromS + index * 2,
    toS: span.toS,
    failing: 0.7,
    errors: { kind, perSecond: perSecond / 2 },
  }))
  return {
    effects,
    deploys: [],
    truth: truthOf('zone', span, { root: zone, services: inside.map((service) => service.name) }),
  }
}

const signupStop: PlanMaker = (span) => ({
  effects: SHOP.map((service): Effect => ({
    service: service.name,
    fromS: span.fromS,
    toS: span.toS,
    volume: 0.02,
  })),
  deploys: [],
  truth: truthOf('silence', span, {
    root: 'web-frontend',
    services: SHOP.map((service) => service.name),
  }),
})

const slow: PlanMaker = (span) => {
  const effects: Effect[] = [
    { service: 'search-service', fromS: span.fromS, toS: span.toS, slower: 12 },
  ]
  return {
    effects,
    deploys: [],
    truth: truthOf('latency', span, { root: 'search-service', services: ['search-service'] }),
  }
}

const flapping: PlanMaker = (span, perSecond) => {
  const kind: ErrorKind = {
    type: 'LeaderLost',
    message: 'lost leadership of shard {id}',
    where: 'Election',
  }
  const effects: Effect[] = [
    {
      service: 'notification-service',
      fromS: span.fromS,
      toS: span.toS,
      flapS: 20,
      errors: { kind, perSecond },
    },
  ]
  const services = ['notification-service']
  return {
    effects,
    deploys: [],
    truth: truthOf('flap', span, { root: 'notification-service', services }),
  }
}

const tenant: PlanMaker = (span, perSecond) => {
  const kind: ErrorKind = {
    type: 'ImportError',
    message: 'invalid invoice payload {id}',
    where: 'ImportInvoices',
  }
  const errors = { kind, perSecond: Math.max(1, perSecond / 4), tenant: 't-acme' }
  const effects: Effect[] = [{ service: 'user-service', fromS: span.fromS, toS: span.toS, errors }]
  return {
    effects,
    deploys: [],
    truth: truthOf('tenant', span, { root: 'user-service', services: ['user-service'] }),
  }
}

const normal: PlanMaker = (span) => ({
  effects: [],
  deploys: [
    deployOf(span.durationS / 3, 'search-service', 'v1.0.1'),
    deployOf(span.durationS / 2, 'user-service', 'v1.2.0', 'configuration'),
  ],
  truth: [],
})

/** A copy of the database falls behind, which its users do not feel yet. */
function laggingReplica(span: Span, perSecond: number): Plan {
  const root = 'orders-db'
  const kind: ErrorKind = {
    type: 'ReplicaBehind',
    message: 'replica {id} does not follow',
    where: 'Replication',
  }
  const own: Effect = {
    service: root,
    fromS: span.fromS,
    toS: span.toS,
    errors: { kind, perSecond: perSecond / 3, rampS: 10 },
  }
  return {
    effects: [own],
    deploys: [],
    truth: truthOf('replica', span, { root, services: [root] }),
  }
}

/**
 * The story `start --demo` tells: ordinary traffic; a bad deploy that spreads to its callers until it is rolled forward;
 * soon something small elsewhere that has nothing to do with it; much later a database that drags others down; recovery. The
 * acts are far apart in place or in time: what fails beside a failure and right after it belongs to it for all anybody
 * can know.
 */
const demo: PlanMaker = (span, perSecond) => {
  const length = span.toS - span.fromS
  const within = (fromS: number, lengthS: number): Span => ({
    durationS: span.durationS,
    fromS: span.fromS + fromS,
    toS: span.fromS + fromS + lengthS,
  })
  const lastS = Math.min(90, length * 0.3)
  const acts = [
    badDeploy(within(0, Math.min(45, length * 0.35)), perSecond),
    laggingReplica(within(Math.min(110, length * 0.45), Math.min(60, length * 0.2)), perSecond),
    databaseCascade(within(length - lastS, lastS), perSecond),
  ]
  return {
    effects: acts.flatMap(({ effects }) => effects),
    deploys: acts.flatMap(({ deploys }) => deploys),
    truth: acts
      .flatMap(({ truth }) => truth)
      .map((incident, index) => Object.assign({}, incident, { id: index + 1 })),
  }
}

export const SCENARIOS: Readonly<Record<string, { about: string; make: PlanMaker }>> = {
  normal: { about: 'ordinary traffic with two harmless deploys', make: normal },
  'bad-deploy': { about: 'a release breaks checkout until it is rolled forward', make: badDeploy },
  cascade: {
    about: 'the database runs out of connections and drags its callers down',
    make: databaseCascade,
  },
  saturation: {
    about: 'inventory slows down step by step, then its callers time out',
    make: saturation,
  },
  'third-party': { about: 'the payment provider answers 502', make: thirdParty },
  zone: { about: 'the network of one zone fails', make: zoneFailure },
  'signups-stop': { about: 'almost all traffic and signups vanish', make: signupStop },
  latency: { about: 'search becomes twelve times slower without errors', make: slow },
  flapping: { about: 'one error comes and goes every twenty seconds', make: flapping },
  tenant: { about: 'one customer’s imports fail, others are fine', make: tenant },
  demo: { about: 'the story of `start --demo`', make: demo },
}

/** Fails with `usage` and the nearest known name. */
export function scenario(name: string): { about: string; make: PlanMaker } {
  const found = SCENARIOS[name]
  if (found === undefined) throw unknownName('scenario', name, Object.keys(SCENARIOS))
  return found
}
