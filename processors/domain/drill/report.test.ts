import { describe, expect, it } from 'vitest'
import { ANN, BEN, STEP, SYSTEM, TestRoom } from '#/schemas/collab/test-room.ts'
import type { Actor, RoomEvent } from '#/schemas/collab/state.ts'
import { drillSpan, type DrillView } from '#/schemas/drill-view.ts'
import { drillReport, type DrillRecord } from './report.ts'
import { drillMarkdown } from './report-text.ts'

const BEGAN = 1_000
const START = 9_000_000
const SPEED = 5

const drill: DrillView = {
  id: 3,
  project: 'default',
  incident_id: 'inc-1',
  incident_number: 12,
  title: 'checkout: DB_TIMEOUT after <*>',
  state: 'ended',
  speed: SPEED,
  lead_from: 0,
  from: BEGAN - 500,
  to: 600_000,
  events: 10,
  played: 10,
  started_by: 'Ann',
  started_at: START,
  played_at: START + 120_000,
  closes_at: START + 130_000,
  ended_at: START + 130_000,
  why: 'Ended by Ann.',
  port: 0,
  url: '',
}

type Do = readonly [
  atMs: number,
  actor: Actor,
  kind: Parameters<TestRoom['must']>[1],
  payload: object,
]

/** A room with what people did at these moments. */
function logOf(done: readonly Do[], openedMs = 1_000, services = ['checkout']): RoomEvent[] {
  const room = new TestRoom()
  room.nowMs = openedMs + 500
  const step = { ...STEP.step, at: openedMs }
  room.must(SYSTEM, 'engine', { ...STEP, services, step, recordedAt: openedMs })
  for (const [atMs, actor, kind, payload] of done) {
    room.nowMs = atMs
    room.must(actor, kind, payload, kind === 'status_change' ? statusSeen(room) : {})
  }
  return room.events
}

function statusSeen({ state }: TestRoom): { expect: { field: string; rev: number } } {
  return { expect: { field: 'status', rev: state.root['status']?.rev ?? 0 } }
}

const card = (id: string, kind: string, title: string): object => ({ id, kind, title })

const recorded = logOf([
  [20_000, ANN, 'join', {}],
  [25_000, BEN, 'join', {}],
  [30_000, ANN, 'note', { id: 'n', text: 'v24 is not it' }],
  [40_000, ANN, 'card_create', card('a', 'symptom', 'checkout errors rise')],
  [50_000, BEN, 'card_create', card('b', 'hypothesis', 'release V2.4.1 leaks connections')],
  [60_000, ANN, 'link_add', { id: 'l', from: 'a', to: 'b', kind: 'supports' }],
  [70_000, ANN, 'card_create', card('c', 'solution', 'roll back')],
  [80_000, ANN, 'status_change', { status: 'investigating' }],
  [90_000, ANN, 'status_change', { status: 'resolved' }],
])
/** When recorded moment `ms` is due. */
const due = (ms: number): number => START + (ms - drill.from) / SPEED
const trained = logOf(
  [
    [due(25_000), BEN, 'join', {}],
    [due(40_000), BEN, 'card_create', card('x', 'symptom', 'Checkout errors rise again')],
    [due(45_000), BEN, 'card_create', card('y', 'hypothesis', 'the database is slow')],
    [due(55_000), BEN, 'card_create', card('z', 'hypothesis', 'release v2.4.1 leaks')],
    [due(56_000), BEN, 'link_add', { id: 'm', from: 'x', to: 'z', kind: 'supports' }],
    [due(57_000), BEN, 'link_add', { id: 'o', from: 'x', to: 'y', kind: 'refutes' }],
  ],
  due(BEGAN + 100),
)

const record: DrillRecord = {
  drill,
  recorded,
  answer: ['v2.4.1'],
  beganMs: BEGAN,
  events: { recorded: 10, played: 10, kept: 10 },
  rooms: [{ id: 'inc-1', events: trained }],
}
const milestone = (key: string, from = record) =>
  drillReport(from).milestones.find((one) => one.key === key)

describe('the report of a drill', () => {
  it('[DR4] counts from when it began, by each clock', () => {
    expect(drillMarkdown(drillReport(record))).toContain('checkout: DB\\_TIMEOUT after …')
    expect(milestone('noticed')).toMatchObject({
      recorded: { after: 0, by: '' },
      drill: { after: 20, story: 100, by: '' },
    })
    expect(milestone('acknowledged')).toMatchObject({
      recorded: { after: 19_000, by: 'Ann', what: 'joined' },
      drill: { after: 24_000 / SPEED, story: 24_000, by: 'Ben' },
    })
    expect(milestone('first_note')).toMatchObject({ recorded: { after: 29_000 }, drill: null })
    expect(milestone('mitigated')).toMatchObject({ recorded: { after: 69_000 }, drill: null })
    expect(milestone('resolved')).toMatchObject({ recorded: { after: 89_000 }, drill: null })
    const { statuses } = drillReport(record)
    expect(statuses.recorded.map(({ what }) => what)).toEqual(['open', 'investigating', 'resolved'])
    expect(statuses.drill.map(({ what }) => what)).toEqual(['open'])
  })

  it('[DR5] finds the cause by whole words of people, in any case', () => {
    expect(milestone('cause_named')).toMatchObject({
      recorded: { after: 49_000, by: 'Ben' },
      drill: { story: 54_000, by: 'Ben' },
    })
    expect(milestone('cause_named', { ...record, answer: ['v2'] })).toMatchObject({
      recorded: null,
      drill: null,
    })
    expect(
      milestone('cause_named', { ...record, answer: ['nothing', 'database slow'] }),
    ).toMatchObject({ recorded: null, drill: { story: 44_000 } })
    expect(milestone('cause_named', { ...record, answer: [] })?.recorded).toBeNull()
  })

  it('[DR6] pairs cards by kind and words, and links by their ends', () => {
    const { cards, links } = drillReport(record)
    expect(cards.both.map((pair) => [pair.recorded.title, pair.drill.title, pair.alike])).toEqual([
      ['checkout errors rise', 'Checkout errors rise again', 0.75],
      ['release V2.4.1 leaks connections', 'release v2.4.1 leaks', 0.75],
    ])
    expect(cards.only_recorded.map(({ title }) => title)).toEqual(['roll back'])
    expect(cards.only_drill.map(({ title }) => title)).toEqual(['the database is slow'])
    expect(links.both).toHaveLength(1)
    expect(links.only_recorded).toEqual([])
    expect(links.only_drill).toMatchObject([{ kind: 'refutes', to: 'the database is slow' }])
  })

  it('[DR7] compares the room people worked in, then the one of the same services, then the first', () => {
    const quiet = { id: 'a', events: logOf([], due(2_000), ['mailer']) }
    const same = { id: 'b', events: logOf([], due(3_000)) }
    const compared = (rooms: DrillRecord['rooms']): string | undefined =>
      drillReport({ ...record, rooms }).rooms.find((room) => room.compared)?.id
    expect(compared([quiet, same, { id: 'c', events: trained }])).toBe('c')
    expect(compared([quiet, same])).toBe('b')
    expect(
      compared([
        { ...same, id: 'z' },
        { id: 'd', events: logOf([], due(2_500)) },
      ]),
    ).toBe('d')
    expect(drillReport({ ...record, rooms: [] })).toMatchObject({
      rooms: [],
      changes: { drill: 0 },
      cards: { both: [] },
    })
  })

  it('[DR8] is a function of the two logs, and shows a change in either (negative control)', () => {
    const [one, other] = [drillReport(record), drillReport(structuredClone(record))]
    expect(JSON.stringify(one)).toBe(JSON.stringify(other))
    expect(drillMarkdown(one)).toBe(drillMarkdown(other))
    const rooms = [...record.rooms, { id: 'e', events: logOf([], due(9_000), ['mailer']) }]
    const shuffled = drillReport({ ...record, rooms: rooms.toReversed() })
    expect(JSON.stringify(shuffled)).toBe(JSON.stringify(drillReport({ ...record, rooms })))
    const without = drillReport({ ...record, recorded: recorded.slice(0, -1) })
    expect(drillMarkdown(without)).not.toBe(drillMarkdown(one))
    const later = trained.map((event, at) => (at === 1 ? { ...event, ts: event.ts + 1 } : event))
    const moved = drillReport({ ...record, rooms: [{ id: 'inc-1', events: later }] })
    expect(JSON.stringify(moved)).not.toBe(JSON.stringify(one))
  })

  it('as a document keeps what people wrote text', () => {
    const hostile = logOf([
      [29_000, ANN, 'join', {}],
      [30_000, ANN, 'card_create', card('a', 'symptom', '<b>|x|</b> [y](z)')],
    ])
    const text = drillMarkdown(drillReport({ ...record, recorded: hostile }))
    expect(text).toContain(String.raw`\<b\>\|x\|\</b\> \[y\](z)`)
    expect(text).toContain('| Resolved | never | never | never |')
  })

  it('says spans in two units', () => {
    expect([42_400, 185_000, 3_725_000, -61_000, -200].map(drillSpan)).toEqual([
      '42 s',
      '3 min 5 s',
      '1 h 2 min',
      '−1 min 1 s',
      '0 s',
    ])
  })
})
