/** What helps without a model: causes, similar incidents, questions, and the guard that SQL of a model has to pass. */
import { startTestEngine } from '#/clickhouse/engine/test-engine.ts'
import { migrate } from '#/clickhouse/migrate.ts'
import { incidentTokens, rankByBm25 } from '#/clickhouse/queries/bm25.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { factsOf } from '#/clickhouse/queries/similar.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { interpret } from '#/processors/domain/ai-ask/interpret.ts'
import type { Incident } from '#/schemas/incident.ts'
import { ATTACKS, HONEST } from './ai-attacks.ts'
import { short, type Row } from './kit.ts'
import { isOf, OUTAGES, playScenario } from './own-outages.ts'
import {
  OTHER_QUESTIONS,
  QUESTIONS,
  SERVICES_KNOWN,
  UNSEEN_QUESTIONS,
  type Asked,
} from './questions.ts'

const SEED = 20_261_126
/** Seeds of the past that is searched, and of the incidents that are searched for. */
const PAST_SEEDS = [SEED]
const NEW_SEEDS = [SEED + 2]
const NOW_MS = Date.UTC(2026, 10, 25, 14, 30)

interface Found {
  outage: string
  incident: Incident
  root: string
  deploy: string | null
}

function foundOf(outage: string, seed: number): Found[] {
  const { truth, incidents } = playScenario(outage, seed)
  return truth.flatMap((one) => {
    const incident = incidents.find((each) => isOf(each, one))
    return incident === undefined ? [] : [{ outage, incident, root: one.root, deploy: one.deploy }]
  })
}

const share = (hits: readonly boolean[]): string =>
  short(hits.filter(Boolean).length / Math.max(1, hits.length))

function causeRows(found: readonly Found[]): Row[] {
  const ranks = found.map(({ incident, root, deploy }) => {
    const ranked = incident.causes.toSorted((left, right) => right.weight - left.weight)
    return ranked.findIndex(({ subject }) => subject === root || subject === deploy)
  })
  const within = (count: number): string => share(ranks.map((rank) => rank >= 0 && rank < count))
  return [
    [`ai: outages, seed ${NEW_SEEDS.join(' ')}: true cause first`, '–', '–', '–', within(1)],
    ['ai: outages: true cause among three', '–', '–', '–', within(3)],
  ]
}

function similarRows(past: readonly Found[], found: readonly Found[]): Row[] {
  const documents = past.map((item) => ({ item, tokens: incidentTokens(factsOf(item.incident)) }))
  const hits = found.map(({ outage, incident }) =>
    rankByBm25(incidentTokens(factsOf(incident)), documents)
      .slice(0, 3)
      .some(({ item }) => item.outage === outage),
  )
  const first = found.map(
    ({ outage, incident }) =>
      rankByBm25(incidentTokens(factsOf(incident)), documents)[0]?.item.outage === outage,
  )
  return [
    ['ai: similar incident among three', '–', '–', '.90', share(hits)],
    ['ai: similar incident first', '–', '–', '–', share(first)],
  ]
}

function questionRow(name: string, questions: readonly Asked[], goal: string): Row {
  const right = questions.map(({ question, kind, slots = {} }) => {
    const read = interpret(question, { nowMs: NOW_MS, services: SERVICES_KNOWN })
    const given = Object.entries(slots)
    return (
      read?.kind === kind &&
      given.every(([key, value]) => read.slots[key as keyof typeof slots] === value)
    )
  })
  return [`ai: ${questions.length} questions ${name}: understood`, '–', '–', goal, share(right)]
}

async function guardRows(): Promise<Row[]> {
  const engine = await startTestEngine()
  try {
    await migrate(engine.clickhouse, { retentionDays: 30 })
    const reads = createReads(engine.clickhouse)
    const isRefused = (sql: string): Promise<boolean> =>
      reads.guardedSql({ project: 'eval', sql, rowsMax: 10, timeMsMax: 5_000 }).then(
        () => false,
        (error: unknown) => isFaultlineError(error, 'invalid_sql'),
      )
    const stopped: boolean[] = []
    for (const sql of ATTACKS) stopped.push(await isRefused(sql))
    const passed: boolean[] = []
    for (const sql of HONEST) passed.push(!(await isRefused(sql)))
    return [
      [`ai: ${ATTACKS.length} attacks by SQL: stopped`, '–', '–', '1.0', share(stopped)],
      [`ai: ${HONEST.length} honest queries: passed`, '–', '–', '1.0', share(passed)],
    ]
  } finally {
    await engine.stop()
  }
}

/** Everything that needs no tables; what CI holds to its baseline. */
export function aiRows(): Row[] {
  const past = PAST_SEEDS.flatMap((seed) => OUTAGES.flatMap((outage) => foundOf(outage, seed)))
  const found = NEW_SEEDS.flatMap((seed) => OUTAGES.flatMap((outage) => foundOf(outage, seed)))
  const others = OTHER_QUESTIONS.map(
    (question) => interpret(question, { nowMs: NOW_MS, services: SERVICES_KNOWN }) === undefined,
  )
  return [
    ...causeRows(found),
    ...similarRows(past, found),
    questionRow('the rules were written with', QUESTIONS, '.90'),
    questionRow('they were not', UNSEEN_QUESTIONS, '–'),
    [`ai: ${OTHER_QUESTIONS.length} other questions: left alone`, '–', '–', '–', share(others)],
  ]
}

export async function aiAllRows(): Promise<Row[]> {
  return [...aiRows(), ...(await guardRows())]
}
