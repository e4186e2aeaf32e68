import { SEVERITY_OF } from '#/schemas/event-input-fields.ts'

/**
 * Plain log lines as events. Lines that continue a stack trace join the entry before them; a leading time and a level
 * word are recognised in their common forms, everything else stays message.
 */
export interface LogEntry {
  message: string
  severity: number
  occurredAt: string | undefined
  stack: string
}

/** Names of levels that begin ordinary sentences as well. */
const PROSE = new Set([
  'low',
  'medium',
  'moderate',
  'high',
  'log',
  'information',
  'informational',
  'verbose',
])
const LEVELS = new Map([...SEVERITY_OF].filter(([name]) => !PROSE.has(name)))
// The head of a line only: a level word further in is prose.
const HEAD_CHARACTERS = 120
const TIME =
  /^\W?(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)\W*/
const WORD = /[A-Za-z]+/g
const CONTINUATION = /^(?:\s+\S|Caused by: |Traceback |\.\.\. \d+ more)/
const ENTRY_LINES_MAX = 1000

/** The severity a level word near the start of the line names; 2 (info) when there is none. */
export function severityOfLine(line: string): number {
  for (const [word] of line.slice(0, HEAD_CHARACTERS).matchAll(WORD)) {
    const severity = LEVELS.get(word.toLowerCase())
    if (severity !== undefined && (word === word.toUpperCase() || word.length > 3)) return severity
  }
  return 2
}

/** RFC 3339 in UTC of the time a line begins with; undefined when it begins with none. */
function timeOfLine(line: string): { time: string | undefined; rest: string } {
  const match = TIME.exec(line)
  if (match?.[1] === undefined) return { time: undefined, rest: line }
  const normal = match[1].replace(' ', 'T').replace(',', '.')
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(normal) ? normal : `${normal}Z`
  const milliseconds = Date.parse(zoned)
  if (!Number.isFinite(milliseconds)) return { time: undefined, rest: line }
  return { time: new Date(milliseconds).toISOString(), rest: line.slice(match[0].length) }
}

/** Groups lines into entries; give it each line, then `end()`. */
export function createLogReader(): {
  line(text: string): LogEntry | undefined
  end(): LogEntry | undefined
} {
  let head: string | undefined
  let continuation: string[] = []
  const take = (): LogEntry | undefined => {
    if (head === undefined) return undefined
    const { time, rest } = timeOfLine(head)
    const stack = continuation.length === 0 ? '' : [rest, ...continuation].join('\n')
    const entry = {
      message: rest === '' ? head : rest,
      severity: severityOfLine(head),
      occurredAt: time,
      stack,
    }
    head = undefined
    continuation = []
    return entry
  }
  return {
    line(text) {
      if (head !== undefined && CONTINUATION.test(text) && continuation.length < ENTRY_LINES_MAX) {
        continuation.push(text)
        return undefined
      }
      const before = take()
      if (text.trim() !== '') head = text
      return before
    },
    end: take,
  }
}

/** The entry as an event of this service. */
export function eventOfEntry(entry: LogEntry, service: string): Record<string, unknown> {
  return {
    event_type: entry.severity >= 4 ? 'error' : 'custom',
    service,
    severity: entry.severity,
    message: entry.message,
    ...(entry.occurredAt === undefined ? {} : { occurred_at: entry.occurredAt }),
    ...(entry.stack === '' ? {} : { stack: entry.stack }),
  }
}
