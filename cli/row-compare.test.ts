import { describe, expect, it } from 'vitest'
import { compareRow } from './row-compare.ts'

const COMPUTED = {
  project: 'shop',
  incident_id: 'i1',
  number: 1,
  seq: 2,
  kind: 'joined',
  at: 1_767_600_000_123,
  sentence: 'joined',
  status: 'open',
  title: 'price is null',
  severity: 3,
  severity_score: 64,
  opened_at: 1_767_600_000_000,
  updated_at: 1_767_600_000_123,
  resolved_at: null,
  services: ['web', 'checkout'],
  fingerprints: ['aa'],
  events: 12,
  users: 3,
  root: 'checkout',
  suspect_deploy: '',
  redirect_to: '',
  regressed: false,
  flapping: true,
  detail: '{}',
}
/** As ClickHouse answers: times as text, 64-bit numbers as text. */
const STORED = {
  ...COMPUTED,
  at: '2026-01-05 08:00:00.123',
  opened_at: '2026-01-05 08:00:00.000',
  updated_at: '2026-01-05 08:00:00.123',
  events: '12',
  users: '3',
  _topic: 'incidents.lifecycle.v1',
  _partition: 0,
  _offset: '7',
  _epoch: 4,
}

describe('a stored row and what the log gives', () => {
  it('[N8] are equal however they are spelled', () => {
    const row = { row: 'r', stored: STORED, computed: COMPUTED }
    expect(compareRow('IncidentEvent', row)).toEqual([])
  })

  it('[N8] differ in any field that was tampered with, and it is named', () => {
    const other: Record<string, unknown> = {
      number: 2,
      sentence: 'left',
      at: '2026-01-05 08:00:00.124',
      resolved_at: '2026-01-05 09:00:00.000',
      services: ['web'],
      events: '13',
      flapping: false,
      detail: '{"a":1}',
    }
    for (const [field, value] of Object.entries(other)) {
      const stored = { ...STORED, [field]: value }
      const found = compareRow('IncidentEvent', { row: 'r', stored, computed: COMPUTED })
      expect(found.map((one) => one.field)).toEqual([field])
    }
  })
})
