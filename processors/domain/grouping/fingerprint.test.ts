import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fastestCpuMs } from '#/kernel/test-cost.ts'
import { createGrouper, restoreGrouper, type GroupInput } from './fingerprint.ts'

const HEX = /^[0-9a-f]{64}$/u
const STACK = `TypeError: x is undefined
    at load (/app/src/cart.js:1:2)
    at show (/app/src/view.js:3:4)`

describe('the order', () => {
  it('[C1] error code and route: SHA-256 of the JSON of code, route and environment', () => {
    const grouped = createGrouper().group({
      error_code: 'DB_TIMEOUT',
      route: '/api/users',
      environment: 'prod',
      stack: STACK,
      message: 'timed out after 30 s',
    })
    expect(grouped.fingerprint).toBe(
      '4aabfc6269c242b2ff95fd48d0dbb78140ad8401f73e402af78a3dceb0712438',
    )
    expect(grouped).toMatchObject({ method: 'code', template: 'timed out after <*> s' })
  })

  it('[C1] the join of the parts is unambiguous', () => {
    const grouper = createGrouper()
    const of = (error_code: string, route: string): string =>
      grouper.group({ error_code, route, environment: 'prod' }).fingerprint
    expect(of('A', 'B,C')).not.toBe(of('A,B', 'C'))
    expect(of('A","B', 'C')).not.toBe(of('A', 'B","C'))
  })

  it('[C2] without them the stack, then type and message, then the message', () => {
    const grouper = createGrouper()
    const environment = 'prod'
    const stack = grouper.group({ environment, stack: STACK, message: 'x is undefined' })
    expect(stack).toMatchObject({
      method: 'stack',
      culprit: 'load (/app/src/cart.js)',
      title: 'TypeError: x is undefined',
    })
    const typed = grouper.group({ environment, error_type: 'IoError', message: 'disk 7 is full' })
    expect(typed).toMatchObject({ method: 'type_message', title: 'IoError: disk <*> is full' })
    const plain = grouper.group({ environment, message: 'disk 9 is full' })
    expect(plain.method).toBe('message')
    const all = [stack, typed, plain].map(({ fingerprint }) => fingerprint)
    expect(new Set(all).size).toBe(3)
    for (const fingerprint of all) expect(fingerprint).toMatch(HEX)
  })

  it('an event with nothing to go by still gets a group', () => {
    expect(createGrouper().group({ environment: 'prod' }).fingerprint).toMatch(HEX)
  })

  it('raw text that is no stack falls back to the message', () => {
    const grouped = createGrouper().group({ environment: 'prod', stack: 'n/a', message: 'no luck' })
    expect(grouped.method).toBe('message')
  })

  it('structured frames and raw text of one stack are one group', () => {
    const grouper = createGrouper()
    const raw = grouper.group({ environment: 'prod', stack: STACK })
    const structured = grouper.group({
      environment: 'prod',
      error_type: 'TypeError',
      frames: [
        { function: 'load', file: '/app/src/cart.js', line: 9 },
        { function: 'show', file: '/app/src/view.js' },
      ],
    })
    expect(structured.fingerprint).toBe(raw.fingerprint)
  })
})

describe('rules', () => {
  const grouper = createGrouper({
    rules: [
      {
        match: { route: '/pay/*', error_type: 'Time*' },
        fingerprint: ['payments', '{{environment}}'],
      },
      { match: { message: '*deadlock*' }, fingerprint: ['deadlock', '{{default}}'] },
    ],
  })

  it('come first, and every glob must match', () => {
    const of = (input: Partial<GroupInput>): string =>
      grouper.group({ environment: 'prod', error_code: 'X', ...input }).fingerprint
    const one = grouper.group({
      environment: 'prod',
      route: '/pay/1',
      error_type: 'TimeoutError',
      error_code: 'X',
    })
    expect(one.method).toBe('rule')
    expect(one.reason).toContain('route, error_type')
    expect(of({ route: '/pay/2', error_type: 'Timeout' })).toBe(one.fingerprint)
    expect(of({ route: '/pay/2', error_type: 'Timeout', environment: 'dev' })).not.toBe(
      one.fingerprint,
    )
    expect(of({ route: '/pay/2', error_type: 'Other' })).not.toBe(one.fingerprint)
  })

  it('can part what the default made', () => {
    const one = grouper.group({
      environment: 'prod',
      message: 'deadlock in orders',
      error_type: 'A',
    })
    const two = grouper.group({
      environment: 'prod',
      message: 'deadlock in orders',
      error_type: 'B',
    })
    expect(one.method).toBe('rule')
    expect(two.fingerprint).not.toBe(one.fingerprint)
  })
})

describe('messages', () => {
  it('a 404 and a 500 share a template and not a group', () => {
    const grouper = createGrouper()
    const of = (status: number): ReturnType<typeof grouper.group> =>
      grouper.group({ environment: 'prod', message: `Request failed with status code ${status}` })
    expect(of(404).template).toBe(of(500).template)
    expect(of(404).fingerprint).not.toBe(of(500).fingerprint)
    expect(of(404).fingerprint).toBe(of(404).fingerprint)
  })

  it('parameters are named by what stands before them', () => {
    const { params } = createGrouper().group({
      environment: 'prod',
      message: 'No answer from host=db-7 port 5432 for user "carol7" (try 3)',
    })
    expect(params.map(({ name, value }) => `${name}:${value}`)).toEqual([
      'host:db-7',
      'port:5432',
      'user:carol7',
      'try:3',
    ])
  })

  it('what a message merges is told as fingerprints that were given out', () => {
    const grouper = createGrouper()
    const names = ['alpha', 'beta', 'gamma', 'delta']
    const given = names.map((name) =>
      grouper.group({
        environment: 'prod',
        error_type: 'E',
        message: `Could not reach backend ${name} for checkout`,
      }),
    )
    const aliases = given.flatMap((one) => one.aliases ?? [])
    expect(aliases.map(({ from }) => from)).toEqual(given.slice(1).map((one) => one.announced))
    expect(new Set(aliases.map(({ to }) => to))).toEqual(new Set([given[0]?.fingerprint]))
  })
})

describe('stacks that were cut off', () => {
  const frames = (count: number, name: string): string =>
    `Boom: a\n${Array.from({ length: count }, (_, at) => `    at ${name}${at} (/app/src/f.js:${at}:1)`).join('\n')}`

  it('join the whole one, and are told', () => {
    const grouper = createGrouper()
    const environment = 'prod'
    const whole = grouper.group({
      environment,
      stack:
        frames(7, 'a') +
        '\n    at x (/app/node_modules/k/i.js:1:1)'.repeat(1) +
        '\n    at y (/app/node_modules/k/j.js:1:1)',
    })
    const cut = grouper.group({
      environment,
      stack: frames(7, 'a') + '\n    at x (/app/node_modules/k/i.js:1:1)',
    })
    expect(cut.fingerprint).toBe(whole.fingerprint)
  })

  it('a longer one joins the cut one seen before', () => {
    const grouper = createGrouper()
    const cut = grouper.group({
      environment: 'prod',
      stack: `Boom: a\n    at lib (/app/node_modules/k/i.js:1:1)\n${Array.from({ length: 9 }, (_, at) => `    at lib${at} (/app/node_modules/k/i.js:1:1)`).join('\n')}`,
    })
    const whole = grouper.group({
      environment: 'prod',
      stack: `Boom: a\n    at lib (/app/node_modules/k/i.js:1:1)\n${Array.from({ length: 9 }, (_, at) => `    at lib${at} (/app/node_modules/k/i.js:1:1)`).join('\n')}\n    at mine (/app/src/a.js:1:1)`,
    })
    expect(whole.fingerprint).toBe(cut.fingerprint)
    expect(whole.aliases).toEqual([{ from: whole.announced, to: cut.fingerprint }])
  })

  it('a short stack is whole and joins nothing', () => {
    const grouper = createGrouper()
    const long = grouper.group({ environment: 'prod', stack: frames(9, 'b') })
    const short = grouper.group({ environment: 'prod', stack: frames(3, 'b') })
    expect(short.fingerprint).not.toBe(long.fingerprint)
  })
})

const input = fc.record(
  {
    environment: fc.constantFrom('prod', 'dev'),
    message: fc.constantFrom(
      'a 1 failed here',
      'a 2 failed here',
      'Could not open alpha while busy',
      'Could not open beta while busy',
      'status code 404',
    ),
    error_type: fc.constantFrom('E', 'F'),
    stack: fc.constantFrom(STACK, STACK.replace('load', 'save'), 'nothing'),
    error_code: fc.constantFrom('X', ''),
    route: fc.constantFrom('/a', '/b'),
  },
  { requiredKeys: ['environment'] },
)

describe('state', () => {
  it('restarting anywhere changes nothing', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), fc.nat(40), (inputs, cut) => {
        const whole = createGrouper()
        const answers = inputs.map((one) => whole.group(one))
        let restarted = createGrouper()
        const again = inputs.map((one, at) => {
          if (at === cut)
            restarted = restoreGrouper(JSON.parse(JSON.stringify(restarted.snapshot())))
          return restarted.group(one)
        })
        expect(again).toEqual(answers)
        expect(JSON.stringify(restarted.snapshot())).toBe(JSON.stringify(whole.snapshot()))
      }),
      { numRuns: 60 },
    )
  })

  it('the version stands still when nothing is learned', () => {
    const grouper = createGrouper()
    const event = { environment: 'prod', message: 'a 1 failed here', stack: STACK }
    grouper.group(event)
    const { version } = grouper
    grouper.group(event)
    expect(grouper.version).toBe(version)
    grouper.group({ environment: 'prod', message: 'something new happened' })
    expect(grouper.version).toBeGreaterThan(version)
  })

  it('a repeated event costs less than 2 µs on average', () => {
    const grouper = createGrouper()
    const event = { environment: 'prod', message: 'x is undefined', stack: STACK }
    for (let at = 0; at < 20_000; at++) grouper.group(event)
    // 20,000 events within 40 ms.
    const ms = fastestCpuMs(() => {
      for (let at = 0; at < 20_000; at++) grouper.group(event)
    }, 40)
    expect(ms).toBeLessThanOrEqual(40)
  })
})
