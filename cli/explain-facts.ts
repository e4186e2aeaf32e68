import type { Explanation, ExplanationStep } from '#/api/ports.ts'
import type { ClickHouse } from '#/clickhouse/client.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { ALGORITHMS } from '#/processors/domain/grouping/algorithms.ts'
import { incidentPolicy } from '#/processors/domain/incident/policy.ts'
import type { Incident } from '#/schemas/incident.ts'
import { alertsOf, IS_ALERT } from './incident-alerts.ts'
import type { Rules } from './rules-file.ts'

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

interface InsightRow extends Origin {
  incident_seq: number
  title: string
  impact: string
  model: string
  prompt_version: string
  fallback: boolean
}

/** How an incident or an event came to be what it is, from what was recorded. Fails with `not_found`. */
export async function explain(clickhouse: Query, wish: Wish, rules: Rules): Promise<Explanation> {
  const [step] = await clickhouse.query<Origin & { detail: string; seq: number }>(
    'SELECT detail, seq, _topic, _partition, _offset, _epoch FROM incident_events WHERE project = {project:String} AND incident_id = {id:String} ORDER BY seq DESC LIMIT 1',
    { params: { ...wish } },
  )
  if (step !== undefined) return explainIncident(clickhouse, wish, { step, rules })
  const [event] = await clickhouse.query<EventRow>(
    'SELECT * FROM events WHERE project = {project:String} AND event_id = {id:String} LIMIT 1',
    { params: { ...wish } },
  )
  if (event === undefined)
    throw new FaultlineError('not_found', `there is no incident or event ${wish.id}`, {
      path: 'id',
    })
  return { kind: 'event', id: wish.id, project: wish.project, steps: eventSteps(event, rules) }
}

function placeOf({ _topic, _partition, _offset, _epoch }: Origin): string {
  return `${_topic}/${_partition}@${String(_offset)}, epoch ${_epoch}`
}

function eventSteps(event: EventRow, rules: Rules): ExplanationStep[] {
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
    { name: 'rules', facts: groupingRules(rules) },
  ]
}

function groupingRules({ fingerprintRules = [] }: Rules): string[] {
  return [
    `way of grouping: version ${ALGORITHMS.newest}`,
    `rules for grouping that people decided: ${fingerprintRules.length}`,
  ]
}

interface IncidentParts {
  step: Origin & { detail: string; seq: number }
  rules: Rules
}

async function explainIncident(
  clickhouse: Query,
  wish: Wish,
  { step, rules }: IncidentParts,
): Promise<Explanation> {
  const incident = JSON.parse(step.detail) as Incident
  const alerts = alertsOf(incident)
  const detections = await clickhouse.query<DetectionRow>(
    `SELECT * FROM detections WHERE ${alerts.where} AND ${IS_ALERT} ORDER BY at, detection_id, revision LIMIT 500`,
    { params: { ...wish, ...alerts.params } },
  )
  const [insight] = await clickhouse.query<InsightRow>(
    'SELECT * FROM insights WHERE project = {project:String} AND incident_id = {id:String} ORDER BY incident_seq DESC LIMIT 1',
    { params: { ...wish } },
  )
  const steps = [
    ...incidentSteps(incident, detections, step),
    insightStep(insight),
    { name: 'rules', facts: [...groupingRules(rules), ...incidentRules(rules)] },
  ]
  return { kind: 'incident', ...wish, steps }
}

function insightStep(insight: InsightRow | undefined): ExplanationStep {
  if (insight === undefined) return { name: 'insight', facts: ['there is none yet'] }
  const { model, prompt_version, fallback, incident_seq, title, impact } = insight
  return {
    name: 'insight',
    facts: [
      `${placeOf(insight)}, about step ${incident_seq}`,
      `by ${model}, version ${prompt_version}${fallback ? ' (by rules: there was no model, or it failed)' : ''}`,
      title,
      impact,
    ],
  }
}

/** Recorded steps keep the numbers they were decided by; these hold for what is decided now. */
function incidentRules({ policy, topology = [] }: Rules): string[] {
  const { joinAffinity, mergeAffinity, openNatsNovel, openNatsSpike, quietMs, opening } =
    incidentPolicy(policy)
  return [
    `opening: ${opening}, from ${openNatsNovel} nats (new) or ${openNatsSpike} nats (spike)`,
    `joins from affinity ${joinAffinity}, merges from ${mergeAffinity}`,
    `resolved after ${quietMs / 60_000} quiet minutes`,
    `topology: ${topology.length} services`,
  ]
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
  yield {
    name: 'cluster',
    facts: incident.members.map(({ title, service, reason, score }) => {
      const through = reason.through === undefined ? '' : ` through ${reason.through}`
      return `${title || service} (${service}): ${reason.rule}, affinity ${reason.affinity.toFixed(2)}${through}, ${score.toFixed(1)} nats. ${reason.sentence}`
    }),
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
