import { lagOf, runChecks } from '#/api/checks.ts'
import type { AppDeps } from '#/api/deps.ts'
import type { Hub } from '#/api/live/hub.ts'
import { range, step, stepsOf } from '#/api/read-params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import type { Log } from '#/processors/log/port.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { PipelineView } from '#/schemas/view.ts'

const JSON_ANSWER = { status: 200, type: 'application/json' } as const

export interface HealthParts {
  hub: Hub
}

/** What keeps the platform observable: is it up, can it work, how far behind is it. */
export function healthRoutes(deps: AppDeps, parts: HealthParts): readonly Route[] {
  const startedMs = deps.clock.monotonicMs()
  const uptimeMs = (): number => Math.round(deps.clock.monotonicMs() - startedMs)
  const health = { tag: 'health', method: 'GET', query: {} } as const
  return [
    route({
      ...health,
      path: '/health',
      summary: 'In one word.',
      access: 'none',
      answer: { ...JSON_ANSWER, about: 'ok or degraded.', schema: ref('Health') },
      async handle() {
        const { ready } = await runChecks(deps)
        const status = ready ? 'ok' : 'degraded'
        return { status, version: deps.version, uptime_ms: uptimeMs() }
      },
    }),
    route({
      ...health,
      path: '/health/live',
      summary: 'The process answers.',
      access: 'none',
      answer: { ...JSON_ANSWER, about: 'Always, while it runs.' },
      handle: () => ({ status: 'ok' }),
    }),
    route({
      ...health,
      path: '/health/ready',
      summary: 'Whether it can do its work now; 503 with the reason when not.',
      access: 'none',
      answer: { ...JSON_ANSWER, about: 'Ready.', schema: ref('Readiness') },
      otherAnswers: [
        {
          ...JSON_ANSWER,
          status: 503,
          about: 'Not ready: the check that fails says why.',
          schema: ref('Readiness'),
        },
      ],
      async handle({ reply }) {
        const { ready, checks } = await runChecks(deps)
        if (ready) return { ready, checks }
        void reply.code(503).header('content-type', 'application/json; charset=utf-8')
        void reply.header('cache-control', 'no-store').send(JSON.stringify({ ready, checks }))
        return undefined
      },
    }),
    route({
      ...health,
      path: '/health/detailed',
      summary: 'Dependencies, lag per consumer group, memory.',
      access: 'read',
      answer: { ...JSON_ANSWER, about: 'All of it.', schema: ref('HealthDetail') },
      async handle() {
        const { ready, checks, stages } = await runChecks(deps)
        return {
          status: ready ? 'ok' : 'degraded',
          version: deps.version,
          uptime_ms: uptimeMs(),
          checks,
          stages,
          stream_clients: parts.hub.clientCount(),
          memory: process.memoryUsage(),
        }
      },
    }),
    ...numberRoutes(deps, parts),
  ]
}

function numberRoutes(deps: AppDeps, { hub }: HealthParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/metrics',
      tag: 'health',
      summary: 'Prometheus metrics.',
      access: 'metrics',
      query: {},
      answer: { status: 200, type: 'text/plain', about: 'Text format 0.0.4.' },
      handle: (call) => sendMetrics(deps, hub, call),
    }),
    route({
      method: 'GET',
      path: '/api/pipeline',
      tag: 'health',
      summary: 'Lag per processor, dead letters, late events, viewers.',
      access: 'read',
      query: {},
      answer: { ...JSON_ANSWER, about: 'The pipeline.', schema: ref('Pipeline') },
      async handle(): Promise<PipelineView> {
        return {
          stages: await deps.pipeline.stages(),
          dead_letters: await recordsIn(deps.log, TOPICS.deadLetters.name),
          late_events: await recordsIn(deps.log, TOPICS.late.name),
          stream_clients: hub.clientCount(),
          rejected: deps.metrics.read('faultline_ingest_events_total', { result: 'rejected' }),
          limited: deps.metrics.read('faultline_ingest_events_total', { result: 'limited' }),
          // The rest can be told without the store, and is wanted most when it is away.
          storage: await storageSoon(deps),
        }
      },
    }),
  ]
}

/** How long the rest waits for the store. */
const STORE_MS_MAX = 2000

async function storageSoon({ reads, clock }: AppDeps): Promise<PipelineView['storage']> {
  const answered = new AbortController()
  const storage = reads.storage().catch(() => null)
  try {
    return await Promise.race([
      storage,
      clock.sleep(STORE_MS_MAX, answered.signal).then(() => null),
    ])
  } finally {
    answered.abort()
  }
}

/** The first page in one answer. */
export function overviewRoute(deps: AppDeps): Route {
  return route({
    method: 'GET',
    path: '/api/overview',
    tag: 'incidents',
    summary: 'What is worst, and is it getting worse?',
    access: 'read',
    query: { ...range(1), step },
    answer: { ...JSON_ANSWER, about: 'The first page.', schema: ref('Overview') },
    async handle({ project, query, nowMs, request }) {
      const overview = await deps.reads.overview({ project, nowMs, ...stepsOf(query) })
      const lag = await deps.pipeline.stages().then(lagOf, (error: unknown) => {
        deps.onProblem?.(error, request.id)
        return null
      })
      const key = overview.has_data ? undefined : deps.firstKeyShell
      const firstRun = key === undefined ? {} : { first_run: { ingest_key: key } }
      return { ...overview, ...firstRun, now: nowMs, lag_records: lag }
    },
  })
}

async function sendMetrics(deps: AppDeps, hub: Hub, call: Call): Promise<void> {
  const { metrics } = deps
  metrics.set('faultline_stream_clients', hub.clientCount())
  metrics.set('faultline_process_resident_bytes', process.memoryUsage.rss(), { process: 'main' })
  const stages = await deps.pipeline.stages()
  // A partition that another process has taken over would stand here with its last lag for ever.
  metrics.forget('faultline_stage_lag_records')
  for (const { stage, partitions } of stages)
    for (const { partition, lag } of partitions)
      metrics.set('faultline_stage_lag_records', lag, { stage, partition })
  const type = 'text/plain; version=0.0.4; charset=utf-8'
  void call.reply.header('content-type', type).send(metrics.render())
}

async function recordsIn(log: Log, topic: string): Promise<number> {
  const topics = await log.topics()
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? 0
  let count = 0
  for (let partition = 0; partition < partitions; partition += 1) {
    const tp = { topic, partition }
    count += (await log.endOffset(tp)) - (await log.beginningOffset(tp))
  }
  return count
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` }
}
