import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { SilenceMatch } from '#/processors/domain/incident/silence.ts'
import { operatorCommand, print, table } from './operate.ts'
import type { OptionSpec, OptionValues } from './options.ts'

const PROJECT: OptionSpec = {
  name: 'project',
  type: 'text',
  default: 'default',
  value: 'project',
  about: 'the project it holds in',
}
const WHAT: readonly OptionSpec[] = [
  { name: 'service', type: 'text', value: 'glob', about: 'services it covers' },
  { name: 'fingerprint', type: 'text', value: 'glob', about: 'issues it covers, by their id' },
  { name: 'environment', type: 'text', value: 'glob', about: 'environments it covers' },
]
const WHEN: readonly OptionSpec[] = [
  { name: 'minutes', type: 'number', value: 'count', about: 'how long it holds' },
  { name: 'until', type: 'text', value: 'time', about: 'when it ends, instead of --minutes' },
  { name: 'from', type: 'text', value: 'time', about: 'when it begins (default now)' },
  { name: 'reason', type: 'text', value: 'text', about: 'why: it is shown with what it mutes' },
]

interface SilenceView {
  id: string
  state: string
  match: SilenceMatch
  from: number
  until: number
  actor: string
  reason: string
}

const inProject = (path: string, given: OptionValues): string =>
  `${path}?project=${encodeURIComponent(String(given['project'] ?? 'default'))}`

const time = (ms: number): string => new Date(ms).toISOString()

function endOf(given: OptionValues, nowMs: number): unknown {
  const { minutes, until, from } = given
  if ((minutes === undefined) === (until === undefined))
    throw new FaultlineError('usage', 'say when it ends: --minutes or --until', {
      remedy: 'faultline silences add --service cart --minutes 60 --reason "moving the database"',
    })
  if (until !== undefined) return until
  const begins = from === undefined ? nowMs : Date.parse(String(from))
  if (Number.isNaN(begins)) throw new FaultlineError('usage', `--from ${String(from)} is no time`)
  return begins + Number(minutes) * 60_000
}

function textOf(items: readonly SilenceView[]): string {
  if (items.length === 0) return 'no silences\n'
  const rows = items.map(({ id, state, match, from, until, actor, reason }) => [
    id,
    state,
    Object.entries(match)
      .map(([field, glob]) => `${field}=${glob}`)
      .join(' '),
    time(from),
    time(until),
    actor,
    reason,
  ])
  return table(['id', 'state', 'covers', 'from', 'until', 'by', 'why'], rows)
}

export const silencesCommand = operatorCommand(
  'silences',
  'Silences and maintenance windows: what matches still counts and is shown, nobody is notified.',
  {
    add: {
      usage: 'add --service GLOB … --minutes COUNT --reason TEXT',
      options: [PROJECT, ...WHAT, ...WHEN],
      async run({ ask, given, io }) {
        const body: Record<string, unknown> = { until: endOf(given, systemClock.nowMs()) }
        for (const name of ['service', 'fingerprint', 'environment', 'from', 'reason'])
          if (given[name] !== undefined) body[name] = given[name]
        const answer = (await ask('POST', inProject('/api/silences', given), body)) as SilenceView
        return print(io, given, answer, () => `${answer.id} until ${time(answer.until)}\n`)
      },
    },
    list: {
      usage: 'list [--project default]',
      options: [PROJECT],
      async run({ ask, given, io }) {
        const answer = (await ask('GET', inProject('/api/silences', given))) as {
          items: readonly SilenceView[]
        }
        return print(io, given, answer, () => textOf(answer.items))
      },
    },
    remove: {
      usage: 'remove ID',
      options: [PROJECT],
      async run({ ask, given, positional, io }) {
        const [id] = positional
        if (id === undefined)
          throw new FaultlineError('usage', 'silences remove takes the id of a silence', {
            remedy: 'see: faultline silences list',
          })
        const path = inProject(`/api/silences/${encodeURIComponent(id)}`, given)
        const answer = await ask('DELETE', path)
        return print(io, given, answer, () => `removed ${id}\n`)
      },
    },
  },
)
