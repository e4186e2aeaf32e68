import type { DiffState } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import type { ComparedIncident, ReplayDifference } from '#/schemas/replay-view.ts'
import { followWork } from './follow-work.ts'
import type { Io } from './io.ts'
import { print, table, type Ask, type Sub } from './operate.ts'
import type { OptionValues } from './options.ts'
import { formatDuration } from './progress.ts'
import { parseRules, readSetting } from './rules-file.ts'

const PATH = '/api/operator/replay-diff'
const DAY_MS = 86_400_000

export const HISTORY_OPTION = {
  name: 'history-min',
  type: 'number',
  default: 1440,
  min: 0,
  about: 'minutes before --from that detectors learn from',
} as const

export const PROJECT_OPTION = {
  name: 'project',
  type: 'text',
  default: 'default',
  value: 'project',
  about: 'whose incidents',
} as const

/** `faultline replay diff`: exit code 0 for no difference, 3 for some, 1 when it could not be done. */
export const DIFF_COMMAND: Sub = {
  usage:
    'diff [--rules FILE] [--without field=value,…] [--from TIME] [--to TIME]   (incidents under changed rules; nothing is changed)',
  options: [
    {
      name: 'rules',
      type: 'text',
      value: 'file',
      about: 'what is changed: fingerprints, incidents, topology (JSON or YAML)',
    },
    {
      name: 'without',
      type: 'text',
      value: 'field=value',
      about:
        'leave these events out of the second run: release=v2.4.1, region=eu; several by commas',
    },
    { name: 'from', type: 'text', value: 'time', about: 'begin (default a day ago)' },
    { name: 'to', type: 'text', value: 'time', about: 'end (default now)' },
    HISTORY_OPTION,
    PROJECT_OPTION,
  ],
  async run({ ask, given, io }) {
    const rules = readSetting(given['rules'], checkedRules) ?? {}
    const without = String(given['without'] ?? '')
      .split(',')
      .filter((one) => one !== '')
    if (given['rules'] === undefined && without.length === 0)
      throw new FaultlineError('usage', 'replay diff needs --rules or --without')
    const nowMs = systemClock.nowMs()
    const to = timeOf(given['to'], '--to') ?? nowMs
    await ask('POST', PATH, {
      project: given['project'] ?? 'default',
      rules,
      without,
      from: timeOf(given['from'], '--from') ?? to - DAY_MS,
      to,
      history_min: given['history-min'] ?? 1440,
    })
    return report(await follow(ask, io), given, io)
  },
}

/** Checked here, so that the message names the file; sent as it is, and checked again there. */
function checkedRules(value: unknown): unknown {
  parseRules(value)
  return value
}

export function timeOf(value: unknown, name: string): number | undefined {
  if (typeof value !== 'string') return undefined
  const timeMs = Date.parse(value)
  if (Number.isFinite(timeMs)) return timeMs
  throw new FaultlineError('usage', `${name} takes a time like 2026-11-21T03:00:00Z, not ${value}`)
}

function follow(ask: Ask, io: Io): Promise<DiffState> {
  const read = async (): Promise<DiffState> => (await ask('GET', PATH)) as DiffState
  return followWork({ ask, io, name: 'comparison', unit: 'records', read, path: PATH })
}

const DIFFERENT = 3

function report(state: DiffState, given: OptionValues, io: Io): number {
  const { diff } = state
  if (diff === null) {
    print(io, given, state, () => `${state.phase}${state.error === '' ? '' : `: ${state.error}`}\n`)
    return 1
  }
  print(io, given, state, () => {
    const { before, after, matched, unchanged, differences } = diff
    const sums = `${before} incidents before, ${after} after; ${matched} matched, ${unchanged} of them unchanged\n`
    if (differences.length === 0) return `${sums}no difference\n`
    const rows = differences.map((one) => [one.kind, ...cellsOf(one)])
    return `${table(['difference', 'opened', 'incident', 'what'], rows)}\n${sums}`
  })
  return diff.differences.length === 0 ? 0 : DIFFERENT
}

function cellsOf(difference: ReplayDifference): [string, string, string] {
  switch (difference.kind) {
    case 'new':
      return [...nameOf(difference.after), `SEV${difference.after.level}`]
    case 'vanished':
      return [...nameOf(difference.before), `was SEV${difference.before.level}`]
    case 'split':
      return [...nameOf(difference.before), `into ${listOf(difference.into)}`]
    case 'merged':
      return [...nameOf(difference.after), `from ${listOf(difference.from)}`]
    case 'moved': {
      const direction = difference.byMs < 0 ? 'earlier' : 'later'
      const by = formatDuration(Math.abs(difference.byMs) / 1000)
      return [...nameOf(difference.before), `${by} ${direction}`]
    }
    case 'severity': {
      const { before, after } = difference
      const what = `SEV${before.level} → SEV${after.level}, score ${before.score} → ${after.score}`
      return [...nameOf(before), what]
    }
  }
}

const TITLE_CHARS = 60

function nameOf({ openedAt, title, services }: ComparedIncident): [string, string] {
  const name = title === '' ? services.join(', ') : plainTitle(title)
  // Titles are words of strangers: a terminal must not obey them.
  const plain = name.replaceAll(/\p{C}/gu, '.')
  return [new Date(openedAt).toISOString(), plain.slice(0, TITLE_CHARS)]
}

function listOf(incidents: readonly ComparedIncident[]): string {
  return incidents.map((one) => `${one.id.slice(0, 8)} (${one.evidence})`).join(' + ')
}
