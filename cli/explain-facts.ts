import type { Explanation, ExplanationStep } from '#/api/ports.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { DEFAULT_INCIDENT_POLICY } from '#/processors/domain/incident/policy.ts'
import type { Incident } from '#/schemas/incident.ts'

type Query = Pick<ClickHouse, 'query'>

interface Wish {
  project: string
  id: string
}

interface Origin {
  _topic: string
  _partition: number
  _offset: string | number
  _epoch: number
}

interface EventRow extends Origin {
  event_id: string
  service: string
  environment: string
  message: string
  error_type: string
  error_code: string
  route: string
  fingerprint: string
  fingerprint_own: string
  fingerprint_method: string
  fingerprint_rule: string
  template: string
  template_id: string
  culprit: string
}

interface DetectionRow extends Origin {
  detection_id: string
  revision: number
  kind: string
  at: string
  fingerprint: string
  observed: number
  expected: number
  window_min: number
  score: number
  sentence: string
  slice: string | number
}

/** How an incident or an event came to be what it is, from what was recorded. Fails with `not_found`. */
export async function explain(clickhouse: Query, wish: Wish): Promise<Explanation> {
  const [step] = await clickhouse.query<Origin & { detail: string; seq: number }>(
    'SELECT detail, seq, _topic, _partition, _offset, _epoch FROM incident_events WHERE project = {project:String} AND incident_id = {id:String} ORDER BY seq DESC LIMIT 1',
    { params: { ...wish } },
  )
  if (step !== undefined) return explainIncident(clickhouse, wish, step)
  const [event] = await clickhouse.query<EventRow>(
    'SELECT * FROM events WHERE project = {project:String} AND event_id = {id:String} LIMIT 1',
    { params: { ...wish } },
  )
  if (event === undefined)
    throw new FaultlineError('not_found', `there is no incident or event ${wish.id}`, {
      path: 'id',
    })
  return { kind: 'event', id: wish.id, project: wish.project, steps: eventSteps(event) }
}

function placeOf({ _topic, _partition, _offset, _epoch }: Origin): string {
  return `${_topic}/${_partition}@${String(_offset)}, epoch ${_epoch}`
}

function eventSteps(event: EventRow): ExplanationStep[] {
  const inputs = [
    'service',
    'environment',
    'error_type',
    'error_code',
    'route',
    'culprit',
    'template',
  ] as const
  const facts = inputs.filter((name) => event[name] !== '').map((name) => `${name}: ${event[name]}`)
  return [
    { name: 'record', facts: [placeOf(event), `message: ${event.message}`] },
    {
      name: 'fingerprint',
      facts: [
        `method: ${event.fingerprint_method || 'none'}`,
        ...(event.fingerprint_rule === '' ? [] : [`rule: ${event.fingerprint_rule}`]),
        ...facts,
        ...(event.template_id === '' ? [] : [`template id: ${event.template_id}`]),
      ],
    },
    {
      name: 'issue',
      facts: [
        event.fingerprint === '' ? 'it belongs to no issue' : event.fingerprint,
        ...(event.fingerprint_own !== '' && event.fingerprint_own !== event.fingerprint
          ? [`alone it would be ${event.fingerprint_own}: it was merged`]
          : []),
      ],
    },
  ]
}

async function explainIncident(
  clickhouse: Query,
  wish: Wish,
  step: Origin & { detail: string; seq: number },
): Promise<Explanation> {
  const incident = JSON.parse(step.detail) as Incident
  const fingerprints = incident.members.map(({ fingerprint }) => fingerprint)
  const detections = await clickhouse.query<DetectionRow>(
    "SELECT * FROM detections WHERE project = {project:String} AND kind IN ('novel', 'spike', 'drop', 'silence', 'latency') AND fingerprint IN {fingerprints:Array(String)} AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at <= fromUnixTimestamp64Milli({to:Int64}) ORDER BY at, detection_id, revision LIMIT 500",
    {
      params: {
        ...wish,
        fingerprints: fingerprints.filter((one) => one !== ''),
        from: incident.openedAt - 60_000,
        to: incident.lastActivityAt,
      },
    },
  )
  return { kind: 'incident', ...wish, steps: [...incidentSteps(incident, detections, step)] }
}

function* incidentSteps(
  incident: Incident,
  detections: readonly DetectionRow[],
  step: Origin & { seq: number },
): Generator<ExplanationStep> {
  yield {
    name: 'incident',
    facts: [incident.title, `status ${incident.status}, step ${step.seq}`, placeOf(step)],
  }
  yield {
    name: 'detections',
    facts: detections.map(
      (one) =>
        `${placeOf(one)}: ${one.kind} at ${one.at}, observed ${one.observed}, expected ${one.expected} in ${one.window_min} min, ${one.score.toFixed(1)} nats. ${one.sentence}`,
    ),
  }
  const { joinAffinity, openNatsNovel, openNatsSpike } = DEFAULT_INCIDENT_POLICY
  yield {
    name: 'cluster',
    facts: [
      `joins from affinity ${joinAffinity}; opens from ${openNatsNovel} nats (new) or ${openNatsSpike} nats (spike)`,
      ...incident.members.map(({ title, service, reason, score }) => {
        const through = reason.through === undefined ? '' : ` through ${reason.through}`
        return `${title || service} (${service}): ${reason.rule}, affinity ${reason.affinity.toFixed(2)}${through}, ${score.toFixed(1)} nats. ${reason.sentence}`
      }),
    ],
  }
  const { terms, z, level, score } = incident.severity
  yield {
    name: 'severity',
    facts: [
      ...terms.map(
        (term) =>
          `${term.name}: ${term.weight} × ${term.value.toFixed(3)} = ${(term.weight * term.value).toFixed(3)} (${term.reason})`,
      ),
      `sum ${z.toFixed(3)}, score ${score}, SEV${level}`,
    ],
  }
  yield {
    name: 'causes',
    facts: incident.causes.map(
      ({ kind, subject, weight, sentence }) =>
        `${kind} ${subject}, ${weight.toFixed(2)}: ${sentence}`,
    ),
  }
}
