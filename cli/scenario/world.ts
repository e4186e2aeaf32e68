import type { Random } from '#/kernel/random.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'

/** A small shop: what a scenario's traffic comes from. */
export interface ShopService {
  name: string
  criticality: number
  zone: string
  calls: readonly string[]
  external?: readonly string[]
  routes: readonly string[]
  language: 'js' | 'java' | 'python' | 'go'
  /** Errors this service logs on an ordinary day: type, message with {id} for a number, code. */
  background: readonly (readonly [string, string])[]
  latencyMs: number
}

export const SHOP: readonly ShopService[] = [
  {
    name: 'web-frontend',
    criticality: 4,
    zone: 'zone-a',
    calls: ['api-gateway'],
    routes: ['/', '/product/:id', '/cart'],
    language: 'js',
    background: [
      ['TypeError', "Cannot read properties of undefined (reading 'price')"],
      ['ChunkLoadError', 'Loading chunk {id} failed'],
    ],
    latencyMs: 40,
  },
  {
    name: 'api-gateway',
    criticality: 4,
    zone: 'zone-a',
    calls: ['checkout-service', 'search-service', 'user-service'],
    routes: ['/api/checkout', '/api/search', '/api/users'],
    language: 'go',
    background: [['ContextCanceled', 'client closed connection after {id} bytes']],
    latencyMs: 15,
  },
  {
    name: 'checkout-service',
    criticality: 4,
    zone: 'zone-b',
    calls: ['payment-service', 'inventory-service', 'notification-service'],
    routes: ['/checkout', '/checkout/confirm'],
    language: 'java',
    background: [
      ['ValidationException', 'voucher {id} is not valid any more'],
      ['IllegalStateException', 'basket {id} was already paid'],
    ],
    latencyMs: 120,
  },
  {
    name: 'payment-service',
    criticality: 4,
    zone: 'zone-b',
    calls: ['orders-db'],
    external: ['pay.provider.example'],
    routes: ['/payments', '/refunds'],
    language: 'java',
    background: [['CardDeclinedException', 'card declined for order {id}']],
    latencyMs: 180,
  },
  {
    name: 'inventory-service',
    criticality: 3,
    zone: 'zone-c',
    calls: ['orders-db'],
    routes: ['/stock/:sku', '/reserve'],
    language: 'python',
    background: [['StockMismatch', 'sku {id} has negative stock']],
    latencyMs: 60,
  },
  {
    name: 'user-service',
    criticality: 3,
    zone: 'zone-a',
    calls: ['orders-db'],
    routes: ['/users/:id', '/login'],
    language: 'js',
    background: [['AuthError', 'wrong password for account {id}']],
    latencyMs: 35,
  },
  {
    name: 'search-service',
    criticality: 2,
    zone: 'zone-c',
    calls: [],
    routes: ['/search', '/suggest'],
    language: 'python',
    background: [['QuerySyntaxError', 'cannot parse query at position {id}']],
    latencyMs: 80,
  },
  {
    name: 'notification-service',
    criticality: 1,
    zone: 'zone-c',
    calls: [],
    external: ['mail.provider.example'],
    routes: ['/send'],
    language: 'js',
    background: [['BounceError', 'mailbox {id} does not exist']],
    latencyMs: 90,
  },
  {
    name: 'orders-db',
    criticality: 4,
    zone: 'zone-b',
    calls: [],
    routes: ['query'],
    language: 'go',
    background: [['SlowQuery', 'statement took {id} ms']],
    latencyMs: 8,
  },
]

export function shopService(name: string): ShopService {
  const found = SHOP.find((service) => service.name === name)
  if (found === undefined) throw new RangeError(`the shop has no service ${name}`)
  return found
}

/** Services that call this one, directly. */
export function callersOf(name: string): readonly ShopService[] {
  return SHOP.filter((service) => service.calls.includes(name))
}

/** The shop as a topology file. */
export function shopTopology(): TopologyService[] {
  return SHOP.map(({ name, criticality, zone, calls, external }) => ({
    name,
    criticality,
    zone,
    calls,
    ...(external === undefined ? {} : { external }),
  }))
}

const FRAME: Readonly<Record<ShopService['language'], (where: string, line: number) => string>> = {
  js: (where, line) => `    at ${where} (/srv/app/src/${where.toLowerCase()}.js:${line}:17)`,
  java: (where, line) =>
    `\tat com.shop.${where.toLowerCase()}.${where}Handler.handle(${where}Handler.java:${line})`,
  python: (where, line) =>
    `  File "/srv/app/${where.toLowerCase()}.py", line ${line}, in handle_${where.toLowerCase()}`,
  go: (where, line) => `main.${where}\n\t/srv/app/${where.toLowerCase()}.go:${line}`,
}

/** A stack trace as this service's language prints it; `where` names the failing place. */
export function stackOf(
  service: ShopService,
  error: { type: string; message: string; where: string },
  random: Random,
): string {
  const line = 20 + ((error.where.length * 37) % 300)
  const frame = FRAME[service.language]
  const frames = [frame(error.where, line), frame('Request', 88), frame('Server', 31)]
  const head = `${error.type}: ${error.message}`
  if (service.language === 'python')
    return `Traceback (most recent call last):\n${frames.toReversed().join('\n')}\n${head}`
  if (service.language === 'go')
    return `panic: ${head}\n\ngoroutine ${1 + random.int(900)} [running]:\n${frames.join('\n')}`
  if (service.language === 'java') return `com.shop.${head}\n${frames.join('\n')}`
  return `${head}\n${frames.join('\n')}`
}
