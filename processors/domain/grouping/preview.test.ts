import { describe, expect, it } from 'vitest'
import { createDecisionBook } from './decisions.ts'
import { createGrouper, type GroupInput } from './fingerprint.ts'
import { previewRules, retroactivePins, type PreviewEvent } from './preview.ts'
import { checkRules } from './rule-check.ts'

const inputs: GroupInput[] = Array.from({ length: 60 }, (_, at) => {
  const kind = at % 4
  if (kind === 0) return { environment: 'prod', message: `disk ${at} is full` }
  if (kind === 1) return { environment: 'prod', message: `cannot read disk ${at}` }
  if (kind === 2) return { environment: at % 8 === 2 ? 'prod' : 'test', message: `no route ${at}` }
  return { environment: 'prod', error_type: 'Oops', message: `user ${at} is unknown` }
})

function grouped(rules: Parameters<typeof previewRules>[1]): PreviewEvent[] {
  const grouper = createGrouper({ rules })
  return inputs.map((input) => {
    const { fingerprint, title, rule = '' } = grouper.group(input)
    return { service: 'web', input, issue: fingerprint, title, rule }
  })
}

const issuesOf = (events: readonly PreviewEvent[]): number =>
  new Set(events.map(({ issue }) => issue)).size

describe('the preview of rules', () => {
  it.each([
    ['a rule that merges', [{ id: 'a', match: { message: '*disk*' }, fingerprint: ['disk'] }]],
    [
      'a rule that splits',
      [
        {
          id: 'a',
          match: { message: 'no route*' },
          fingerprint: ['{{default}}', '{{environment}}'],
        },
      ],
    ],
    [
      'both, the first that matches first',
      [
        { id: 'a', match: { message: '*disk*', environment: 'prod' }, fingerprint: ['d'] },
        { id: 'b', match: { message: '*' }, fingerprint: ['rest', '{{error_type}}'] },
      ],
    ],
    ['a rule nothing matches', [{ id: 'a', match: { route: '/x' }, fingerprint: ['x'] }]],
  ])('[C12] counts before it is saved what is there after: %s', (_, rules) => {
    const now = grouped([])
    const preview = previewRules(now, rules, createDecisionBook())
    expect(preview.issues_before).toBe(issuesOf(now))
    expect(preview.issues_after).toBe(issuesOf(grouped(rules)))
    // And back again.
    const back = previewRules(grouped(rules), [], createDecisionBook())
    expect(back.issues_after).toBe(issuesOf(now))
  })

  it('[C12] shows what merges and what falls apart, with examples', () => {
    const rules = [
      { id: 'a', match: { message: '*disk*' }, fingerprint: ['disk'] },
      { id: 'b', match: { environment: 'test' }, fingerprint: ['test'] },
    ]
    const preview = previewRules(grouped([]), rules, createDecisionBook())
    expect(preview.matched).toEqual([
      { id: 'a', events: 30 },
      { id: 'b', events: 7 },
    ])
    expect(preview.merged.map(({ into, from }) => [into.events, from.length])).toEqual([
      [30, 2],
      [7, 1],
    ])
    expect(preview.split.map(({ issue, into }) => [issue.title, into.length])).toEqual([
      ['no route <*>', 2],
    ])
    // The past of what is torn apart stays where it is.
    expect(retroactivePins(preview)).toHaveLength(2)
  })
})

describe('rules somebody wrote', () => {
  it.each([
    ['rules', {}],
    ['rules[0]', [1]],
    ['rules[0].match', [{ fingerprint: ['a'] }]],
    ['rules[0].match', [{ match: {}, fingerprint: ['a'] }]],
    ['rules[0].match.colour', [{ match: { colour: '*' }, fingerprint: ['a'] }]],
    ['rules[0].match.route', [{ match: { route: 'x'.repeat(501) }, fingerprint: ['a'] }]],
    ['rules[0].fingerprint', [{ match: { route: '*' }, fingerprint: [] }]],
    ['rules[0].fingerprint[1]', [{ match: { route: '*' }, fingerprint: ['a', '{{x}}'] }]],
    ['rules[0].colour', [{ match: { route: '*' }, fingerprint: ['a'], colour: 1 }]],
    ['rules[0].id', [{ id: 'a b', match: { route: '*' }, fingerprint: ['a'] }]],
    [
      'rules[1].id',
      [
        { id: 'a', match: { route: '*' }, fingerprint: ['a'] },
        { id: 'a', match: { route: '*' }, fingerprint: ['a'] },
      ],
    ],
    ['rules[0].title', [{ match: { route: '*' }, fingerprint: ['a'], title: '' }]],
  ])('[C12] a mistake is named by its field: %s', (path, given) => {
    const checked = checkRules(given)
    expect('problem' in checked && checked.problem?.path).toBe(path)
  })

  it('[C12] right ones are taken as they are', () => {
    const given = [{ match: { route: '/a/*' }, fingerprint: ['a', '{{route}}'], title: 'A' }]
    expect(checkRules(given)).toEqual({ rules: [{ id: 'rule-1', ...given[0] }] })
  })
})
