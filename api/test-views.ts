/** Things to read, for tests: whole and plain, with what a test cares about set by itself. */
import { UNGROUPED } from '#/schemas/codec.ts'
import type { Incident } from '#/schemas/incident.ts'
import type { EventView, IncidentDetail, IncidentRow, IssueDetail } from '#/schemas/view.ts'
import { TEST_NOW_MS } from './test-app.ts'

export function testEvent(wish: Partial<EventView> = {}): EventView {
  return {
    project: 'default',
    event_id: 'e-1',
    event_type: 'error',
    occurred_at: TEST_NOW_MS,
    received_at: TEST_NOW_MS,
    service: 'checkout',
    environment: 'prod',
    release: '',
    host: '',
    severity: 4,
    message: 'Boom',
    error_type: '',
    error_code: '',
    stack: '',
    route: '',
    method: '',
    status_code: 0,
    duration_ms: null,
    user_id: '',
    session_id: '',
    request_id: '',
    trace_id: '',
    span_id: '',
    parent_span_id: '',
    tags: [],
    attributes: {},
    flags: [],
    ...UNGROUPED,
    ...wish,
  }
}

export function testIncident(wish: Partial<IncidentRow> = {}): IncidentRow {
  return {
    id: 'inc-1',
    number: 1,
    project: 'default',
    status: 'open',
    title: 'Checkout fails',
    severity: 2,
    severity_score: 70,
    opened_at: TEST_NOW_MS - 60_000,
    updated_at: TEST_NOW_MS,
    resolved_at: null,
    services: ['checkout'],
    fingerprints: [],
    events: 10,
    users: 3,
    root: 'checkout',
    suspect_deploy: '',
    regressed: false,
    flapping: false,
    silenced: false,
    ...wish,
  }
}

export function testDetail(wish: Partial<Incident> = {}): IncidentDetail {
  return {
    incident: {
      id: 'inc-1',
      number: 1,
      project: 'default',
      seq: 1,
      status: 'open',
      title: 'Checkout fails',
      severity: { level: 2, score: 70, z: 4.4, terms: [] },
      openedAt: TEST_NOW_MS - 60_000,
      updatedAt: TEST_NOW_MS,
      resolvedAt: null,
      lastActivityAt: TEST_NOW_MS,
      services: ['checkout'],
      members: [],
      events: 10,
      users: 3,
      root: 'checkout',
      suspectDeploy: '',
      causes: [],
      redirectTo: '',
      recurrenceOf: '',
      regressed: false,
      flapping: false,
      timeline: [{ seq: 1, at: TEST_NOW_MS - 60_000, kind: 'opened', sentence: 'Opened.' }],
      ...wish,
    },
    summary: null,
    chart: [],
    deploys: [],
    errors: 10,
    member_errors: {},
    similar: [],
    familiarity: { label: 'new', alike: 0, incidents: 0 },
  }
}

export function testIssue(fingerprint: string): IssueDetail {
  return {
    fingerprint,
    title: 'Boom',
    culprit: '',
    method: 'message',
    template: 'Boom',
    services: ['checkout'],
    first_seen: TEST_NOW_MS,
    last_seen: TEST_NOW_MS,
    events: 1,
    users: 0,
    severity: 4,
    params: [],
    dimensions: [],
    samples: [],
    chart: [],
    incidents: [],
    aliases: [],
  }
}
