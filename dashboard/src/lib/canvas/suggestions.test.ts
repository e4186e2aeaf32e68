import { describe, expect, it } from 'vitest'

import { openSuggestions } from '#lib/canvas/suggestions.ts'

const summary = {
  title: 't',
  impact: '',
  likely_causes: ['v412 went out 2 min before', 'pool exhausted'],
  evidence: [],
  next_steps: ['Roll back v412', ''],
  confidence: 0.5,
  model: 'some-model',
  fallback: false,
  at: 1,
  incident_seq: 1,
  prompt_version: '',
  tokens: 0,
  behind: null,
}

describe('suggestions', () => {
  it('[F8] what was declined or accepted does not come back, also when its numbers change', () => {
    const all = openSuggestions(summary, {})
    expect(all.map(({ title, from }) => [title, from])).toEqual([
      ['v412 went out 2 min before', 'some-model'],
      ['pool exhausted', 'some-model'],
      ['Roll back v412', 'some-model'],
    ])
    const decided = { [all[0]?.id ?? '']: 'declined', [all[2]?.id ?? '']: 'accepted' } as const
    expect(openSuggestions(summary, decided).map(({ title }) => title)).toEqual(['pool exhausted'])
    const later = { ...summary, likely_causes: ['v412 went out 3 min before'], next_steps: [] }
    expect(openSuggestions(later, decided)).toEqual([])
    expect(openSuggestions(null, {})).toEqual([])
  })

  it('says who says it, and keeps a long sentence whole in the text', () => {
    const long = 'x'.repeat(300)
    const rules = { ...summary, fallback: true, likely_causes: [long, long], next_steps: [] }
    expect(openSuggestions(rules, {})).toMatchObject([{ from: 'rules', text: long }])
    expect(openSuggestions(rules, {})[0]?.title.length).toBe(200)
  })

  it('becomes a card in the words people read', () => {
    const causes = { ...summary, likely_causes: ['"order <*> failed" is new.'], next_steps: [] }
    expect(openSuggestions(causes, {})).toMatchObject([
      { title: '"order … failed" is new.', text: '' },
    ])
  })
})
