import { expect, it } from 'vitest'

import type { PostMortem } from '#lib/contract.ts'
import { recordSections } from '#lib/incident/record.ts'

const ANN = { id: 'user:ann', name: 'Ann' }
const item = (text: string, due: number | null = null) => ({ text, owner: null, due })
const RECORD = {
  people: [ANN],
  commander: ANN,
  scribe: null,
  solution: null,
  pinned: ['v1.1.0 looked guilty'],
  openItems: [item('Raise the pool', Date.UTC(2026, 10, 27))],
  doneItems: [],
  notes: [{ at: Date.UTC(2026, 10, 26, 10), by: ANN, text: 'Pool of 10 was full' }],
} as unknown as PostMortem

it('[G11] [G13] the printed post-mortem has pinned lines first, then items, notes and people', () => {
  expect(recordSections(RECORD, 'head')).toEqual([
    { title: 'Pinned', lines: ['v1.1.0 looked guilty'] },
  ])
  const rest = recordSections(RECORD, 'rest')
  expect(rest.map(({ title }) => title)).toEqual(['Open action items', 'Notes', 'People'])
  expect(rest[0]?.lines[0]).toMatch(/^Raise the pool \(nobody yet, due 27 Nov 2026/)
  expect(rest[1]?.lines[0]).toMatch(/10:00:00 UTC, Ann: Pool of 10 was full$/)
  expect(rest[2]?.lines).toEqual(['Ann (commander)'])
})
