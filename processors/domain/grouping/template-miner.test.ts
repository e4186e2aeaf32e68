import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { fastestCpuMs } from '#/kernel/test-cost.ts'
import { createTemplateMiner, restoreTemplateMiner } from './template-miner.ts'

const idsOf = (messages: readonly string[]): string[] => {
  const miner = createTemplateMiner()
  const learned = messages.map((message) => miner.learn(message).id)
  return learned.map((id) => miner.canonical(id))
}

const sameGroup = (...messages: string[]): boolean => new Set(idsOf(messages)).size === 1

describe('what varies', () => {
  it('[C2] ids, numbers, uuids, hex, addresses, paths, URLs and mail addresses are masked', () => {
    const { template, params } = createTemplateMiner().learn(
      'User 42 (3f2b8c1e-9d4a-4f6b-8a77-0c1d2e3f4a5b) at 10.0.0.7:5432 read /var/lib/x.db via https://a.example/b?c=1 as a@b.example: 0xdeadbeef',
    )
    expect(template).toBe('User <*> (<*>) at <*> read <*> via <*> as <*>: <*>')
    expect(params.map(({ type }) => type)).toEqual([
      'number',
      'uuid',
      'address',
      'path',
      'url',
      'mail',
      'hex',
    ])
  })

  it.each([
    ['took 5 ms', 'took 7 sec'],
    ['saved 1248 bytes (1.21 KB) to disk', 'saved 87 bytes to disk'],
    ['request finished in <1 sec for shop', 'request finished in 00:12 for shop'],
    ['blocks blk_10442 blk_20991 blk_30775 were removed now', 'blocks blk_98812 were removed now'],
    ['job started at Fri Jul 29 10:08:51 PDT 2005', 'job started at Sat, Jan 2, 2021 3:04 PM'],
    ['cache enabled=true size=3', 'cache enabled=false size=12'],
    ['session closed for user carol', 'session closed for user dave'],
    ['node_A7 joined the cluster', 'node_B2 joined the cluster'],
    ['handing over   to  worker-3', 'handing over to worker-11 '],
  ])('%j and %j are one template', (left, right) => {
    expect(sameGroup(left, right)).toBe(true)
  })

  it.each([
    ['service started', 'service paused'],
    ['en0: link went up', 'en0: link went down'],
    ['bound to IPv4 socket', 'bound to IPv6 socket'],
    ['state changed from NEW to READY', 'state changed from NEW to FAILED'],
    ['Cannot read properties of null', 'Cannot read properties of undefined'],
  ])('%j and %j stay two', (left, right) => {
    expect(sameGroup(left, right)).toBe(false)
  })

  it('keeps a unit that never changes and hides one that does', () => {
    const miner = createTemplateMiner()
    expect(miner.learn('waited 5 ms for lock').template).toBe('waited <*> ms for lock')
    expect(miner.learn('waited 6 ms for lock').template).toBe('waited <*> ms for lock')
    expect(miner.learn('waited 2 sec for lock').template).toBe('waited <*> for lock')
  })
})

describe('learning', () => {
  it('a place where a number stood takes a word at once', () => {
    const miner = createTemplateMiner()
    const first = miner.learn('Login refused for account 4711 by policy')
    const second = miner.learn('Login refused for account guest by policy')
    expect(second.announced).toBe(first.announced)
    expect(second.params).toEqual([{ type: 'word', value: 'guest' }])
  })

  it('enough words at one place merge, the oldest id wins and the others are told', () => {
    const miner = createTemplateMiner()
    const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta']
    const learned = names.map((name) => miner.learn(`Could not reach backend ${name} for checkout`))
    const oldest = learned[0]?.id ?? ''
    const aliases = learned.flatMap((one) => one.aliases ?? [])
    expect(aliases).toHaveLength(3)
    expect(aliases.every(({ to }) => to === oldest)).toBe(true)
    expect(aliases.map(({ from }) => from)).toEqual(
      learned.slice(1, 4).map(({ announced }) => announced),
    )
    expect(learned[4]).toMatchObject({
      announced: oldest,
      template: 'Could not reach backend <*> for checkout',
    })
    expect(miner.canonical(learned[2]?.announced ?? '')).toBe(oldest)
    expect(miner.templateOf(oldest)).toBe('Could not reach backend <*> for checkout')
  })

  it('states after a preposition are no names', () => {
    const states = ['NEW', 'READY', 'RUNNING', 'FAILED', 'DONE', 'LOST']
    expect(
      new Set(idsOf(states.map((state) => `Shipment came back from ${state} unexpectedly`))).size,
    ).toBe(6)
  })

  it('words with little around them do not merge', () => {
    const words = [
      'starting',
      'stopping',
      'idle',
      'ready',
      'failed',
      'gone',
      'lost',
      'new',
      'old',
      'up',
    ]
    expect(new Set(idsOf(words)).size).toBe(words.length)
    expect(new Set(idsOf(words.map((word) => `${word} x`))).size).toBe(words.length)
  })

  it('[C2] 10,000 lines of 40 messages are grouped with a purity of at least 0.98', () => {
    const { lines, labels } = syntheticLines(10_000)
    const ids = idsOf(lines)
    const groups = new Map<string, Map<number, number>>()
    ids.forEach((id, at) => {
      const counts = groups.get(id) ?? new Map<number, number>()
      const label = labels[at] as number
      counts.set(label, (counts.get(label) ?? 0) + 1)
      groups.set(id, counts)
    })
    let pure = 0
    for (const counts of groups.values()) pure += Math.max(...counts.values())
    expect(pure / lines.length).toBeGreaterThanOrEqual(0.98)
    // Purity alone would let every line be its own group.
    expect(groups.size).toBeLessThanOrEqual(44)
  })
})

const VERBS = [
  'fetch',
  'store',
  'charge',
  'render',
  'publish',
  'merge',
  'reserve',
  'notify',
  'sync',
  'load',
]
const FORMS: ((verb: string, n: (max: number) => number) => string)[] = [
  (verb, n) => `Failed to ${verb} order ${n(1e6)} for customer c-${n(9999)} after ${n(30)} retries`,
  (verb, n) => `${verb} finished in ${n(5000)} ms status=${['ok', 'slow'][n(2)]} host=db-${n(40)}`,
  (verb, n) => `Timeout while trying to ${verb} from 10.${n(255)}.${n(255)}.${n(255)}:${n(60_000)}`,
  (verb, n) => `Worker ${n(64)} could not ${verb} /srv/data/${n(999)}/part-${n(99)}.bin: disk full`,
]

function syntheticLines(count: number): { lines: string[]; labels: number[] } {
  const random = createSeededRandom(7)
  const lines: string[] = []
  const labels: number[] = []
  for (let at = 0; at < count; at++) {
    const verb = random.int(VERBS.length)
    const form = random.int(FORMS.length)
    lines.push(
      (FORMS[form] as (typeof FORMS)[number])(VERBS[verb] as string, (below) => random.int(below)),
    )
    labels.push(form * VERBS.length + verb)
  }
  return { lines, labels }
}

const message = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc
    .tuple(
      fc.constantFrom('Could not open', 'Lost connection to', 'Retrying request for'),
      fc.constantFrom('alpha', 'beta', 'gamma', 'delta', 'epsilon', '7', '10.0.0.1', 'x9'),
      fc.constantFrom('while serving checkout', 'in zone b'),
    )
    .map((parts) => parts.join(' ')),
)

describe('state', () => {
  it('the same messages give the same answers and the same bytes', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const left = createTemplateMiner()
        const right = createTemplateMiner()
        const answers = messages.map((one) => left.learn(one))
        expect(messages.map((one) => right.learn(one))).toEqual(answers)
        expect(JSON.stringify(right)).toBe(JSON.stringify(left))
      }),
      { numRuns: 60 },
    )
  })

  it('restarting anywhere changes nothing', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), fc.nat(40), (messages, cut) => {
        const whole = createTemplateMiner()
        const answers = messages.map((one) => whole.learn(one))
        let restarted = createTemplateMiner()
        const again = messages.map((one, at) => {
          if (at === cut) restarted = restoreTemplateMiner(JSON.parse(JSON.stringify(restarted)))
          return restarted.learn(one)
        })
        expect(again).toEqual(answers)
        expect(JSON.stringify(restarted)).toBe(JSON.stringify(whole))
      }),
      { numRuns: 60 },
    )
  })

  it('an id is the hash of content: order and other messages do not matter', () => {
    const alone = createTemplateMiner().learn('disk 7 is full').announced
    const miner = createTemplateMiner()
    for (let at = 0; at < 50; at++) miner.learn(`something else ${'x'.repeat(at)} happened`)
    expect(miner.learn('disk 9 is full').announced).toBe(alone)
    expect(alone).toMatch(/^[0-9a-f]{16}$/u)
  })

  it('stays below 2 MB whatever arrives, and still answers', () => {
    const miner = createTemplateMiner()
    const random = createSeededRandom(3)
    const word = (): string =>
      Array.from({ length: 3 + random.int(9) }, () =>
        String.fromCharCode(97 + random.int(26)),
      ).join('')
    for (let at = 0; at < 12_000; at++) {
      miner.learn(Array.from({ length: 4 + random.int(20) }, word).join(' '))
    }
    expect(JSON.stringify(miner).length).toBeLessThan(2_000_000)
    expect(miner.learn('still here after 12 floods').template).toBe('still here after <*> floods')
  })

  it('forgetting gives a returning message its old id', () => {
    const miner = createTemplateMiner({ templatesMax: 32 })
    const before = miner.learn('the first message of all').id
    for (let at = 0; at < 400; at++)
      miner.learn(`other ${'abcdefghijkl'.slice(at % 12)} ${'z'.repeat(at)} text`)
    expect(miner.learn('the first message of all').id).toBe(before)
  })
})

describe('hostile input', () => {
  const hostile: [string, string][] = [
    ['one token of 1 MB', 'x'.repeat(1_000_000)],
    ['10,000 lines', Array.from({ length: 10_000 }, (_, at) => `line ${at} of a text`).join('\n')],
    ['only slashes', '/'.repeat(1_000_000)],
    ['only quotes', `'"`.repeat(300_000)],
    ['only keys', 'a='.repeat(300_000)],
    ['only months', 'Jan '.repeat(200_000)],
    ['only brackets', '([{<'.repeat(200_000)],
    ['only dots', 'a.'.repeat(300_000)],
  ]

  it.each(hostile)('%s costs less than 10 ms', (_, text) => {
    const miner = createTemplateMiner()
    const ms = fastestCpuMs((round) => miner.learn(`${round} ${text}`), 10)
    expect(ms).toBeLessThanOrEqual(10)
  })
})
