import { createInterface } from 'node:readline'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { applyMapping, parseMapping, type FieldMapping } from './field-mapping.ts'
import type { Command, Io } from './io.ts'
import { createLogReader, eventOfEntry } from './log-lines.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { createBatches, watchQuiet, type Batches } from './ingest-batches.ts'
import { createProgress, type Progress } from './progress.ts'
import { createSender } from './sender.ts'
import { openSource, type Source } from './source.ts'
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
Lines that are refused are counted and the first ones shown; the exit code is then 1. What comes through a pipe is
sent when the batch is full or nothing has come for a second.

${describeOptions(OPTIONS)}
`

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
    /** Whether what a line gives is what stood before it. */
    isBehind: options.format === 'logs',
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
  const onInterrupt = (): void => {
    stop.abort()
    // A pipe may stay open and silent.
    source.stream.destroy(new Error('stopped'))
  }
  process.once('SIGINT', onInterrupt)

  const parser = createLineParser({ format, service: text('service'), mapping })
  const batches = createBatches({
    send: (events) => sender.send(events, stop.signal),
    onRefused: complaintsOn(io),
    batchMax: Number(given['batch'] ?? 1000),
  })
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit: 'events' })
  const finish = (where: string): void => {
    const { accepted, rejected } = batches
    const count = accepted.toLocaleString('en')
    progress.finish(`${count} events accepted, ${rejected} refused${where}`)
  }
  const stopped = (): string => ` — stopped; everything up to line ${batches.sentTo} was sent`
  try {
    await readAll({ source, parser, batches, progress, signal: stop.signal })
  } catch (error) {
    if (!stop.signal.aborted) {
      finish(stopped())
      throw error
    }
  } finally {
    process.off('SIGINT', onInterrupt)
  }
  finish(stop.signal.aborted ? stopped() : '')
  return stop.signal.aborted || batches.rejected > 0 ? 1 : 0
}

function complaintsOn(io: Io): (line: number, text: string) => void {
  let shown = 0
  return (line, text) => {
    shown += 1
    if (shown <= SHOWN_MAX) io.stderr.write(`\nline ${line}: ${text}\n`)
  }
}

async function readAll(given: {
  source: Source
  parser: ReturnType<typeof createLineParser>
  batches: Batches
  progress: Progress
  signal: AbortSignal
}): Promise<void> {
  const { source, parser, batches, progress, signal } = given
  let line = 0
  const ended = new AbortController()
  const addRest = async (): Promise<void> => {
    const last = parser.end()
    if (last !== undefined) await batches.add(last, line, 0)
    await batches.flush()
  }
  const watch = watchQuiet({
    clock: systemClock,
    signal: ended.signal,
    count: () => line,
    onQuiet: addRest,
  }).catch((error: unknown) => void source.stream.destroy(error as Error))
  try {
    const input = source.stream
    for await (const raw of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (signal.aborted) return
      line += 1
      let event: unknown
      try {
        event = parser.line(raw)
      } catch (error) {
        batches.refuse(line, `not JSON: ${messageOf(error)}`)
        continue
      }
      // A log entry is known to be whole when the next one begins.
      const end = parser.isBehind ? line - 1 : line
      if (event !== undefined) await batches.add(event, end, raw.length)
      progress.update({
        done: source.bytesRead(),
        total: source.bytesTotal,
        items: batches.accepted,
      })
    }
    if (!signal.aborted) await addRest()
  } finally {
    ended.abort()
    await watch
  }
}
