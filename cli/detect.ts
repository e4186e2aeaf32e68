import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { COUNT_THRESHOLD, createCountDetector } from '#/processors/domain/spike/count-detector.ts'
import { createSeriesDetector } from '#/processors/domain/spike/series-detector.ts'
import type { Io } from './io.ts'

const HELP = `Find anomalies in a series, without a running platform.

Usage: npx faultline detect --series INPUT
       npx faultline detect --series INPUT --counts

INPUT is a CSV file, or - for stdin, in order of time; a first line without numbers is its header.
  --series INPUT   timestamp,value → timestamp,value,anomaly_score (0 to 1). A timestamp is RFC 3339,
                   "2026-01-05 13:00:00" (UTC), or seconds or milliseconds since 1970.
  --counts         minute,count → minute,count,score,alert. A minute is a whole number or a timestamp;
                   minutes left out had no events. The score is in nats against chance, alert is 1 from
                   ${COUNT_THRESHOLD} on: about one false alert per 100 days.
  --help           show this
`

interface DetectOptions {
  input: string
  counts: boolean
}

/** `faultline detect`: exit code 0 done, 1 the input cannot be read, 2 wrong usage. */
export async function detectCommand(args: string[], io: Io): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(HELP)
    return 0
  }
  const options = readOptions(args)
  if (typeof options === 'string') {
    io.stderr.write(`faultline detect: ${options}; see faultline detect --help\n`)
    return 2
  }
  try {
    await detect(options, io)
    return 0
  } catch (error) {
    io.stderr.write(`faultline detect: ${messageOf(error)}\n`)
    return 1
  }
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): DetectOptions | string {
  let input: string | undefined
  let counts = false
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] as string
    if (arg === '--counts') counts = true
    else if (arg === '--series') {
      index += 1
      if (input !== undefined || args[index] === undefined) return 'give one --series INPUT'
      input = args[index]
    } else if (arg.startsWith('--series=')) {
      if (input !== undefined) return 'give one --series INPUT'
      input = arg.slice('--series='.length)
    } else if (arg.startsWith('-') && arg !== '-') return `unknown option ${arg}`
    else if (input === undefined) input = arg
    else return 'give one INPUT'
  }
  return input === undefined || input === '' ? 'give --series INPUT' : { input, counts }
}

async function detect(options: DetectOptions, io: Io): Promise<void> {
  const source = options.input === '-' ? io.stdin : createReadStream(options.input)
  // Without this a file that cannot be opened ends the process instead of the command.
  const failed = new Promise<never>((_, reject) => source.once('error', reject))
  failed.catch(() => undefined)
  const score = options.counts ? countScorer() : seriesScorer()
  const lines = createInterface({ input: source, crlfDelay: Infinity })[Symbol.asyncIterator]()
  let lineNumber = 0
  let hasBegun = false
  for (;;) {
    const next = await Promise.race([lines.next(), failed])
    if (next.done === true) return
    lineNumber += 1
    const line = lineNumber === 1 ? next.value.replace(/^\uFEFF/, '') : next.value
    if (line.trim() === '') continue
    const fields = line.split(',').map((field) => field.trim().replaceAll('"', ''))
    if (!hasBegun) {
      hasBegun = true
      await write(score.header, io)
      if (fields.every((field) => !/^[-+.]?\d/.test(field))) continue
    }
    await write(`${score.row(fields, lineNumber)}\n`, io)
  }
}

interface Scorer {
  header: string
  row(fields: readonly string[], lineNumber: number): string
}

function seriesScorer(): Scorer {
  const detector = createSeriesDetector()
  return {
    header: 'timestamp,value,anomaly_score\n',
    row([time = '', text = ''], lineNumber) {
      const timestampMs = readTime(time)
      if (timestampMs === undefined) throw badField('timestamp', time, lineNumber)
      const value = readNumber(text)
      if (value === undefined) throw badField('value', text, lineNumber)
      return `${time},${text},${detector.update(value, timestampMs)}`
    },
  }
}

function countScorer(): Scorer {
  const detector = createCountDetector()
  let last = -Infinity
  return {
    header: 'minute,count,score,alert\n',
    row([time = '', text = ''], lineNumber) {
      const minute = readMinute(time)
      if (minute === undefined) throw badField('minute', time, lineNumber)
      if (minute <= last) throw badField('minute (they must go up)', time, lineNumber)
      const count = readNumber(text)
      if (count === undefined || count < 0) throw badField('count', text, lineNumber)
      last = minute
      const score = detector.update(count, minute)
      return `${time},${text},${score},${score >= COUNT_THRESHOLD ? 1 : 0}`
    },
  }
}

function badField(name: string, text: string, lineNumber: number): FaultlineError {
  return new FaultlineError(
    'invalid_request',
    `line ${lineNumber}: ${JSON.stringify(text.slice(0, 80))} is no ${name}`,
  )
}

function readNumber(text: string): number | undefined {
  if (text === '') return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** A later number would be seconds of the year 5138; earlier ones in milliseconds are of before 1973. */
const SECONDS_MAX = 1e11

function readTime(text: string): number | undefined {
  const value = readNumber(text)
  if (value !== undefined) return Math.abs(value) < SECONDS_MAX ? value * 1000 : value
  const bare = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?$/.exec(text)
  const timestampMs = Date.parse(bare === null ? text : `${bare[1]}T${bare[2] ?? '00:00'}Z`)
  return Number.isFinite(timestampMs) ? timestampMs : undefined
}

function readMinute(text: string): number | undefined {
  const value = readNumber(text)
  if (value !== undefined) return Number.isSafeInteger(value) ? value : undefined
  const timestampMs = readTime(text)
  return timestampMs === undefined ? undefined : Math.floor(timestampMs / 60_000)
}

function write(text: string, io: Io): Promise<void> | undefined {
  if (io.stdout.write(text)) return undefined
  return new Promise((resolve) => io.stdout.once('drain', () => resolve()))
}
