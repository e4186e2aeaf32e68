import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClusterer } from '#/processors/domain/incident/clusterer.ts'
import {
  alert,
  deploy,
  HOUR,
  MINUTE,
  SHOP,
  T0,
} from '#/processors/domain/incident/detection-fixture.ts'
import { scoreSeverity } from '#/processors/domain/incident/severity.ts'
import type { Incident } from '#/schemas/incident.ts'
import { summarizeByRules } from './rules.ts'

const severity = scoreSeverity({
  users: 10,
  activeUsers: 1000,
  criticality: 2,
  observed: 40,
  expected: 2,
  budgetBurn: null,
  services: 1,
  newInRelease: false,
  regressed: false,
  businessAnomaly: false,
})

const text = fc.string({ unit: 'grapheme', maxLength: 400 })
const anyIncident: fc.Arbitrary<Incident> = fc.record({
  id: fc.constant('i1'),
  number: fc.integer({ min: 1 }),
  project: fc.constant('shop'),
  seq: fc.integer({ min: 1 }),
  status: fc.constantFrom('open', 'investigating', 'resolved'),
  title: text,
  severity: fc.constant(severity),
  openedAt: fc.nat(1e9),
  updatedAt: fc.nat(1e9),
  resolvedAt: fc.constant(null),
  lastActivityAt: fc.nat(1e9),
  services: fc.array(text, { maxLength: 8 }),
  members: fc.array(
    fc.record({
      key: text,
      fingerprint: text,
      kind: fc.constant('novel'),
      service: text,
      environment: fc.constant('prod'),
      title: text,
      firstAt: fc.nat(1e9),
      lastAt: fc.nat(1e9),
      events: fc.nat(),
      users: fc.nat(),
      score: fc.constant(20),
      sentence: text,
      reason: fc.constant({ rule: 'opened', affinity: 1, sentence: '' }),
      hosts: fc.constant([]),
      releases: fc.constant([]),
      sampleEventId: text,
    }),
    { maxLength: 5 },
  ),
  events: fc.nat(),
  users: fc.nat(),
  root: text,
  suspectDeploy: fc.constant(''),
  causes: fc.array(
    fc.record({
      kind: fc.constantFrom(
        'deploy',
        'service',
        'zone',
        'external',
        'first_seen',
        'dimension',
        '?',
      ),
      subject: text,
      weight: fc.double({ min: 0, max: 1, noNaN: true }),
      sentence: text,
    }),
    { maxLength: 5 },
  ),
  redirectTo: fc.constant(''),
  recurrenceOf: fc.constant(''),
  regressed: fc.boolean(),
  flapping: fc.boolean(),
  timeline: fc.constant([]),
})

describe('summary by rules', () => {
  it('[I14] any incident has title, impact, causes, evidence and next steps, without a model', () => {
    fc.assert(
      fc.property(anyIncident, (incident) => {
        const summary = summarizeByRules(incident)
        expect(summary.title).not.toBe('')
        expect(summary.impact).not.toBe('')
        for (const list of [summary.likely_causes, summary.evidence, summary.next_steps]) {
          expect(list.length).toBeGreaterThan(0)
          expect(list.length).toBeLessThanOrEqual(6)
        }
        expect(summary.confidence).toBeGreaterThan(0)
        expect(summary.confidence).toBeLessThanOrEqual(0.8)
        expect(summary).toMatchObject({ model: 'rules', fallback: true, tokens: 0 })
        expect(summarizeByRules(structuredClone(incident))).toEqual(summary)
      }),
    )
  })

  it('hostile text stays one short line without control characters', () => {
    fc.assert(
      fc.property(anyIncident, (incident) => {
        const { title, impact, likely_causes, evidence, next_steps } = summarizeByRules(incident)
        for (const line of [title, impact, ...likely_causes, ...evidence, ...next_steps]) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
          expect(line.length).toBeLessThan(1000)
        }
      }),
    )
  })

  it('names the deploy first when one is suspected, and says to compare before rolling back', () => {
    const clusterer = createClusterer({ project: 'shop', topology: SHOP })
    clusterer.advance(T0 - 6 * HOUR)
    clusterer.apply(deploy('cart-2', 'v7', 0))
    clusterer.apply(
      alert({
        service: 'cart-2',
        fingerprint: 'n',
        at: MINUTE,
        release: 'v7',
        extra: { newInRelease: true },
      }),
    )
    const [incident] = clusterer.openIncidents()
    if (incident === undefined) throw new Error('nothing opened')
    const summary = summarizeByRules(incident)
    expect(summary.likely_causes[0]).toMatch(/^cart-2 v7 went out 55 s before/)
    expect(summary.next_steps[0]).toContain('deploy-v7')
    expect(summary.next_steps[0]).toContain('roll it back')
    expect(summary.impact).toContain('20 events')
    expect(summary.confidence).toBeGreaterThan(0.5)
  })

  it('begins with what began at a known time, not with the minute a count was drawn ahead to', () => {
    const clusterer = createClusterer({ project: 'shop', topology: SHOP })
    clusterer.advance(T0 - 6 * HOUR)
    clusterer.apply(alert({ service: 'cart-2', fingerprint: 'n', at: MINUTE + 10_000 }))
    const [incident] = clusterer.openIncidents()
    const [exact] = incident?.members ?? []
    if (incident === undefined || exact === undefined) throw new Error('nothing opened')
    const told = { ...exact, key: 'exact', kind: 'novel', title: 'Boom', firstAt: T0 + 70_000 }
    const minutely = { ...exact, key: 'count', kind: 'spike', title: '17 failed', firstAt: T0 }
    const { evidence } = summarizeByRules({ ...incident, members: [minutely, told] })
    expect(evidence[0]).toContain('First: "Boom"')
    expect(evidence.find((line) => line.includes('17 failed'))).toMatch(/^By the minute, from /)
  })

  it('offers what ended a similar incident first', () => {
    const [incident] = fc.sample(anyIncident, { numRuns: 1, seed: 7 })
    if (incident === undefined) throw new Error('no incident')
    const past = { number: 4, title: 'Cart down', solution: 'restart the pool', similarity: 0.8 }
    const summary = summarizeByRules(incident, [past])
    expect(summary.next_steps[0]).toBe('Try what ended #4: restart the pool')
    expect(summarizeByRules(incident, [{ ...past, similarity: 0.1 }]).next_steps[0]).not.toContain(
      '#4',
    )
  })
})
