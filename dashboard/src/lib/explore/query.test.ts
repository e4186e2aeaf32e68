import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { EventView } from '#lib/contract.ts'
import { matchesSelection, readSelection, searchQuery, selectionSql } from '#lib/explore/query.ts'
import { selectionSentence } from '#lib/explore/sentence.ts'

const params = (text: string): URLSearchParams => new URLSearchParams(text)
const event = (more: Partial<EventView>): EventView =>
  ({ message: '', severity: 2, service: 'a', ...more }) as EventView
const range = { from: 1000, to: 2000, relative: null }

describe('a selection', () => {
  it('is said in a sentence that stays short whatever is asked', () => {
    const said = (total: number, address: string): string =>
      selectionSentence(total, readSelection(params(address)))
    expect(said(56, 'event_type=error')).toBe('56 events with type error.')
    expect(said(1, 'q=time+out&severity=5&severity=!1')).toBe(
      '1 event that says “time out” with severity fatal or not debug.',
    )
    expect(said(0, 'q=nothing')).toBe('No event that says “nothing”.')
    expect(said(0, '')).toBe('No event in this range.')
    const long = 'x'.repeat(10_000)
    const many = Array.from({ length: 50 }, (_, index) => `host=${index}${long}`).join('&')
    expect(said(2, `q=${long}&${many}&user_id=1&route=2&method=3`).length).toBeLessThan(500)
  })

  it('is read from the address; parameters that are no filter are left alone', () => {
    const selection = readSelection(
      params('q= time  out &service=a&service=b&severity=4&t=3h&evil=1'),
    )
    expect(selection).toEqual({
      text: 'time  out',
      filters: [
        { field: 'severity', values: ['4'] },
        { field: 'service', values: ['a', 'b'] },
      ],
    })
    expect(searchQuery(selection, { from: 1 }, null)).toMatchObject({
      q: 'time  out',
      service: ['a', 'b'],
      from: 1,
      limit: 200,
    })
  })

  it('lets live events in by the rule of the search', () => {
    const selection = readSelection(params('q=Time OUT&service=a&severity=!1'))
    expect(matchesSelection(event({ message: 'a timeout, out of time' }), selection)).toBe(true)
    expect(matchesSelection(event({ message: 'a time' }), selection)).toBe(false)
    expect(matchesSelection(event({ message: 'time out', service: 'b' }), selection)).toBe(false)
    expect(matchesSelection(event({ message: 'time out', severity: 1 }), selection)).toBe(false)
  })
})

describe('its SQL', () => {
  it('says the same', () => {
    expect(selectionSql(readSelection(params('q=time&severity=4&service=!b')), range)).toBe(
      [
        'SELECT occurred_at, service, severity, message',
        'FROM events',
        'WHERE occurred_at >= fromUnixTimestamp64Milli(1000)',
        '  AND occurred_at < fromUnixTimestamp64Milli(2000)',
        "  AND positionCaseInsensitiveUTF8(message, 'time') > 0",
        '  AND severity IN (4)',
        "  AND service NOT IN ('b')",
        'ORDER BY occurred_at DESC',
        'LIMIT 200',
      ].join('\n'),
    )
  })

  it('keeps every value inside its quotes', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom("'", '\\', 'a', ')', '-', ' '),
          minLength: 1,
          maxLength: 12,
        }),
        (value) => {
          if (value.trim() === '') return
          const sql = selectionSql(
            { text: '', filters: [{ field: 'service', values: [value] }] },
            range,
          )
          // Taking every well-formed literal away must leave no quote behind.
          expect(sql.replace(/'(?:[^'\\]|\\.)*'/g, '')).not.toContain("'")
        },
      ),
    )
  })
})
