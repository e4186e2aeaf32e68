/** An incident and the events behind it, for tests of what is said about it. */
import type { ClickHouse } from '#/clickhouse/client.ts'
import { scoreSeverity } from '#/processors/domain/incident/severity.ts'
import { sqlText, sqlTime } from '#/processors/domain/ai-evidence/sql-text.ts'
import type { Incident, IncidentMember } from '#/schemas/incident.ts'
import type { IncidentDetail } from '#/schemas/view.ts'

export const MINUTE = 60_000
export const CART_ISSUE = 'c'.repeat(64)
export const PAY_ISSUE = 'd'.repeat(64)

export function memberOf(part: Partial<IncidentMember>): IncidentMember {
  return {
    key: CART_ISSUE,
    fingerprint: CART_ISSUE,
    kind: 'novel',
    service: 'cart',
    environment: 'prod',
    title: 'PoolExhausted',
    firstAt: 0,
    lastAt: 0,
    events: 20,
    users: 5,
    score: 20,
    sentence: 'never seen before',
    reason: { rule: 'opened', affinity: 1, sentence: '' },
    hosts: [],
    releases: ['v7'],
    sampleEventId: 'e1',
    ...part,
  }
}

export function incidentAt(startMs: number, part: Partial<Incident> = {}): Incident {
  const severity = scoreSeverity({
    users: 10,
    activeUsers: 1000,
    criticality: 2,
    observed: 40,
    expected: 2,
    budgetBurn: null,
    services: 2,
    newInRelease: true,
    regressed: false,
    businessAnomaly: false,
  })
  return {
    id: 'i1',
    number: 12,
    project: 'shop',
    seq: 3,
    status: 'open',
    title: 'PoolExhausted in cart',
    severity,
    openedAt: startMs + MINUTE,
    updatedAt: startMs + 5 * MINUTE,
    resolvedAt: null,
    lastActivityAt: startMs + 5 * MINUTE,
    services: ['cart', 'payment'],
    members: [
      memberOf({ firstAt: startMs }),
      memberOf({
        key: PAY_ISSUE,
        fingerprint: PAY_ISSUE,
        service: 'payment',
        firstAt: startMs + 30_000,
      }),
    ],
    events: 60,
    users: 20,
    root: 'cart',
    suspectDeploy: 'deploy-v7',
    causes: [
      {
        kind: 'deploy',
        subject: 'deploy-v7',
        weight: 0.8,
        sentence: 'Deploy deploy-v7 of cart came 120 s before.',
      },
    ],
    redirectTo: '',
    recurrenceOf: '',
    regressed: false,
    flapping: false,
    timeline: [],
    ...part,
  }
}

/** As the API answers it, with nothing around it. */
export function detailOf(incident: Incident, part: Partial<IncidentDetail> = {}): IncidentDetail {
  return {
    incident,
    summary: null,
    chart: [],
    deploys: [],
    errors: 0,
    member_errors: {},
    similar: [],
    familiarity: { label: 'new', alike: 0, incidents: 0 },
    ...part,
  }
}

interface EventRow {
  project?: string
  id: string
  type?: string
  at: number
  service: string
  fingerprint?: string
  release?: string
  host?: string
  route?: string
  status?: number
  user?: string
  title?: string
  attributes?: Readonly<Record<string, string>>
  message?: string
}

export async function insertEvents(
  clickhouse: ClickHouse,
  rows: readonly EventRow[],
): Promise<void> {
  const values = rows.map((row) => {
    const time = sqlTime(row.at)
    const attributes = Object.entries(row.attributes ?? {}).flatMap(([name, value]) => [
      sqlText(name),
      sqlText(value),
    ])
    const texts = [row.service, row.fingerprint, row.release, row.host, row.route].map((one) =>
      sqlText(one ?? ''),
    )
    const type = row.type ?? 'error'
    const severity = type === 'error' ? 4 : 2
    return `(${sqlText(row.project ?? 'shop')}, ${sqlText(row.id)}, ${sqlText(type)}, ${time}, ${time}, ${texts.join(', ')}, ${severity}, ${row.status ?? 0}, ${sqlText(row.user ?? '')}, ${sqlText(row.title ?? '')}, ${sqlText(row.message ?? '')}, map(${attributes.join(', ')}))`
  })
  await clickhouse.command(
    `INSERT INTO events (project, event_id, event_type, occurred_at, received_at, service, fingerprint, release, host, route, severity, status_code, user_id, title, message, attributes) VALUES ${values.join(', ')}`,
  )
}

/** Ordinary traffic for an hour, a deploy of cart, then errors of the new release in cart and, later, in payment. */
export async function insertOutage(clickhouse: ClickHouse, startMs: number): Promise<void> {
  const rows: EventRow[] = []
  for (let index = 0; index < 120; index += 1) {
    const at = startMs - 59 * MINUTE + index * 29_000
    const service = index % 2 === 0 ? 'cart' : 'payment'
    const rest = {
      host: `h${index % 3}`,
      route: '/api/cart',
      release: 'v6',
      status: 200,
      user: `u${index % 9}`,
    }
    rows.push({ id: `q${index}`, type: 'http_request', at, service, ...rest })
  }
  const deploy = { deploy_id: 'deploy-v7', change_kind: 'code' }
  rows.push({
    id: 'd1',
    type: 'deploy',
    at: startMs - 2 * MINUTE,
    service: 'cart',
    release: 'v7',
    attributes: deploy,
  })
  for (let index = 0; index < 40; index += 1) {
    const at = startMs + index * 5_000
    const rest = {
      release: 'v7',
      host: 'h1',
      route: '/api/cart',
      status: 500,
      user: `u${index % 7}`,
    }
    rows.push({
      id: `e${index}`,
      at,
      service: 'cart',
      fingerprint: CART_ISSUE,
      title: 'PoolExhausted: no connection',
      ...rest,
    })
  }
  for (let index = 0; index < 20; index += 1)
    rows.push({
      id: `p${index}`,
      at: startMs + 30_000 + index * 5_000,
      service: 'payment',
      fingerprint: PAY_ISSUE,
      title: 'Timeout calling cart',
      host: `h${index % 3}`,
      user: `u${index % 5}`,
    })
  await insertEvents(clickhouse, rows)
}
