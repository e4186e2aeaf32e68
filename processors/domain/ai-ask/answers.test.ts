import { expect, it } from 'vitest'
import { sayAnswer } from './answers.ts'
import type { Slots } from './question.ts'

const COLUMNS = ['number', 'severity', 'severity_score', 'title', 'where_', 'users', 'events']
const say = (kind: 'priorities' | 'open_incidents', where: string): string => {
  const rows = [[12, 2, 70, 'Phones are dead', where, 1, 3]]
  return sayAnswer(kind, { columns: COLUMNS, rows }, { service: '' } as Slots)
}

it('an incident opened by hand may name no service, and the sentence none either', () => {
  expect(say('priorities', '')).toBe('Begin with #12: SEV2 (score 70), 1 user, Phones are dead.')
  expect(say('priorities', 'a, b')).toMatch(/Phones are dead in a, b\.$/)
  expect(say('open_incidents', '')).toMatch(/SEV2: Phones are dead\.$/)
  expect(say('open_incidents', 'a')).toMatch(/Phones are dead \(a\)\.$/)
})
