/** Puts records into the log of a test as the processors would. */
import { partitionOf } from '#/processors/log/partitioner.ts'
import { encode } from '#/schemas/codec.ts'
import type { GroupedEvent, IncidentEvent, Insight } from '#/schemas/records.ts'
import { TOPICS, telemetryKey } from '#/schemas/topics.ts'
import { TEST_PARTITIONS } from './test-app.ts'
import type { TestApp } from './test-app.ts'
import { testEvent } from './test-views.ts'

/** Each event on the partition of its service, in the order given. */
export async function appendEvents(
  test: TestApp,
  wishes: readonly Partial<GroupedEvent>[],
): Promise<void> {
  for (const wish of wishes) {
    const { attributes: _, ...plain } = testEvent()
    const event = { ...plain, id_made: false, attributes: {}, attribute_kinds: {}, ...wish }
    const key = Buffer.from(telemetryKey(event.project, event.service))
    const value = encode('GroupedEvent', test.deps.schemaIds.GroupedEvent, event)
    const partition = partitionOf(key, TEST_PARTITIONS)
    const records = [{ key, value, timestampMs: event.received_at }]
    await test.log.append([{ topic: TOPICS.fingerprinted.name, partition, records }])
  }
}

export async function appendIncident(test: TestApp, wish: Partial<IncidentEvent>): Promise<void> {
  const step: IncidentEvent = {
    project: 'default',
    incident_id: 'inc-1',
    number: 1,
    seq: 1,
    kind: 'opened',
    at: Date.UTC(2026, 10, 21, 3, 30),
    sentence: '',
    status: 'open',
    title: 'Checkout fails',
    severity: 3,
    severity_score: 50,
    opened_at: 0,
    updated_at: 0,
    resolved_at: null,
    services: [],
    fingerprints: [],
    events: 0,
    users: 0,
    root: '',
    suspect_deploy: '',
    redirect_to: '',
    regressed: false,
    flapping: false,
    detail: '{}',
    recorded_at: 0,
    ...wish,
  }
  const value = encode('IncidentEvent', test.deps.schemaIds.IncidentEvent, step)
  const records = [{ key: Buffer.from(step.incident_id), value, timestampMs: step.at }]
  await test.log.append([{ topic: TOPICS.lifecycle.name, partition: 0, records }])
}

export async function appendInsight(test: TestApp, wish: Partial<Insight>): Promise<void> {
  const insight: Insight = {
    project: 'default',
    incident_id: 'inc-1',
    incident_seq: 1,
    at: Date.UTC(2026, 10, 21, 3, 30),
    title: '',
    impact: '',
    likely_causes: [],
    evidence: [],
    next_steps: [],
    confidence: 0.5,
    model: 'rules',
    prompt_version: '1',
    tokens: 0,
    fallback: true,
    detail: '{}',
    ...wish,
  }
  const value = encode('Insight', test.deps.schemaIds.Insight, insight)
  const records = [{ key: Buffer.from(insight.incident_id), value, timestampMs: insight.at }]
  await test.log.append([{ topic: TOPICS.insights.name, partition: 0, records }])
}

/** A tick of the clock on every topic the live streams follow, as the stages pass it on. */
export async function appendTicks(test: TestApp, at: number): Promise<void> {
  const value = encode('Tick', test.deps.schemaIds.Tick, { number: Math.floor(at / 1000), at })
  const records = [{ key: null, value, timestampMs: at }]
  for (const topic of [TOPICS.fingerprinted.name, TOPICS.lifecycle.name, TOPICS.insights.name])
    await test.log.append([{ topic, partition: 0, records }])
}
