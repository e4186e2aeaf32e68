import { createReadStream } from 'node:fs'
import { messageOf } from '#/kernel/errors.ts'
import {
  createGrouper,
  type Grouper,
  type GroupInput,
} from '#/processors/domain/grouping/fingerprint.ts'
import type { Frame } from '#/processors/domain/grouping/stack-frame.ts'
import { createTemplateMiner } from '#/processors/domain/grouping/template-miner.ts'
import { readCsv } from './csv.ts'
import { writeData, type Io } from './io.ts'

const HELP = `Group log lines or stack traces, without a running platform.

Usage: npx faultline group INPUT

INPUT is a file or - for stdin: a CSV with a column Content (and, if there is one, LineId), plain lines, or
JSON lines with message, stack, type, service, … Each entry gives one JSON line:
{"line", "group", "announced", "template", "params"}, with "id" in front when the entry has one.
"group" is what the entry's group is called at the end of the input, "announced" what it was called on arrival.

  --help   show this
`

/** Characters of input held in memory; more is refused, not cut. */
const INPUT_CHARS_MAX = 400_000_000
const WRITE_CHARS = 65_536

interface Entry {
  line: number
  id?: string | number
  group: string
  announced: string
  template?: string
  params: unknown
}

/** `faultline group INPUT`: exit code 0 done, 1 the input cannot be read, 2 wrong usage. */
export async function groupCommand(args: string[], io: Io): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(HELP)
    return 0
  }
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '-')
  if (unknown !== undefined || args.length !== 1) {
    const problem = unknown === undefined ? 'give one INPUT' : `unknown option ${unknown}`
    io.stderr.write(`faultline group: ${problem}; see faultline group --help\n`)
    return 2
  }
  try {
    const text = await readAll(args[0] as string, io)
    await writeEntries(groupText(text), io)
    return 0
  } catch (error) {
    io.stderr.write(`faultline group: ${messageOf(error)}\n`)
    return 1
  }
}

async function readAll(input: string, io: Io): Promise<string> {
  const stream = input === '-' ? io.stdin : createReadStream(input)
  const decoder = new TextDecoder()
  const pieces: string[] = []
  let length = 0
  for await (const chunk of stream) {
    const piece =
      typeof chunk === 'string' ? chunk : decoder.decode(chunk as Buffer, { stream: true })
    length += piece.length
    if (length > INPUT_CHARS_MAX)
      throw new Error(`the input has more than ${INPUT_CHARS_MAX} characters; split it`)
    pieces.push(piece)
  }
  pieces.push(decoder.decode())
  const text = pieces.join('')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

async function writeEntries(entries: Iterable<Entry>, io: Io): Promise<void> {
  let pending = ''
  for (const entry of entries) {
    pending += `${JSON.stringify(entry)}\n`
    if (pending.length < WRITE_CHARS) continue
    await writeData(pending, io)
    pending = ''
  }
  await writeData(pending, io)
}

function groupText(text: string): Entry[] {
  const end = text.indexOf('\n')
  const firstLine = (end < 0 ? text : text.slice(0, end)).trim()
  if (firstLine.startsWith('{')) return groupJsonLines(text)
  if (firstLine.split(',').some((name) => name.trim().replaceAll('"', '') === 'Content'))
    return groupCsv(text)
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return groupMessages(
    lines.map((message, at) => ({ line: at + 1, message: message.replace(/\r$/u, '') })),
  )
}

function groupCsv(text: string): Entry[] {
  const rows = readCsv(text)
  const header = rows[0] ?? []
  const content = header.indexOf('Content')
  const lineId = header.indexOf('LineId')
  return groupMessages(
    rows.slice(1).map((row, at) => ({
      line: lineId < 0 ? at + 1 : Number(row[lineId]),
      message: row[content] ?? '',
    })),
  )
}

function groupMessages(messages: readonly { line: number; message: string }[]): Entry[] {
  const miner = createTemplateMiner()
  const learned = messages.map(({ message }) => miner.learn(message))
  return learned.map(({ id, announced, params, template }, at) => {
    const group = miner.canonical(id)
    return {
      line: messages[at]?.line ?? at + 1,
      group,
      announced,
      template: miner.templateOf(group) ?? template,
      params,
    }
  })
}

function groupJsonLines(text: string): Entry[] {
  const groupers = new Map<string, Grouper>()
  const renamed = new Map<string, string>()
  const entries: Entry[] = []
  const lines = text.split('\n')
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue
    const event = parseLine(line, at + 1)
    const service = textOf(event['service']) ?? ''
    let grouper = groupers.get(service)
    if (grouper === undefined) groupers.set(service, (grouper = createGrouper()))
    const grouped = grouper.group(inputOf(event))
    for (const { from, to } of grouped.aliases ?? []) renamed.set(from, to)
    const id = event['id'] ?? event['event_id']
    entries.push({
      ...(typeof id === 'string' || typeof id === 'number' ? { id } : {}),
      line: at + 1,
      group: grouped.fingerprint,
      announced: grouped.announced,
      ...(grouped.template === undefined ? {} : { template: grouped.template }),
      params: grouped.params,
    })
  }
  for (const entry of entries) entry.group = settle(entry.group, renamed)
  return entries
}

function settle(group: string, renamed: ReadonlyMap<string, string>): string {
  let settled = group
  for (let next = renamed.get(settled); next !== undefined; next = renamed.get(settled))
    settled = next
  return settled
}

function parseLine(line: string, number: number): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch (error) {
    throw new Error(`line ${number} is not JSON: ${messageOf(error)}`, { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error(`line ${number} is not a JSON object`)
  return parsed as Record<string, unknown>
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/** The names of an event at the door, and the shorter ones of collections of stack traces. */
function inputOf(event: Record<string, unknown>): GroupInput {
  const input: GroupInput = { environment: textOf(event['environment']) ?? 'prod' }
  const message = textOf(event['message'])
  const type = textOf(event['error_type']) ?? textOf(event['type'])
  const code = textOf(event['error_code'])
  const route = textOf(event['route'])
  const stack = event['stack']
  if (message !== undefined) input.message = message
  if (type !== undefined) input.error_type = type
  if (code !== undefined) input.error_code = code
  if (route !== undefined) input.route = route
  if (typeof stack === 'string') input.stack = stack
  else if (Array.isArray(stack)) input.frames = stack as Frame[]
  return input
}
