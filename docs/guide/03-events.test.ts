import { describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import { LIMITS, canonicalize } from '#/schemas/event-input.ts'
import { FIELD_NAMES, FIELD_OF, SEVERITY_OF } from '#/schemas/event-input-fields.ts'
import { PAGES, blocks, code, firstCells, read } from './pages.ts'

const page = read('docs/events.md')

function refusal(event: unknown): string {
  const context = { project: 'default', nowMs: Date.UTC(2026, 10, 21), makeId: () => 'id' }
  const result = canonicalize(event, { ...context, typeOptional: true })
  return result.ok ? '' : result.message
}

describe('docs/events.md', () => {
  it('every example is an event', () => {
    const examples = blocks(page, 'json').flatMap((text): unknown => JSON.parse(text))
    expect(examples.length).toBeGreaterThan(3)
    expect(examples.map(refusal).filter((problem) => problem !== '')).toEqual([])
    expect(refusal({ event_type: 'error' })).not.toBe('')
  })

  it('what curl sends to the door in any page is an event', () => {
    const lines = PAGES.flatMap((name) => code(read(name))).filter((line) =>
      /curl .*\/(v1|api)\/events.* -d '/.test(line),
    )
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) {
      expect(refusal(JSON.parse(/ -d '([^']+)'/.exec(line)?.[1] ?? ''))).toBe('')
    }
  })

  it('the table has every field, the text every other spelling and every name of a severity', () => {
    const fields = FIELD_NAMES.filter((name) => name !== 'received_at')
    const shown = firstCells(page, 'field')
    expect(fields.filter((name) => !shown.includes(name))).toEqual([])
    expect(shown.filter((name) => name !== '' && !FIELD_OF.has(name))).toEqual([])
    const words = new Set(page.split(/[^\w]+/))
    expect([...FIELD_OF.keys(), ...SEVERITY_OF.keys()].filter((name) => !words.has(name))).toEqual(
      [],
    )
  })

  it('the limits are those of the code', () => {
    const table = page.split('| what | limit |')[1]?.split('\n\n')[0] ?? ''
    const cells = table.split('\n').map((line) => line.split('|')[2] ?? '')
    const numbers = new Set(cells.flatMap((cell) => cell.match(/\d+/g) ?? []).map(Number))
    const missing = Object.entries(LIMITS).filter(([, value]) => !numbers.has(value))
    expect(missing).toEqual([])
    const values = new Set<number>(Object.values(LIMITS))
    expect([...numbers].filter((number) => !values.has(number))).toEqual([])
  })

  it('codes are those of the catalogue', () => {
    const codes = [...page.matchAll(/^\| (\d{3}) \| (.+?) \|/gm)].flatMap(([, status, cell = '']) =>
      cell.split(', ').map((name) => ({ status: Number(status), name: name.replaceAll('`', '') })),
    )
    expect(codes.length).toBeGreaterThan(8)
    const catalogue: Readonly<Record<string, { status: number }>> = ERROR_CATALOGUE
    expect(codes.filter(({ status, name }) => catalogue[name]?.status !== status)).toEqual([])
  })
})
