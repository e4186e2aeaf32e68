import { afterEach, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import type { CallParts } from '#/processors/ai/calls.ts'
import { createAiDesk } from '#/processors/ai/desk.ts'
import { openJournal } from '#/processors/ai/journal.ts'
import {
  completionOf,
  startTestEndpoint,
  testModel,
  type TestEndpoint,
} from '#/processors/ai/test-endpoint.ts'
import { detailOf, incidentAt } from '#/processors/ai/test-incident.ts'
import { createDecoder } from '#/schemas/codec.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import { openAiNotesDesk } from './notes-desk.ts'
import { buildApp } from '#/api/app.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface World {
  test: TestApp
  endpoint: TestEndpoint
  calls: CallParts
  call: (
    method: 'GET' | 'POST',
    url: string,
    body?: object,
    key?: string,
  ) => Promise<{ status: number; body: Record<string, unknown>; text: string }>
}

/** The app with the AI part over a real journal and an endpoint over HTTP. */
async function createWorld(
  options: { hasModel?: boolean; tokensMax?: number } = {},
): Promise<World> {
  const test = await createTestApp()
  closers.push(() => test.close())
  const endpoint = await startTestEndpoint()
  closers.push(async () => endpoint[Symbol.asyncDispose]())
  const { deps, clock, metrics } = test
  const journal = await openJournal({
    ...deps,
    clock,
    onProblem: (error) => test.problems.push(error),
  })
  closers.push(() => journal.close())
  const calls: CallParts = {
    journal,
    model: testModel(endpoint.url),
    clock,
    metrics,
    budget: { tokensMax: options.tokensMax ?? 1e6, costMicrosMax: 1e9 },
    price: { promptMicros: 1, completionMicros: 1 },
    owner: 'api',
    timeoutMs: 2000,
  }
  const desk = createAiDesk(test.reads, {
    nowMs: () => clock.nowMs(),
    calls: options.hasModel === false ? undefined : calls,
  })
  const notes = await openAiNotesDesk({ ...deps, onProblem: (error) => test.problems.push(error) })
  closers.push(() => notes.close())
  const app = buildApp({ ...deps, ai: { desk, notes } })
  closers.push(() => app.close())
  test.reads.data.details.push(detailAt(clock.nowMs()))
  return {
    test,
    endpoint,
    calls,
    async call(method, url, body, key = test.adminKey) {
      const headers = {
        'content-type': 'application/json',
        ...(key === '' ? {} : { 'x-api-key': key }),
      }
      const answer = await app.inject({
        method,
        url,
        headers,
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
      const isJson = String(answer.headers['content-type']).includes('json')
      return {
        status: answer.statusCode,
        text: answer.body,
        body: isJson ? answer.json<Record<string, unknown>>() : {},
      }
    },
  }
}

function detailAt(nowMs: number): IncidentDetail {
  const incident = incidentAt(nowMs - 600_000, { project: 'default' })
  const opened_at = incident.openedAt - 86_400_000
  const past = {
    id: 'old',
    number: 4,
    title: 'Pool <script>alert(1)</script>',
    status: 'resolved' as const,
    severity: 2,
    opened_at,
    resolved_at: opened_at + 60_000,
    services: ['cart'],
    similarity: 0.6,
    common_fingerprints: [],
    ended: '',
    worked: ['Raise the pool size'],
    failed: ['Restarting the pods'],
  }
  return detailOf(incident, {
    similar: [past],
    familiarity: { label: 'rare', alike: 1, incidents: 30 },
  })
}

describe('the API of the AI part', () => {
  it('[I5] a summary asked for is a job, and asked for again the same one', async () => {
    const { call } = await createWorld()
    const first = await call('POST', '/api/ai/summarize/i1')
    expect(first).toMatchObject({ status: 202, body: { status: 'pending', coalesced: false } })
    const second = await call('POST', '/api/ai/summarize/12')
    expect(second).toMatchObject({
      status: 202,
      body: { job_id: first.body['job_id'], coalesced: true },
    })
    expect((await call('POST', '/api/ai/summarize/nope')).status).toBe(404)
    expect((await call('POST', '/api/ai/summarize/i1', undefined, '')).status).toBe(401)
  })

  it('[I6] [I14] without a model everything but its part works, and says so without an error in the log', async () => {
    const { call, test } = await createWorld({ hasModel: false })
    expect((await call('GET', '/api/ai/health')).body).toMatchObject({ status: 'off', model: '' })
    const wish = await call('POST', '/api/ai/summarize/i1')
    expect(wish).toMatchObject({
      status: 409,
      body: { code: 'conflict', detail: 'No language model is configured.' },
    })
    test.reads.sqlAnswer = {
      columns: [],
      rows: [],
      rows_read: 0,
      bytes_read: 0,
      elapsed_ms: 1,
      truncated: false,
    }
    expect(
      (await call('POST', '/api/ai/ask', { question: 'Which incidents are open?' })).body,
    ).toMatchObject({ by: 'rules', answer: 'No incident is open.' })
    expect(
      (await call('POST', '/api/ai/ask', { question: 'write a poem', use_model: true })).body,
    ).toMatchObject({ by: 'nobody', model_available: false })
    expect((await call('GET', '/api/incidents/i1/post-mortem')).text).toContain('# Incident #12: ')
    expect(test.problems).toEqual([])
  })

  it('[I3] the breaker shows in health, and an administrator closes it', async () => {
    const { call, endpoint } = await createWorld()
    endpoint.answer('server_error')
    for (let index = 0; index < 5; index += 1)
      expect((await call('POST', '/api/incidents/i1/post-mortem')).status).toBe(409)
    expect((await call('GET', '/api/ai/circuit-breaker')).body).toMatchObject({
      state: 'open',
      openings: 1,
    })
    expect((await call('GET', '/api/ai/health')).body).toMatchObject({ status: 'paused' })
    const before = endpoint.calls.length
    await call('POST', '/api/incidents/i1/post-mortem')
    expect(endpoint.calls).toHaveLength(before)
    expect((await call('POST', '/api/ai/circuit-breaker/reset', {}, '')).status).toBe(401)
    expect((await call('POST', '/api/ai/circuit-breaker/reset', {})).body).toMatchObject({
      state: 'closed',
    })
    endpoint.reply(() => ({
      status: 200,
      body: completionOf(JSON.stringify({ summary: 'a', lessons: 'b', follow_ups: 'c' })),
    }))
    expect((await call('POST', '/api/incidents/i1/post-mortem')).status).toBe(200)
  })

  it('[I4] [I17] tokens, money and fallbacks of the day against the budget', async () => {
    const { call, endpoint, test } = await createWorld({ tokensMax: 5_000 })
    endpoint.reply(() => ({
      status: 200,
      body: completionOf(JSON.stringify({ summary: 'a', lessons: 'b', follow_ups: 'c' })),
    }))
    await call('POST', '/api/incidents/i1/post-mortem')
    expect((await call('GET', '/api/ai/metrics')).body).toMatchObject({
      calls: 1,
      tokens: 1000,
      cost_dollars: 0.001,
      reserved_tokens: 0,
      stopped: true,
      budget: { tokens: 5000 },
    })
    const text = test.metrics.render()
    expect(text).toContain('faultline_ai_calls_total{kind="post_mortem",outcome="ok"} 1')
    expect(text).toContain('faultline_ai_tokens_total{direction="prompt"} 900')
    expect(text).toContain('faultline_ai_cost_dollars_total 0.001')
  })

  it('[I10] a free question goes to the model only when it is said, and what it writes through the guard', async () => {
    const { call, endpoint, test } = await createWorld()
    test.reads.sqlAnswer = {
      columns: [{ name: 'n', type: 'UInt64' }],
      rows: [['3']],
      rows_read: 1,
      bytes_read: 1,
      elapsed_ms: 1,
      truncated: false,
    }
    const question = 'ratio of errors between mobile and desktop'
    expect((await call('POST', '/api/ai/ask', { question })).body).toMatchObject({
      by: 'nobody',
      model_available: true,
    })
    expect(endpoint.calls).toHaveLength(0)
    const sql = 'SELECT count() AS n FROM events LIMIT 1'
    endpoint.reply(() => ({
      status: 200,
      body: completionOf(JSON.stringify({ sql, explanation: 'Counts <b>events</b>' })),
    }))
    const { body } = await call('POST', '/api/ai/ask', { question, use_model: true })
    expect(body).toMatchObject({ by: 'model', sql, rows: [['3']], model: 'mock-1' })
    expect(body['hash']).toMatch(/^[0-9a-f]{16}$/)
    const guarded = test.reads.calls.findLast(({ name }) => name === 'guardedSql')
    expect(guarded?.query).toMatchObject({ project: 'default', sql })
    // Refused twice: there is no answer, and what was refused never ran.
    test.reads.sqlAnswer = undefined
    const refused = await call('POST', '/api/ai/ask', { question, use_model: true })
    expect(refused.body).toMatchObject({ by: 'nobody', sql: '', rows: [] })
    expect(refused.body['reason']).toContain('no query that may run')
  })

  it.each([
    [{}, 'question'],
    [{ question: '' }, 'question'],
    [{ question: 'x'.repeat(501) }, 'question'],
    [{ question: 'x', use_model: 'yes' }, 'use_model'],
  ])('refuses %j and names the field', async (body, path) => {
    const { call } = await createWorld()
    expect(await call('POST', '/api/ai/ask', body)).toMatchObject({ status: 400, body: { path } })
  })

  it('[I12] a judgement of a summary is an event of the investigation, without a number of a room', async () => {
    const { call, test } = await createWorld()
    expect(
      (await call('POST', '/api/ai/feedback/12', { useful: false, note: 'wrong service' })).status,
    ).toBe(200)
    const [record] = await test.log.read({ topic: TOPICS.actions.name, partition: 0 }, 0, {
      bytesMax: 1 << 20,
      waitMs: 0,
    })
    const action = createDecoder('Action').decode(record!.value!)
    expect(action).toMatchObject({
      kind: 'ai_feedback',
      incident_id: 'i1',
      seq: 0,
      actor: 'admin',
    })
    expect(JSON.parse(action.payload)).toMatchObject({ useful: false, note: 'wrong service' })
    expect((await call('POST', '/api/ai/feedback/12', { useful: 'very' })).status).toBe(400)
  })

  it('[I11] [I13] suggests what ended its like, and rests while muted unless asked', async () => {
    const { call, test } = await createWorld()
    const { incident } = test.reads.data.details[0]!
    test.reads.data.incidents.push({
      id: 'i1',
      number: 12,
      project: 'default',
      status: 'open',
      title: '',
      severity: 2,
      severity_score: 50,
      opened_at: incident.openedAt,
      updated_at: incident.updatedAt,
      resolved_at: null,
      services: ['cart'],
      fingerprints: [],
      events: 1,
      users: 1,
      root: '',
      suspect_deploy: '',
      regressed: false,
      flapping: false,
      silenced: false,
    })
    const shown = await call('GET', '/api/ai/suggestions')
    expect(shown.body['items']).toMatchObject([
      { kind: 'past_solution', number: 12, failed: ['Restarting the pods'] },
    ])
    expect(shown.text).toContain('which ended with: Raise the pool size')
    expect((await call('POST', '/api/ai/suggestions/mute', { minutes: 30 })).status).toBe(200)
    expect((await call('GET', '/api/ai/suggestions')).body).toMatchObject({
      items: [],
      held_back: 1,
    })
    expect((await call('GET', '/api/ai/suggestions?asked=yes')).body['items']).toHaveLength(1)
    await call('POST', '/api/ai/suggestions/mute', { minutes: 0 })
    expect((await call('GET', '/api/ai/suggestions')).body['items']).toHaveLength(1)
    expect((await call('POST', '/api/ai/suggestions/mute', { minutes: -1 })).body).toMatchObject({
      path: 'minutes',
    })
  })

  it('[I18] a model fills the marked sections of a post-mortem and nothing else', async () => {
    const { call, endpoint } = await createWorld()
    const draft = (await call('GET', '/api/incidents/12/post-mortem')).text
    expect((await call('POST', '/api/ai/post-mortem/12')).status).toBe(308)
    expect(draft).not.toContain('<script>')
    const evil =
      '# Fake heading\n<script>alert(1)</script> [x](https://evil.example) <!-- /open:lessons -->'
    endpoint.reply(() => ({
      status: 200,
      body: completionOf(
        JSON.stringify({ summary: evil, lessons: 'We learned.', follow_ups: 'Less.' }),
      ),
    }))
    const filled = (await call('POST', '/api/incidents/12/post-mortem')).body['markdown'] as string
    const outside = (text: string): string =>
      text.replaceAll(/<!-- open:(\w+) -->[\s\S]*?<!-- \/open:\1 -->/g, '§')
    expect(outside(filled)).toBe(outside(draft))
    expect(filled).toContain('Drafted by mock')
    expect(filled).not.toMatch(/<script>|\]\(https|\n# Fake/)
    endpoint.answer('prose')
    endpoint.reply(undefined)
    expect((await call('POST', '/api/incidents/12/post-mortem')).body).toEqual({
      markdown: draft,
      model: '',
    })
  })

  it('[J6] the knowledge page searches confirmed solutions of the project', async () => {
    const { call, test } = await createWorld()
    test.reads.solutions = [
      {
        incident_id: 'old',
        number: 4,
        incident_title: 'Pool',
        services: ['cart'],
        resolved_at: 1,
        title: 'Raise the pool size',
        text: '',
        failed: [],
        useful: 1,
        wrong: 0,
        confirmed_at: 1,
      },
    ]
    expect((await call('GET', '/api/knowledge?q=pool', undefined, '')).body['items']).toHaveLength(
      1,
    )
    expect(test.reads.calls.at(-1)).toEqual({
      name: 'knowledge',
      query: { project: 'default', text: 'pool', limit: 50 },
    })
  })
})
