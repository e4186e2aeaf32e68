import { describe, expect, it } from 'vitest'
import { applyMapping, parseMapping } from './field-mapping.ts'
import { createLogReader, eventOfEntry, severityOfLine, type LogEntry } from './log-lines.ts'

function read(text: string): LogEntry[] {
  const reader = createLogReader()
  const entries = text.split('\n').map((line) => reader.line(line))
  return [...entries, reader.end()].filter((entry) => entry !== undefined)
}

describe('plain log lines', () => {
  it('[A18] a trace joins the line before it and the time becomes occurred_at', () => {
    const entries = read(
      '2026-03-01 10:00:00,250 ERROR pool exhausted\n\tat app.Pool.take(Pool.java:3)\nCaused by: java.io.IOException\n2026-03-01T10:00:01Z INFO ok',
    )
    expect(entries).toHaveLength(2)
    expect(entries[0]).toMatchObject({ severity: 4, occurredAt: '2026-03-01T10:00:00.250Z' })
    expect(entries[0]?.stack.split('\n')).toHaveLength(3)
    expect(eventOfEntry(entries[0]!, 'shop')).toMatchObject({
      event_type: 'error',
      service: 'shop',
    })
    expect(eventOfEntry(entries[1]!, 'shop')).toMatchObject({ event_type: 'custom', severity: 2 })
  })

  it.each([
    ['[error] disk full', 4],
    ['W0301 something', 2],
    ['WARN  low memory', 3],
    ['fatal: cannot open', 5],
    ['no level here', 2],
    ['INFO handled error of user', 2],
  ])('%s has severity %i', (line, severity) => {
    expect(severityOfLine(line)).toBe(severity)
  })

  it('a line without a time, an impossible time and an empty file are no errors', () => {
    expect(read('')).toEqual([])
    expect(read('2026-99-99 10:00:00 x')[0]?.occurredAt).toBeUndefined()
    expect(read('plain')[0]).toMatchObject({ message: 'plain', occurredAt: undefined, stack: '' })
  })

  it('mapping renames and sets fields and keeps the others', () => {
    const mapping = parseMapping('occurred_at=ts,host=pod', 'environment=lab')
    expect(applyMapping({ ts: 5, pod: 'p', extra: 1 }, mapping)).toEqual({
      occurred_at: 5,
      host: 'p',
      environment: 'lab',
      extra: 1,
    })
    expect(applyMapping([1], mapping)).toEqual([1])
    expect(() => parseMapping('nonsense', undefined)).toThrow(/field=value/)
  })
})
