import type { ClickHouse } from '#/clickhouse/client.ts'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Random } from '#/kernel/random.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'
import { reExecute } from '#/processors/runtime/re-execute.ts'
import { scanPartition } from '#/processors/runtime/changelog.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import { createRecordReader } from '#/processors/stages/record-reader.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import type { RecordName } from '#/schemas/avro-schemas.ts'
import type { Incident } from '#/schemas/incident.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { alertsOf } from './incident-alerts.ts'
import { compareRow, type Row, type RowProblem } from './row-compare.ts'

export interface VerifyDeps {
  log: Log
  clock: Clock
  random: Random
  clickhouse: Pick<ClickHouse, 'query'>
  stages: readonly Stage[]
  schemas: SchemaSource
  breathe(): Promise<void>
}

export interface VerifyWish {
  project: string
  /** Id of an incident or of an event. */
  id: string
  signal: AbortSignal
  onProgress: (progress: { records: number; total: number }) => void
}

export interface Verdict {
  kind: 'incident' | 'event'
  /** Records that were run again, and rows and log records that were compared with what came of it. */
  records: number
  compared: number
  /** False when retention has taken the beginning of the log: differences may come from that. */
  isWhole: boolean
  problems: readonly RowProblem[]
}

/** Something stored, to be compared: a row of a table, or a record of a topic. */
interface Stored {
  record: RecordName
  /** The same for the record computed again. */
  key: string
  row: string
  value: Row
  /** A row of `incidents`: the latest step without what only steps have. */
  isSummary?: true
}

const COMPARED_MAX = 20_000
const PROBLEMS_MAX = 100

/**
 * Runs everything from the raw topic again and compares what is stored about one incident or event: its rows in
 * ClickHouse (every step, and the one it stands at), the steps in the topic of incidents, the detections it is made of
 * (those about a service as a whole too) and the sample events of its members.
 */
export async function verify(deps: VerifyDeps, wish: VerifyWish): Promise<Verdict> {
  const stored = await storedOf(deps, wish)
  if (stored.length === 0)
    throw new FaultlineError('not_found', `there is no incident or event ${wish.id}`)
  if (stored.length > COMPARED_MAX)
    throw new FaultlineError('overloaded', `${wish.id} has ${stored.length} rows and records`)
  const wanted = new Set(stored.map(({ key }) => key))
  const isIncident = stored.some(({ record }) => record === 'IncidentEvent')
  const last = new Map<string, number>()
  for (const { record, value } of stored)
    if (record === 'IncidentEvent')
      last.set(wish.id, Math.max(last.get(wish.id) ?? 0, Number(value['seq'])))
  const computed = new Map<string, Row>()
  const reader = readersOf(deps.schemas)
  const { records, isWhole } = await reExecute(deps, {
    group: 'fingerprint',
    topics: [TOPICS.fingerprinted.name, TOPICS.detections.name, TOPICS.lifecycle.name],
    signal: wish.signal,
    onProgress: wish.onProgress,
    async onRecords(topic, found) {
      for (const { key, value } of await reader(topic, found)) {
        const isStep = topic === TOPICS.lifecycle.name && value['incident_id'] === wish.id
        const isKnown = !isStep || Number(value['seq']) <= (last.get(wish.id) ?? 0)
        if (wanted.has(key) || (isStep && isKnown)) computed.set(key, value)
      }
    },
  })
  const problems = [...differences(stored, computed), ...absences(stored, computed)]
  return {
    kind: isIncident ? 'incident' : 'event',
    records,
    compared: stored.length,
    isWhole,
    problems: problems.slice(0, PROBLEMS_MAX),
  }
}

function* differences(
  stored: readonly Stored[],
  computed: ReadonlyMap<string, Row>,
): Generator<RowProblem> {
  for (const { record, key, row, value, isSummary = false } of stored) {
    const found = computed.get(key)
    if (found === undefined)
      yield { row, field: '', stored: 'is there', computed: 'the log gives no such record' }
    else yield* compareRow(record, { row, stored: value, computed: found, isPart: isSummary })
  }
}

/** Steps that should be in both places. */
function* absences(
  stored: readonly Stored[],
  computed: ReadonlyMap<string, Row>,
): Generator<RowProblem> {
  const counts = new Map<string, number>()
  for (const { key, record, isSummary } of stored)
    if (record === 'IncidentEvent' && isSummary !== true)
      counts.set(key, (counts.get(key) ?? 0) + 1)
  const isIncident = counts.size > 0
  if (isIncident && !stored.some(({ isSummary }) => isSummary === true))
    yield { row: 'incidents', field: '', stored: 'no row of it', computed: 'one' }
  for (const [key, value] of computed) {
    if (!key.startsWith('IncidentEvent')) continue
    const count = counts.get(key) ?? 0
    if (count !== 2)
      yield {
        row: `step ${String(value['seq'])} of incident ${String(value['incident_id'])}`,
        field: '',
        stored: `${count} times`,
        computed: 'once in incident_events and once in the log',
      }
  }
}

const KEYS = {
  IncidentEvent: (row: Row) => `IncidentEvent/${String(row['incident_id'])}/${String(row['seq'])}`,
  Detection: (row: Row) =>
    `Detection/${String(row['detection_id'])}/${String(row['revision'])}/${String(row['kind'])}/${String(row['slice'])}`,
  GroupedEvent: (row: Row) => `GroupedEvent/${String(row['service'])}/${String(row['event_id'])}`,
} as const
type Kind = keyof typeof KEYS

const KIND_OF: Readonly<Record<string, Kind>> = {
  [TOPICS.lifecycle.name]: 'IncidentEvent',
  [TOPICS.detections.name]: 'Detection',
  [TOPICS.fingerprinted.name]: 'GroupedEvent',
}

function readersOf(schemas: SchemaSource) {
  const readers = {
    IncidentEvent: createRecordReader('IncidentEvent', schemas),
    Detection: createRecordReader('Detection', schemas),
    GroupedEvent: createRecordReader('GroupedEvent', schemas),
  }
  return async (
    topic: string,
    records: readonly ConsumedRecord[],
  ): Promise<{ key: string; value: Row; offset: number }[]> => {
    const kind = KIND_OF[topic]
    if (kind === undefined) return []
    await readers[kind].prepare(records)
    return records.flatMap(({ value, offset }) => {
      const read = readers[kind].read(value)
      if (read.kind !== 'record') return []
      const row = read.record as unknown as Row
      return [{ key: KEYS[kind](row), value: row, offset }]
    })
  }
}

async function storedOf(deps: VerifyDeps, wish: VerifyWish): Promise<Stored[]> {
  // First, so that its step is among those read next.
  const summary = await rowsOf(deps, wish, {
    record: 'IncidentEvent',
    sql: 'SELECT * FROM incidents FINAL WHERE project = {project:String} AND incident_id = {id:String}',
    name: (row) => `incidents, incident ${String(row['incident_id'])}`,
  })
  const steps = await rowsOf(deps, wish, {
    record: 'IncidentEvent',
    sql: 'SELECT * FROM incident_events WHERE project = {project:String} AND incident_id = {id:String} ORDER BY seq',
    name: (row) => `incident_events, step ${String(row['seq'])}`,
  })
  if (steps.length === 0)
    return rowsOf(deps, wish, {
      record: 'GroupedEvent',
      sql: 'SELECT * FROM events WHERE project = {project:String} AND event_id = {id:String}',
      name: (row) => `events, event ${String(row['event_id'])}`,
    })
  const logged = await loggedSteps(deps, wish)
  const latest = incidentOf(logged.at(-1)?.value ?? steps.at(-1)!.value)
  const alerts = alertsOf(latest)
  const detections = await rowsOf(deps, wish, {
    record: 'Detection',
    sql: `SELECT * FROM detections WHERE ${alerts.where} ORDER BY at LIMIT 5000`,
    params: alerts.params,
    name: (row) => `detections, ${String(row['kind'])} ${String(row['detection_id'])}`,
  })
  const samples = await rowsOf(deps, wish, {
    record: 'GroupedEvent',
    sql: 'SELECT * FROM events WHERE project = {project:String} AND event_id IN {samples:Array(String)}',
    params: { samples: latest.members.map(({ sampleEventId }) => sampleEventId).filter(isNamed) },
    name: (row) => `events, event ${String(row['event_id'])}`,
  })
  const marked = summary.map((one): Stored => ({ ...one, isSummary: true }))
  return [...marked, ...steps, ...logged, ...detections, ...samples]
}

interface RowsWish {
  record: Kind
  sql: string
  params?: Readonly<Record<string, unknown>>
  name: (row: Row) => string
}

async function rowsOf(
  { clickhouse }: VerifyDeps,
  { project, id }: VerifyWish,
  { record, sql, params, name }: RowsWish,
): Promise<Stored[]> {
  const rows = await clickhouse.query<Row>(sql, { params: { project, id, ...params } })
  return rows.map((value) => ({ record, key: KEYS[record](value), row: name(value), value }))
}

async function loggedSteps({ log, schemas }: VerifyDeps, { id, project }: VerifyWish) {
  const read = readersOf(schemas)
  const tp = { topic: TOPICS.lifecycle.name, partition: 0 }
  const mine: ConsumedRecord[] = []
  await scanPartition(log, tp, (record) => {
    if (String(record.key).endsWith(id)) mine.push({ ...record })
  })
  const steps = await read(tp.topic, mine)
  return steps
    .filter(({ value }) => value['incident_id'] === id && value['project'] === project)
    .map(({ key, value, offset }): Stored => ({
      record: 'IncidentEvent',
      key,
      value,
      row: `${tp.topic}/0@${offset}`,
    }))
}

function incidentOf(step: Row): Incident {
  return JSON.parse(String(step['detail'])) as Incident
}

function isNamed(text: string): boolean {
  return text !== ''
}
