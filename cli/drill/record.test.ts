import { describe, expect, it } from 'vitest'
import { ANN, TestRoom } from '#/schemas/collab/test-room.ts'
import type { DrillView } from '#/schemas/drill-view.ts'
import { readRecord, writeRecord } from './record.ts'

const drill: DrillView = {
  id: 1,
  project: 'default',
  incident_id: 'inc-1',
  incident_number: 12,
  title: 'checkout',
  state: 'ended',
  speed: 5,
  lead_from: 0,
  from: 1_000,
  to: 60_000,
  events: 3,
  played: 3,
  started_by: 'Ann',
  started_at: 5_000,
  played_at: 17_000,
  closes_at: 20_000,
  ended_at: 20_000,
  why: 'Ended by Ann.',
  port: 0,
  url: '',
}
const [real, trained] = [TestRoom.opened(), TestRoom.opened()]
real.must(ANN, 'note', { id: 'n', text: 'v2.4.1 it is' })
trained.must(ANN, 'card_create', { id: 'c', kind: 'hypothesis', title: 'v2.4.1' })
const text = writeRecord({
  drill,
  answer: ['v2.4.1'],
  beganMs: 2_000,
  events: { recorded: 3, played: 3, kept: 3 },
  recorded: real.events,
  rooms: [{ id: 'inc-1', events: trained.events }],
})

describe('the record of a drill', () => {
  it('gives the report again that was written', () => {
    const { report, markdown, head } = readRecord(text)
    expect(report.changes).toEqual({ recorded: 3, drill: 3 })
    expect(report.cards.only_drill).toHaveLength(1)
    expect(markdown).toContain('# Drill 1: incident #12')
    expect(head).toMatch(/^[0-9a-f]{64}$/)
    expect(readRecord(text)).toEqual({ report, markdown, head })
  })

  it('shows one changed byte, wherever it is, and a line that is gone (negative control)', () => {
    const lines = text.trimEnd().split('\n')
    for (const at of lines.keys()) {
      const line = lines[at]!
      const cut = Math.floor(line.length * 0.7)
      const other = line[cut] === 'x' ? 'y' : 'x'
      const changed = line.slice(0, cut) + other + line.slice(cut + 1)
      expect(() => readRecord(`${lines.with(at, changed).join('\n')}\n`)).toThrow(/does not hold/)
      expect(() => readRecord(`${lines.toSpliced(at, 1).join('\n')}\n`)).toThrow(/does not hold/)
    }
    expect(() => readRecord(text.slice(0, -1))).toThrow(/end of the file is missing/)
  })

  it('shows a report that was written over with a chain made anew', () => {
    const other = writeRecord({
      drill,
      answer: ['v2.4.1'],
      beganMs: 2_000,
      events: { recorded: 3, played: 3, kept: 3 },
      recorded: real.events,
      rooms: [],
    })
    const mixed = [...text.trimEnd().split('\n').slice(0, -1), other.trimEnd().split('\n').at(-1)]
    expect(() => readRecord(`${mixed.join('\n')}\n`)).toThrow(/does not hold/)
  })
})
