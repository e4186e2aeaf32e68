import { RULES_VERSION, summarizeByRules } from '#/processors/domain/insight/rules.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import { deadLetter, drop, OK } from '#/processors/runtime/record.ts'
import type { Processor, ProcessorContext, Stage } from '#/processors/runtime/stage.ts'
import { jsonCodec } from '#/processors/runtime/store.ts'
import type { Store } from '#/processors/runtime/store.ts'
import { createTaskStage } from '#/processors/runtime/task.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { Insight } from '#/schemas/records.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createInsightEmitter } from './emit-insight.ts'
import { createRecordReader } from './record-reader.ts'
import type { SchemaSource } from './record-reader.ts'

export interface EnrichDeps {
  schemas: SchemaSource
  /** Incidents whose last summary is remembered; past it an old one may be told again. */
  incidentsMax?: number
}

const ENRICH_INCIDENTS_MAX = 10_000

const NEEDED = ['project', 'incident_id', 'seq', 'kind', 'at', 'detail'] as const

/** What was last said about an incident. */
interface Said {
  text: string
}

/**
 * incidents.lifecycle → ai.insights: the summary by rules, told again only when its words changed. Counting steps
 * of an incident that nobody would read differently cost nothing downstream.
 */
export function createEnrichStage(deps: EnrichDeps): Stage {
  return createTaskStage({
    name: 'enrich',
    inputs: [TOPICS.lifecycle.name],
    outputs: [TOPICS.insights.name],
    createProcessor: (context) => new EnrichProcessor(deps, context),
  })
}

class EnrichProcessor implements Processor {
  readonly #emit
  readonly #reader
  readonly #said: Store<Said>

  constructor(deps: EnrichDeps, context: ProcessorContext) {
    this.#emit = createInsightEmitter(deps.schemas, context)
    this.#reader = createRecordReader('IncidentEvent', deps.schemas, NEEDED)
    this.#said = context.openStore<Said>('said', {
      ...jsonCodec<Said>(() => ({ text: '' })),
      keysMax: deps.incidentsMax ?? ENRICH_INCIDENTS_MAX,
    })
  }

  prepare(records: readonly ConsumedRecord[]): Promise<void> | undefined {
    return this.#reader.prepare(records)
  }

  process(record: ConsumedRecord) {
    const read = this.#reader.read(record.value)
    if (read.kind === 'poison') return deadLetter(read.code, read.error)
    if (read.kind === 'tick') return deadLetter('invalid_event', 'a tick is no incident')
    const { project, incident_id: incidentId, seq, kind, at, detail } = read.record
    // The incident it was merged into speaks for it from now on.
    if (kind === 'redirect') return drop('redirect')
    const insight = summarizeByRules(JSON.parse(detail) as Incident)
    const text = wordsOf(insight)
    if (this.#said.get(incidentId)?.text === text) return drop('unchanged')
    this.#said.put(incidentId, { text })
    this.#emit(
      { ...insight, project, incident_id: incidentId, incident_seq: seq, at },
      record.timestampMs,
    )
    return OK
  }
}

function wordsOf(insight: Insight): string {
  const { title, impact, likely_causes, evidence, next_steps } = insight
  return JSON.stringify([RULES_VERSION, title, impact, likely_causes, evidence, next_steps])
}
