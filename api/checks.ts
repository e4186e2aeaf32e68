import type { AppDeps } from './deps.ts'
import { messageOf } from '#/kernel/errors.ts'
import type { StageView } from '#/schemas/view.ts'

interface Check {
  name: string
  ok: boolean
  /** What is wrong, or the measured value; never a secret. */
  detail: string
}

export interface Checks {
  ready: boolean
  checks: readonly Check[]
  stages: readonly StageView[]
}

/** A dependency that does not answer within this is as good as away. */
const ANSWER_MS_MAX = 2_000

/** Asks every dependency whether it is there, and the pipeline how far behind it is. Never rejects. */
export async function runChecks(deps: AppDeps): Promise<Checks> {
  let stages: readonly StageView[] = []
  const checks = await Promise.all([
    check(deps, 'log', async () => {
      const topics = await deps.log.topics()
      return `${topics.length} topics`
    }),
    ...(deps.dependsOnClickHouse === false ? [] : [checkClickHouse(deps)]),
    check(deps, 'pipeline', async () => {
      stages = await deps.pipeline.stages()
      return pipelineDetail(stages, deps.config.readyLagRecordsMax)
    }),
    ...Object.entries(deps.moreChecks ?? {}).map(([name, ask]) => check(deps, name, ask)),
  ])
  return { ready: checks.every(({ ok }) => ok), checks, stages }
}

function checkClickHouse(deps: AppDeps): Promise<Check> {
  return check(deps, 'clickhouse', async () => {
    await deps.reads.ping()
    return 'answers'
  })
}

/** Throws with the sentence that says which stage is behind or has failed. */
function pipelineDetail(stages: readonly StageView[], lagRecordsMax: number): string {
  const failed = stages.find((stage) => stage.status === 'failed')
  if (failed !== undefined) throw new Error(`${failed.stage} has failed: ${failed.error}`)
  const behind = stages.find((stage) => stage.lag > lagRecordsMax)
  if (behind !== undefined)
    throw new Error(`${behind.stage} is ${behind.lag} records behind (limit ${lagRecordsMax})`)
  return `at most ${lagOf(stages)} records behind`
}

export function lagOf(stages: readonly StageView[]): number {
  return stages.reduce((most, stage) => Math.max(most, stage.lag), 0)
}

async function check(deps: AppDeps, name: string, ask: () => Promise<string>): Promise<Check> {
  const patience = new AbortController()
  const tooLate = deps.clock.sleep(ANSWER_MS_MAX, patience.signal).then(() => {
    throw new Error(`no answer within ${ANSWER_MS_MAX} ms`)
  })
  // After an abort this one rejects as well, with nobody left to hear it.
  tooLate.catch(() => undefined)
  try {
    return { name, ok: true, detail: await Promise.race([ask(), tooLate]) }
  } catch (error) {
    return { name, ok: false, detail: messageOf(error) }
  } finally {
    patience.abort()
  }
}
