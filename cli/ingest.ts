import { createInterface } from 'node:readline'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { applyMapping, parseMapping, type FieldMapping } from './field-mapping.ts'
import type { Command, Io } from './io.ts'
import { createLogReader, eventOfEntry } from './log-lines.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { createProgress } from './progress.ts'
import { createSender } from './sender.ts'
import { openSource } from './source.ts'
import { TARGET_OPTIONS, targetOf } from './target.ts'

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'format',
    type: 'text',
    default: 'events',
    choices: ['events', 'logs'],
    value: 'format',
    about: 'events: one JSON object a line; logs: plain lines',
  },
  {
    name: 'service',
    type: 'text',
    value: 'name',
    about: 'service of plain lines, and of events that name none',
  },
  {
    name: 'map',
    type: 'text',
    value: 'pairs',
    about: 'fields of a foreign shape: occurred_at=ts,host=pod',
  },
  {
    name: 'set',
    type: 'text',
    value: 'pairs',
    about: 'fixed fields: environment=staging,event_type=error',
  },
  {
    name: 'batch',
    type: 'number',
    default: 1000,
    min: 1,
    max: 10_000,
    value: 'events',
    about: 'events per request',
  },
  ...TARGET_OPTIONS,
]

const HELP = `Usage: faultline ingest FILE|- [options]

Sends a file (also gzipped, by its name) or standard input, in order, and waits for every acknowledgement.
Lines that are refused are counted and the first ones shown; the exit code is then 1.

${describeOptions(OPTIONS)}
`

// A request stays well under the door's limit for bodies.
const BATCH_BYTES_MAX = 4 << 20
const SHOWN_MAX = 5

/** Turns lines into events; a line that is no JSON comes out as the error to report. */
function createLineParser(options: {
  format: string
  service: string | undefined
  mapping: FieldMapping
}) {
  const logs = createLogReader()
  const fromEntry = (entry: ReturnType<typeof logs.end>): unknown =>
    entry === undefined
      ? undefined
      : applyMapping(eventOfEntry(entry, options.service ?? 'logs'), options.mapping)
  return {
    line(text: string): unknown {
      if (options.format === 'logs') return fromEntry(logs.line(text))
      if (text.trim() === '') return undefined
      const event = applyMapping(JSON.parse(text), options.mapping)
      if (options.service === undefined || typeof event !== 'object' || event === null) return event
      return { service: options.service, ...event }
    },
    end: (): unknown => (options.format === 'logs' ? fromEntry(logs.end()) : undefined),
  }
}

/** Sends events in batches and keeps count of what came back. */
function createBatcher(
  send: (
    events: unknown[],
  ) => Promise<{ accepted: number; rejected: readonly { index: number; message: string }[] }>,
  io: Io,
  batchMax: number,
) {
  let batch: unknown[] = []
  let lines: number[] = []
  let bytes = 0
  const totals = { accepted: 0, rejected: 0 }
  const complain = (line: number, text: string): void => {
    totals.rejected += 1
    if (totals.rejected <= SHOWN_MAX) io.stderr.write(`\nline ${line}: ${text}\n`)
  }
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    const [events, numbers] = [batch, lines]
    batch = []
    lines = []
    bytes = 0
    const answer = await send(events)
    totals.accepted += answer.accepted
    for (const { index, message } of answer.rejected) complain(numbers[index] ?? 0, message)
  }
  return {
    totals,
    complain,
    flush,
    async add(event: unknown, line: number, size: number): Promise<void> {
      batch.push(event)
      lines.push(line)
      bytes += size
      if (batch.length >= batchMax || bytes >= BATCH_BYTES_MAX) await flush()
    },
  }
}

export const ingestCommand: Command = async (args, io) => {
  const { given, help, positional } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  const [path] = positional
  if (path === undefined || positional.length > 1)
    throw new FaultlineError('usage', 'ingest takes one file, or - for standard input')
  const text = (name: string): string | undefined =>
    typeof given[name] === 'string' ? given[name] : undefined
  const format = text('format') ?? 'events'
  const mapping = parseMapping(text('map'), text('set'))
  const sender = createSender({ ...targetOf(given), clock: systemClock, random: systemRandom })
  const source = openSource(path, io)
  const stop = new AbortController()
  const onInterrupt = (): void => stop.abort()
  process.once('SIGINT', onInterrupt)

  const parser = createLineParser({ format, service: text('service'), mapping })
  const batcher = createBatcher(
    (events) => sender.send(events, stop.signal),
    io,
    Number(given['batch'] ?? 1000),
  )
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit: 'events' })
  let line = 0
  try {
    for await (const raw of createInterface({
      input: source.stream,
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      if (stop.signal.aborted) break
      line += 1
      let event: unknown
      try {
        event = parser.line(raw)
      } catch (error) {
        batcher.complain(line, `not JSON: ${messageOf(error)}`)
        continue
      }
      if (event !== undefined) await batcher.add(event, line, raw.length)
      progress.update({
        done: source.bytesRead(),
        total: source.bytesTotal,
        items: batcher.totals.accepted,
      })
    }
    const last = parser.end()
    if (last !== undefined && !stop.signal.aborted) await batcher.add(last, line, 0)
    if (!stop.signal.aborted) await batcher.flush()
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    process.off('SIGINT', onInterrupt)
  }
  const { accepted, rejected } = batcher.totals
  const where = stop.signal.aborted
    ? ` — stopped at line ${line}; everything counted as accepted is safe`
    : ''
  progress.finish(`${accepted.toLocaleString('en')} events accepted, ${rejected} refused${where}`)
  return stop.signal.aborted || rejected > 0 ? 1 : 0
}
