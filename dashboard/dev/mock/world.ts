/**
 * A made-up platform: the same seed gives the same services, issues, deploys and incidents. Nothing here is
 * measured; it exists so that pages can be built and tested without a running platform.
 */
import type { DeployView, Incident, IncidentRow, IncidentSilence, IssueRow } from '#lib/contract.ts'

export const SERVICES = [
  'checkout',
  'payments',
  'search',
  'identity',
  'ledger',
  'mailer',
  'edge',
  'catalog',
] as const

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** 0 ≤ x < 1 from whole numbers, the same every time. */
export function chance(...numbers: readonly number[]): number {
  let state = 0x9e3779b9
  for (const number of numbers) {
    state = Math.imul(state ^ (number | 0), 0x85ebca6b)
    state = Math.imul(state ^ (state >>> 13) ^ Math.trunc(number / 4_294_967_296), 0xc2b2ae35)
    state ^= state >>> 16
  }
  return (state >>> 0) / 4_294_967_296
}

const pick = <T>(list: readonly T[], share: number): T =>
  list[Math.min(list.length - 1, Math.floor(share * list.length))] as T

export const ERRORS = [
  [
    'TimeoutError',
    'upstream did not answer within 2000 ms',
    'upstream did not answer within <*> ms',
  ],
  ['CertificateExpired', 'api.partner.example', '<*>'],
  ['OutOfMemory', 'heap limit reached in worker 7', 'heap limit reached in worker <*>'],
  ['RateLimited', 'provider returned 429', 'provider returned <*>'],
  ['SchemaMismatch', 'field currency is required', 'field <*> is required'],
  ['DeadlockDetected', 'relation "orders"', 'relation "<*>"'],
  ['ECONNRESET', 'while writing to ledger-primary', 'while writing to <*>'],
  [
    'TypeError',
    "Cannot read properties of undefined (reading 'price')",
    "Cannot read properties of undefined (reading '<*>')",
  ],
  [
    'MarkupError',
    '<script>alert("never run")</script> in comment 18',
    '<script>alert("never run")</script> in comment <*>',
  ],
] as const

const hex = (seed: number, index: number): string =>
  Array.from({ length: 64 }, (_, i) => Math.floor(chance(seed, index, i) * 16).toString(16)).join(
    '',
  )

/** Errors a minute of one issue at a time; incident 0 has a step twelve minutes before the start. */
function intensity(index: number, at: number, start: number): number {
  const noise = 2 + 8 * chance(index, Math.floor(at / MINUTE))
  const since = (at - (start - (12 + 9 * index) * MINUTE)) / MINUTE
  return since > 0 && since < 30 + 20 * (index % 4) ? noise + 22 - index : noise * 0.4
}

export interface World {
  start: number
  issues: readonly IssueRow[]
  incidents: Map<string, Incident>
  rows: Map<string, IncidentRow>
  deploys: readonly DeployView[]
}

function sparkOf(index: number, start: number): readonly number[] {
  return Array.from({ length: 60 }, (_, minute) =>
    Math.round(intensity(index, start - (60 - minute) * MINUTE, start)),
  )
}

function makeIssues(seed: number, start: number): IssueRow[] {
  return Array.from({ length: 48 }, (_, index) => {
    const [type, message, template] = ERRORS[index % ERRORS.length] ?? ERRORS[0]
    const service = pick(SERVICES, chance(seed, index, 1))
    const other = pick(SERVICES, chance(seed, index, 2))
    return {
      fingerprint: hex(seed, index),
      title: `${type}: ${message}`,
      culprit: `src/${service}/${type.toLowerCase()}.ts in handle`,
      method: index % 3 === 0 ? 'stack' : 'type_message',
      template: `${type}: ${template}`,
      services: [...new Set([service, other])],
      first_seen: start - Math.round(chance(seed, index, 3) * 20 * 24 * HOUR) - HOUR,
      last_seen: start - Math.round(chance(seed, index, 4) * HOUR),
      events: 90 + Math.floor(chance(seed, index, 5) * 9000),
      users: 5 + Math.floor(chance(seed, index, 6) * 900),
      severity: index % 7 === 0 ? 5 : index % 5 === 0 ? 3 : 4,
      spark: sparkOf(index, start),
    }
  })
}

function makeDeploys(seed: number, start: number): DeployView[] {
  return Array.from({ length: 14 }, (_, index) => {
    const service = SERVICES[(index * 3 + 1) % SERVICES.length] ?? 'edge'
    const bad = index === 0
    return {
      deploy_id: `dep-${seed}-${index}`,
      service,
      environment: 'prod',
      release: `v${412 - index * 3}`,
      at: start - (13 + index * index * 7 + index * 19) * MINUTE,
      change_kind: ['code', 'content', 'migration', 'configuration'][index % 4] ?? 'code',
      message: bad ? 'Retry upstream calls twice' : `Routine release ${412 - index * 3}`,
      errors_before: Number((1 + chance(seed, index, 8) * 4).toFixed(1)),
      errors_after: Number((bad ? 31.4 : 1 + chance(seed, index, 9) * 4).toFixed(1)),
    }
  })
}

const TERMS = [
  ['users', 1.6, 'users in 15 min, of those active'],
  ['criticality', 1.2, 'of 4 in the topology'],
  ['burst', 1, 'times what was expected'],
  ['error_budget', 0.8, 'times the budget is burnt'],
  ['spread', 0.7, 'services affected'],
  ['novelty', 0.5, 'new in this release'],
  ['business', 0.5, 'fewer signups than usual'],
] as const

function severityOf(seed: number, index: number): Incident['severity'] {
  const bias = index === 0 ? 0.72 : Math.max(0, 0.6 - index * 0.015)
  const terms = TERMS.map(([name, weight, reason], term) => {
    const value = Number(Math.min(1, bias + chance(seed, index, 20, term) * 0.35).toFixed(2))
    return { name, weight, value, reason: `${Math.ceil(value * 42)} ${reason}` }
  })
  const z = terms.reduce((sum, term) => sum + term.weight * term.value, 0)
  const level = z >= 4.2 ? 1 : z >= 3 ? 2 : z >= 1.8 ? 3 : z >= 1 ? 4 : 5
  return { level, score: Math.round((100 * z) / 5.9), z, terms }
}

const silenceFrom = (openedAt: number): IncidentSilence => ({
  id: 'mock',
  until: openedAt + 120 * MINUTE,
  reason: 'new disks in rack 4',
})

function membersOf(
  issues: readonly IssueRow[],
  index: number,
  openedAt: number,
): Incident['members'] {
  const issue = issues[index % issues.length]
  const second = issues[(index + 9) % issues.length]
  if (issue === undefined || second === undefined) return []
  return [issue, ...(index % 3 === 0 ? [second] : [])].map((one, place) => ({
    key: one.fingerprint,
    fingerprint: one.fingerprint,
    kind: place === 0 ? 'spike' : 'novel',
    service: one.services[0] ?? 'edge',
    environment: 'prod',
    title: one.title,
    firstAt: openedAt + place * 2 * MINUTE,
    lastAt: one.last_seen,
    events: one.events,
    users: one.users,
    score: 18.4 - place,
    sentence: `${one.spark?.at(-1) ?? 0} errors in the last minute, 3.1 expected.`,
    reason:
      place === 0
        ? { rule: 'opened', affinity: 1, sentence: 'It opened the incident.' }
        : {
            rule: 'dependency',
            affinity: 0.92,
            through: issue.fingerprint,
            sentence: `${issue.services[0]} calls ${one.services[0]}, and both failed within 2 minutes.`,
          },
    hosts: [`${one.services[0]}-1`, `${one.services[0]}-2`],
    releases: ['v412'],
    sampleEventId: `ev-${index}`,
    ...(index === 3 && place === 1 ? { silence: silenceFrom(openedAt) } : {}),
  }))
}

function timelineOf(
  openedAt: number,
  updatedAt: number,
  resolvedAt: number | null,
  deploy: string,
) {
  const steps: [number, string, string][] = [
    [openedAt - MINUTE, 'deploy', `${deploy} was deployed to prod.`],
    [openedAt, 'opened', 'A spike opened the incident: 42 errors in 5 min, 3.1 expected.'],
    [openedAt + 2 * MINUTE, 'joined', 'A second issue joined through a dependency.'],
    [updatedAt, 'severity', 'More users are affected than before.'],
  ]
  if (resolvedAt !== null) steps.push([resolvedAt, 'resolved', 'Nothing was seen for 30 minutes.'])
  return steps.map(([at, kind, sentence], index) => ({ seq: index + 1, at, kind, sentence }))
}

function makeIncident(
  world: Pick<World, 'issues' | 'deploys' | 'start'>,
  seed: number,
  index: number,
): Incident {
  const { issues, deploys, start } = world
  const openedAt = start - (12 + index * 9) * MINUTE
  const updatedAt = openedAt + Math.min(11, 3 + index) * MINUTE
  const resolvedAt = index > 5 && index % 3 === 1 ? updatedAt + 30 * MINUTE : null
  const members = membersOf(issues, index, openedAt)
  const deploy = deploys[0]
  const services = [...new Set(members.flatMap((member) => [member.service]))]
  const suspect = index === 0 && deploy !== undefined ? deploy.deploy_id : ''
  return {
    id: `0199${hex(seed, 500 + index).slice(0, 28)}`,
    number: 140 - index,
    project: 'default',
    seq: 4,
    status: resolvedAt !== null ? 'resolved' : index % 4 === 2 ? 'investigating' : 'open',
    title: members[0]?.title ?? 'Unnamed',
    severity: severityOf(seed, index),
    openedAt,
    updatedAt,
    resolvedAt,
    lastActivityAt: updatedAt,
    services,
    members,
    events: members.reduce((sum, member) => sum + member.events, 0),
    users: members[0]?.users ?? 0,
    root: services[0] ?? '',
    suspectDeploy: suspect,
    causes: [
      ...(suspect === ''
        ? []
        : [
            {
              kind: 'deploy',
              subject: suspect,
              weight: 0.82,
              sentence: `${deploy?.service} ${deploy?.release} went out one minute before the first error.`,
            },
          ]),
      {
        kind: 'service',
        subject: services[0] ?? '',
        weight: 0.41,
        sentence: `The first errors came from ${services[0]}.`,
      },
      {
        kind: 'dimension',
        subject: 'host',
        weight: 0.22,
        sentence: `71 % of the errors name ${services[0]}-2, usually 33 %.`,
      },
    ],
    redirectTo: '',
    recurrenceOf: '',
    regressed: index === 4,
    flapping: index === 7,
    ...(index === 2 ? { silenced: silenceFrom(openedAt) } : {}),
    timeline: timelineOf(openedAt, updatedAt, resolvedAt, `${deploy?.service} ${deploy?.release}`),
  }
}

export function rowOf(incident: Incident, spark: readonly number[]): IncidentRow {
  return {
    id: incident.id,
    number: incident.number,
    project: incident.project,
    status: incident.status,
    title: incident.title,
    severity: incident.severity.level,
    severity_score: incident.severity.score,
    opened_at: incident.openedAt,
    updated_at: incident.updatedAt,
    resolved_at: incident.resolvedAt,
    services: incident.services,
    fingerprints: incident.members.map((member) => member.fingerprint),
    events: incident.events,
    users: incident.users,
    root: incident.root,
    suspect_deploy: incident.suspectDeploy,
    regressed: incident.regressed,
    flapping: incident.flapping,
    silenced: incident.silenced !== undefined,
    errors: incident.events,
    spark,
  }
}

export function makeWorld(seed: number, start: number): World {
  const issues = makeIssues(seed, start)
  const deploys = makeDeploys(seed, start)
  const incidents = new Map<string, Incident>()
  const rows = new Map<string, IncidentRow>()
  for (let index = 0; index < 26; index += 1) {
    const incident = makeIncident({ issues, deploys, start }, seed, index)
    incidents.set(incident.id, incident)
    rows.set(incident.id, rowOf(incident, sparkOf(index, start)))
  }
  return { start, issues, incidents, rows, deploys }
}

export { makeIncident, sparkOf }
