import { describe, expect, it } from 'vitest'

import type {
  Familiarity,
  Incident,
  IncidentMember,
  IncidentRow,
  PipelineView,
} from '#lib/contract.ts'
import { familiaritySentence } from '#lib/incident/familiarity.ts'
import { incidentHeadline } from '#lib/incident/headline.ts'
import { incidentNotes, mutedMembers, silenceSentence } from '#lib/incident/notes.ts'
import { sumRows } from '#lib/incident/severity-sum.ts'
import { timelineItems } from '#lib/incident/timeline.ts'
import { methodSentence, templateParts } from '#lib/issue/template.ts'
import { pipelineSentence } from '#lib/pipeline-sentence.ts'
import { deployVerdict } from '#lib/service/verdict.ts'
import { eventLevel, eventSeverity, incidentLevel, LEVELS, SHAPE } from '#lib/severity.ts'
import { csvField, toCsv } from '#lib/sql/cells.ts'

const HOUR = 3_600_000

it('says what an incident is about in one sentence', () => {
  const incident = {
    services: ['checkout'],
    users: 45,
    status: 'open',
    openedAt: 0,
    lastActivityAt: HOUR,
    resolvedAt: null,
  } as unknown as Incident
  expect(incidentHeadline(incident, HOUR + 60_000)).toBe(
    'checkout fails for 45 users, 1 h 1 min so far.',
  )
  expect(incidentHeadline(incident, 2 * HOUR)).toBe(
    'checkout fails for 45 users, 2 h so far, quiet for 1 h.',
  )
  const resolved: Incident = {
    ...incident,
    status: 'resolved',
    resolvedAt: HOUR,
    services: ['a', 'b', 'c'],
    users: 1,
  }
  expect(incidentHeadline(resolved, 9 * HOUR)).toBe(
    'Resolved after 1 h: a, b and 1 more failed for 1 user.',
  )
})

it('[E4] the severity is the sum of the rows that are shown', () => {
  const terms = [
    { name: 'users', weight: 1.6, value: 0.5, reason: '' },
    { name: 'burst', weight: 1, value: 0.9, reason: '' },
  ]
  const rows = sumRows({ level: 3, score: 27, z: 1.7, terms })
  expect(rows.map((row) => row.name)).toEqual(['Burst', 'Users'])
  expect(rows.reduce((sum, row) => sum + row.adds, 0)).toBeCloseTo(1.7)
})

it('[E8] deploys stand in the timeline between the steps, once', () => {
  const deploy = {
    deploy_id: 'd',
    service: 'pay',
    environment: 'prod',
    release: 'v2',
    at: 5,
    message: '',
    change_kind: 'code',
    errors_before: 0,
    errors_after: 0,
  }
  const opened = { seq: 1, at: 9, kind: 'opened', sentence: 'It began.' }
  expect(
    timelineItems([opened], [deploy], ['d']).map((item) => [item.kind, item.sentence]),
  ).toEqual([
    ['deploy', 'pay v2, the suspected cause.'],
    ['opened', 'It began.'],
  ])
  expect(timelineItems([], [deploy], ['d', 'e'])[0]?.sentence).toBe('pay v2, a suspected cause.')
  const told = { seq: 2, at: 5, kind: 'deploy', sentence: 'pay v2 went out.' }
  expect(timelineItems([opened, told], [deploy], ['d'])).toHaveLength(2)
})

it('calls a deploy worse only when errors at least doubled and rose by one a minute', () => {
  const verdict = (before: number, after: number) =>
    deployVerdict({
      deploy_id: '',
      service: '',
      environment: '',
      release: '',
      at: 0,
      message: '',
      change_kind: 'code',
      errors_before: before,
      errors_after: after,
    })
  expect(verdict(1, 31)).toEqual({ kind: 'worse', text: '× 31.0' })
  expect(verdict(0, 4)).toEqual({ kind: 'worse', text: '0 → 4.0' })
  expect(verdict(0.1, 0.4).kind).toBe('same')
  expect(verdict(10, 14).kind).toBe('same')
  expect(verdict(10, 2).kind).toBe('better')
})

it('tells whether the pipeline can be trusted', () => {
  const view = (stages: Partial<PipelineView['stages'][number]>[], dead = 0): PipelineView => ({
    stages: stages.map((stage) => ({
      stage: 'sink',
      partitions: [],
      lag: 0,
      status: 'running',
      error: '',
      ...stage,
    })),
    dead_letters: dead,
    late_events: 0,
    stream_clients: 0,
    rejected: 0,
    limited: 0,
    storage: [],
  })
  expect(pipelineSentence(view([{}]))).toContain('can be trusted')
  expect(pipelineSentence(view([{}], 2))).toContain('2 records could not be processed')
  expect(pipelineSentence(view([{ lag: 50_000 }]))).toContain('behind by 50.0k records')
  expect(pipelineSentence(view([{ status: 'failed' }]))).toBe(
    'sink is not running: numbers are incomplete.',
  )
  expect(pipelineSentence(view([]))).toContain('No processor')
  expect(pipelineSentence({ ...view([{}]), storage: null })).toContain('ClickHouse does not answer')
})

it('splits a template at its variables', () => {
  expect(templateParts('<*> of <*> ms').map((part) => (part.variable ? '*' : part.text))).toEqual([
    '*',
    ' of ',
    '*',
    ' ms',
  ])
  expect(methodSentence('stack')).toContain('functions')
  expect(methodSentence('new_way')).toBe('Grouped by new_way.')
})

it('[E14] each level has a shape of its own', () => {
  expect(new Set(LEVELS.map((level) => SHAPE[level])).size).toBe(5)
  expect([1, 2, 3, 4, 5, 99].map(incidentLevel)).toEqual([...LEVELS, 'info'])
  expect([5, 4, 3, 2, 1].map(eventLevel)).toEqual([...LEVELS])
  expect(['4', 'error', 'ERROR', 'checkout', '9', ''].map(eventSeverity)).toEqual([
    4,
    4,
    4,
    null,
    null,
    null,
  ])
})

it('writes CSV that a spreadsheet reads and does not run', () => {
  expect([
    csvField('a,b'),
    csvField('say "x"'),
    csvField('=1+1'),
    csvField('-5'),
    csvField('-5+cmd'),
  ]).toEqual(['"a,b"', '"say ""x"""', "'=1+1", '-5', "'-5+cmd"])
  expect(toCsv({ columns: [{ name: 'a', type: 'String' }], rows: [['x'], [null]] })).toBe(
    'a\r\nx\r\n\r\n',
  )
})

describe('[C13] a silence', () => {
  it('[C13] is told in lists', () => {
    const row = { status: 'open', silenced: true, suspect_deploy: '' }
    expect(incidentNotes(row as IncidentRow)).toBe('open · silenced')
  })

  const silence = { id: 's', until: Date.UTC(2026, 10, 21, 2, 31, 10), reason: 'new disks' }
  const member = { silence } as IncidentMember
  const loud = {} as IncidentMember

  it('is told with its end and its reason', () => {
    expect(silenceSentence(silence)).toBe('Silenced until 21 Nov 2026, 02:31:10 UTC: new disks.')
    expect(silenceSentence({ ...silence, reason: '' })).toMatch(/UTC\.$/)
  })

  it('of some parts is counted, unless the whole is silenced', () => {
    const incident = { members: [member, loud, member] } as unknown as Incident
    expect(mutedMembers(incident)).toBe(2)
    expect(mutedMembers({ ...incident, silenced: silence })).toBe(0)
  })
})

it('[C17] familiarity is a label with its counts', () => {
  const of = (label: Familiarity['label'], alike: number, incidents: number): string =>
    familiaritySentence({ label, alike, incidents })
  expect(of('rare', 3, 80)).toBe(
    'Rare: 3 of 80 incidents of the 30 days before had an issue of this one.',
  )
  expect(of('new', 0, 12)).toContain('none of 12 incidents')
  expect(of('new', 0, 0)).toBe('New: there was no other incident in the 30 days before.')
})

it('[C15] a list says that a deploy is suspected', () => {
  const row = { status: 'open', regressed: true, silenced: false, suspect_deploy: 'd1' }
  expect(incidentNotes(row as IncidentRow)).toBe('open · regressed · a deploy is suspected')
  expect(incidentNotes({ ...row, suspect_deploy: '' } as IncidentRow)).toBe('open · regressed')
})
