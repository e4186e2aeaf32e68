import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { IncidentChangeKind } from '#/processors/domain/incident/cluster.ts'
import { incidentEventOf } from '#/processors/stages/incident-event.ts'
import { encode } from '#/schemas/codec.ts'
import type { InsightDetail } from '#/schemas/insight.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { Planner } from './planner.ts'
import type { Model } from './port.ts'
import { startTestEndpoint, type TestEndpoint } from './test-endpoint.ts'
import { createWorld, incident, MINUTE, S, T0 } from './test-world.ts'

let endpoint: TestEndpoint
beforeAll(async () => {
  endpoint = await startTestEndpoint()
})
afterAll(() => endpoint[Symbol.asyncDispose]())
beforeEach(() => {
  endpoint.answer('good')
  endpoint.calls.length = 0
})

describe('the AI worker', () => {
  it('[I1] [I2] a wish becomes a summary whose sentences name their facts', async () => {
    const world = await createWorld(endpoint)
    const id = await world.wish()
    expect(await world.worker().step()).toBe(true)
    expect(world.book.job(id)?.status).toBe('completed')
    const [insight] = await world.insights()
    expect(insight).toMatchObject({ incident_id: 'i1', fallback: false, model: 'm', tokens: 1000 })
    const detail = JSON.parse(insight!.detail) as InsightDetail
    expect(detail.facts[0]).toMatchObject({ id: 'E1', as_of: T0 })
    expect(detail.sentences.find(({ list }) => list === 'impact')).toMatchObject({
      evidence: ['E1'],
      origin: 'model',
    })
    expect(world.problems).toEqual([])
  })

  it('[I4] [I17] what it cost is counted to the token and the millionth', async () => {
    const world = await createWorld(endpoint)
    await world.wish()
    await world.worker().step()
    // 900 · 0.15 + 100 · 0.6
    expect(world.book.spending.of('shop', T0)).toMatchObject({
      tokens: 1000,
      costMicros: 195,
      calls: 1,
      answers: 1,
    })
    expect(world.metrics.read('faultline_ai_tokens_total', { direction: 'prompt' })).toBe(900)
    expect(world.metrics.read('faultline_ai_cost_dollars_total')).toBeCloseTo(0.000195, 9)
    expect(world.metrics.read('faultline_ai_summaries_total', { writer: 'model' })).toBe(1)
  })

  it('[I2] killed in the middle of a job, another worker finishes it: one insight', async () => {
    const world = await createWorld(endpoint)
    const id = await world.wish()
    // The first one hangs in its call for ever, as a killed one would.
    const dead: Model = { name: 'm', ask: () => new Promise(() => undefined) }
    void world.worker({ owner: 'dead', model: dead }).step()
    while (world.book.job(id)?.status !== 'leased') await systemClock.sleep(1)
    const other = world.worker({ owner: 'w2' })
    expect(await other.step()).toBe(false)
    await world.play(other, 2 * MINUTE)
    expect(world.book.job(id)).toMatchObject({ status: 'completed', owner: 'w2', attempt: 2 })
    expect(await world.insights()).toHaveLength(1)
  })

  it('[I2] one that was only slow finds its job taken: still one insight, and both were paid', async () => {
    const world = await createWorld(endpoint)
    const id = await world.wish()
    const answer = {
      text: '',
      truncated: false,
      usage: { prompt: 10, completion: 5 },
      model: 'slow',
    }
    const waiting: ((text: string) => void)[] = []
    const slow: Model = {
      name: 'slow',
      ask: () => new Promise((resolve) => waiting.push((text) => resolve({ ...answer, text }))),
    }
    const first = world.worker({ owner: 'slow', model: slow }).step()
    for (let waits = 0; waiting.length === 0 && waits < 2000; waits += 1) await systemClock.sleep(1)
    await world.play(world.worker({ owner: 'w2' }), 2 * MINUTE)
    const good = JSON.stringify({
      title: 'late',
      impact: { text: 'late', evidence: ['E1'] },
      likely_causes: [],
      next_steps: [],
      confidence: 1,
    })
    waiting[0]?.(good)
    await first
    expect(world.book.job(id)).toMatchObject({ status: 'completed', owner: 'w2' })
    expect(await world.insights()).toMatchObject([{ model: 'm' }])
    expect(world.book.spending.of('shop', T0).tokens).toBe(1015)
  })

  it('[I2] two workers at once never do the same job', async () => {
    const world = await createWorld(endpoint)
    for (let index = 0; index < 6; index += 1) await world.wish(`i${index}`)
    const workers = [world.worker({ owner: 'w1' }), world.worker({ owner: 'w2' })]
    await Promise.all(
      workers.map(async (worker) => {
        while (await worker.step());
      }),
    )
    expect(endpoint.calls).toHaveLength(6)
    expect(await world.insights()).toHaveLength(6)
  })

  it('[I2] what is read again is not paid again', async () => {
    const world = await createWorld(endpoint)
    await world.wish()
    await world.worker().step()
    const again = await world.reopen()
    expect([...again.book.jobs()]).toEqual([...world.book.jobs()])
    expect(await world.worker({ journal: again }).step()).toBe(false)
    // The stage as well: from the beginning, out of the recorded answers.
    expect(await world.insights()).toHaveLength(1)
    expect(endpoint.calls).toHaveLength(1)
    await again.close()
  })

  it('[I3] an endpoint that is dead for an hour: the breaker opens, few calls, and it recovers by itself', async () => {
    const world = await createWorld(endpoint)
    const ids = []
    for (let index = 0; index < 8; index += 1) ids.push(await world.wish(`i${index}`))
    endpoint.answer('server_error')
    const worker = world.worker()
    await world.play(worker, MINUTE)
    expect(world.book.breaker.state).not.toBe('closed')
    const before = endpoint.calls.length
    await world.play(worker, 59 * MINUTE)
    // One probe every half minute, and nothing else.
    const probes = endpoint.calls.length - before
    expect(probes).toBeGreaterThan(100)
    expect(probes).toBeLessThanOrEqual(119)
    expect(await world.insights()).toEqual([])
    endpoint.answer('good')
    await world.play(worker, 5 * MINUTE)
    expect(world.book.breaker.state).toBe('closed')
    expect(ids.map((id) => world.book.job(id)?.status)).toEqual(ids.map(() => 'completed'))
    expect(await world.insights()).toHaveLength(8)
  })

  it('[I17] a budget of 0 asks nobody', async () => {
    const world = await createWorld(endpoint)
    await world.wish()
    const worker = world.worker({ budget: { tokensMax: 0, costMicrosMax: 1e9 } })
    await world.play(worker, MINUTE)
    expect(endpoint.calls).toEqual([])
    expect(await world.insights()).toEqual([])
  })

  it('[I17] stops at the budget of the day and goes on at midnight', async () => {
    const world = await createWorld(endpoint)
    for (let index = 0; index < 5; index += 1) await world.wish(`i${index}`)
    // A summary may cost 12,400 tokens and costs 1,000: the third would no longer be sure to fit.
    const worker = world.worker({ budget: { tokensMax: 13_500, costMicrosMax: 1e9 } })
    await world.play(worker, 10 * MINUTE)
    expect(endpoint.calls).toHaveLength(2)
    expect(world.book.spending.of('shop', T0).tokens).toBe(2000)
  })

  it('waits as long as a 429 says before anybody asks again', async () => {
    const world = await createWorld(endpoint)
    await world.wish('i1')
    await world.wish('i2')
    endpoint.answer(['limited', 'good'])
    endpoint.retryAfterS = 40
    const worker = world.worker()
    await world.play(worker, 39 * S)
    expect(endpoint.calls).toHaveLength(1)
    await world.play(worker, 10 * S)
    expect(endpoint.calls).toHaveLength(3)
    expect(world.book.breaker.state).toBe('closed')
  })

  it('[I1] two answers that cannot be used become the rules’ summary, marked so', async () => {
    const world = await createWorld(endpoint)
    await world.wish()
    endpoint.answer('prose')
    await world.worker().step()
    const [insight] = await world.insights()
    expect(insight).toMatchObject({ fallback: true, model: 'rules', tokens: 2000 })
    expect(JSON.parse(insight!.detail)).toMatchObject({ reason: 'the answer is not JSON' })
    expect(world.metrics.read('faultline_ai_summaries_total', { writer: 'rules' })).toBe(1)
  })

  it('an incident the tables do not have yet costs nothing and is tried again', async () => {
    const world = await createWorld(endpoint)
    const id = await world.wish()
    let known = false
    const incidentOf = async () => (known ? { incident, similar: [], more: [] } : undefined)
    const worker = world.worker({ incidentOf })
    await worker.step()
    expect(world.book.job(id)).toMatchObject({ status: 'pending', attempt: 1 })
    known = true
    await world.play(worker, 10 * S)
    expect(world.book.job(id)?.status).toBe('completed')
    expect(world.book.spending.of('shop', T0).calls).toBe(1)
  })

  it('[I2] steps of incidents become wishes, each once, and counting steps none', async () => {
    const world = await createWorld(endpoint)
    const registry = createMemoryRegistry()
    const schemaIds = await registerAll(registry)
    const planner = new Planner({
      ...world,
      registry,
      schemaIds,
      onProblem: (error) => world.problems.push(error),
    })
    const step = (id: string, kind: IncidentChangeKind, updatedAt = T0): Buffer => {
      const change = { kind, at: T0, sentence: '', incident: { ...incident, id, updatedAt } }
      return encode('IncidentEvent', schemaIds.IncidentEvent, incidentEventOf('shop', change, T0))
    }
    const append = async (...values: Buffer[]): Promise<void> => {
      const records = values.map((value) => ({ key: Buffer.from('i'), value, timestampMs: T0 }))
      await world.log.append([{ topic: TOPICS.lifecycle.name, partition: 0, records }])
    }
    await append(step('before', 'opened'))
    await planner.start()
    await append(
      step('i1', 'opened'),
      step('i1', 'joined'),
      step('i2', 'updated'),
      step('old', 'opened', T0 - 24 * 3_600_000),
    )
    const pending = (): string[] => [...world.book.jobs()].map(({ incidentId }) => incidentId)
    for (let waits = 0; pending().length === 0 && waits < 500; waits += 1)
      await systemClock.sleep(2)
    await append(step('i1', 'severity'))
    await append(step('i3', 'opened'))
    for (let waits = 0; pending().length < 2 && waits < 500; waits += 1) await systemClock.sleep(2)
    expect(pending()).toEqual(['i1', 'i3'])
    expect(world.book.wakeAt(T0)).toBe(T0 + 10 * S)
    await planner.stop()
    expect(world.problems).toEqual([])
  })
})
