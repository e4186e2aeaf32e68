import { FaultlineError } from '#/kernel/errors.ts'
import type {
  DetectorBacktest,
  DetectorBacktestState,
  DetectorView,
  WarningView,
} from '#/schemas/detector-view.ts'
import { followWork } from './follow-work.ts'
import type { Io } from './io.ts'
import { operatorCommand, print, table, type Ask, type Sub } from './operate.ts'
import type { OptionSpec, OptionValues } from './options.ts'
import { formatDuration } from './progress.ts'
import { readSetting } from './rules-file.ts'

const PROJECT: OptionSpec = {
  name: 'project',
  type: 'text',
  default: 'default',
  value: 'project',
  about: 'whose events',
}
const NAME: OptionSpec = {
  name: 'name',
  type: 'text',
  value: 'text',
  about: 'what it looks for: it begins the sentence of each alert',
}
const PATH = '/api/detectors'
const BACKTESTS = '/api/detectors/backtests'
const SHOWN = 20

const inProject = (path: string, given: OptionValues): string => {
  const mark = path.includes('?') ? '&' : '?'
  return `${path}${mark}project=${encodeURIComponent(String(given['project'] ?? 'default'))}`
}

const time = (ms: number): string => (ms === 0 ? '–' : new Date(ms).toISOString().slice(0, 16))

/** The words of strangers: a terminal must not obey them. */
const plain = (text: string): string => text.replaceAll(/\p{C}/gu, '.')

function fileOf(positional: readonly string[]): unknown {
  const [path] = positional
  if (path === undefined)
    throw new FaultlineError('usage', 'name a file with the detector (JSON or YAML)', {
      remedy: 'for example: sql: SELECT count() AS value FROM events, sign: ">", value: 10',
    })
  return readSetting(path, (value) => value)
}

function follow(ask: Ask, given: OptionValues, io: Io): Promise<DetectorBacktestState> {
  const path = inProject(BACKTESTS, given)
  const read = async (): Promise<DetectorBacktestState> =>
    ((await ask('GET', path)) as { state: DetectorBacktestState }).state
  return followWork({ ask, io, name: 'back-test', unit: 'windows', read, path })
}

export function backtestText(backtest: DetectorBacktest): string {
  const { warned, firings, firings_total: total } = backtest
  const days = formatDuration((backtest.to - backtest.from) / 1000)
  const lines = [
    `${total} firings in ${days} (${backtest.per_day} a day) over ${backtest.events.toLocaleString('en')} events`,
    `${backtest.firings_met} of them overlap with a known incident; ${backtest.incidents_met} of ${backtest.incidents} incidents are met`,
    precisionText(warned),
  ]
  if (backtest.windows_failed > 0)
    lines.push(`${backtest.windows_failed} windows failed: ${plain(backtest.problem)}`)
  if (backtest.events === 0) lines.push('there are no events in the range: this says nothing')
  const rows = firings
    .slice(-SHOWN)
    .map(({ at, sentence, incident }) => [time(at), plain(sentence), incident?.slice(0, 8) ?? ''])
  const list = rows.length === 0 ? '' : `${table(['fired', 'why', 'incident'], rows)}\n`
  return `${list}${lines.join('\n')}\n`
}

function precisionText({
  precision,
  hits,
  during,
  within_min: within,
  lead_min: lead,
}: DetectorBacktest['warned']): string {
  if (precision === null) return 'as a warning: it never fired'
  const percent = Math.round(precision * 100)
  const ahead = lead === null ? '' : `, ${lead} min ahead in the median`
  return `as a warning: ${percent} % (${hits}) were followed by an incident within ${within} min${ahead}; ${during} came while one of the service was open`
}

function listText(items: readonly DetectorView[]): string {
  const rows = items.map(({ id, name, spec, active, backtest, fired_total, fired_at, problem }) => [
    id,
    active ? 'on' : 'off',
    plain(name),
    spec.effect,
    backtest === null ? 'no back-test' : `${backtest.per_day} a day`,
    String(fired_total),
    time(fired_at),
    plain(problem),
  ])
  return table(['id', 'state', 'name', 'effect', 'back-test', 'fired', 'last', 'problem'], rows)
}

const change = (verb: 'on' | 'off' | 'remove', about: string): Sub => ({
  usage: `${verb} ID   (${about})`,
  options: [PROJECT],
  async run({ ask, given, positional, io }) {
    const [id] = positional
    if (id === undefined)
      throw new FaultlineError('usage', `detectors ${verb} takes the id of a detector`, {
        remedy: 'see: faultline detectors list',
      })
    const one = `${PATH}/${encodeURIComponent(id)}`
    const answer =
      verb === 'remove'
        ? await ask('DELETE', inProject(one, given))
        : await ask('POST', inProject(`${one}/${verb}`, given))
    return print(io, given, answer, () => `${id} is ${verb === 'remove' ? 'removed' : verb}\n`)
  },
})

export const detectorsCommand = operatorCommand(
  'detectors',
  'Detectors that are a SELECT of your own: back-tested over recorded events before they are switched on.',
  {
    list: {
      usage: 'list [--project default]',
      options: [PROJECT],
      async run({ ask, given, io }) {
        const answer = (await ask('GET', inProject(PATH, given))) as { items: DetectorView[] }
        return print(io, given, answer, () => listText(answer.items))
      },
    },
    backtest: {
      usage: 'backtest FILE | --id ID [--days 7]   (when it would have fired; nothing is changed)',
      options: [
        PROJECT,
        NAME,
        { name: 'id', type: 'text', value: 'id', about: 'one that is there, as early-warning' },
        { name: 'days', type: 'number', default: 7, min: 1, max: 30, about: 'days to look back' },
      ],
      async run({ ask, given, positional, io }) {
        const { id, name } = given
        const what = id === undefined ? { detector: fileOf(positional) } : { id }
        const named = name === undefined ? {} : { name }
        await ask('POST', inProject(BACKTESTS, given), { ...what, ...named, days: given['days'] })
        const state = await follow(ask, given, io)
        print(io, given, state, () =>
          state.backtest === null
            ? `${state.phase}${state.error === '' ? '' : `: ${state.error}`}\n`
            : backtestText(state.backtest),
        )
        return state.phase === 'done' ? 0 : 1
      },
    },
    save: {
      usage: 'save FILE --name TEXT   (after a back-test of exactly this text; off at first)',
      options: [PROJECT, NAME],
      async run({ ask, given, positional, io }) {
        const body = { name: given['name'] ?? '', detector: fileOf(positional) }
        const answer = (await ask('POST', inProject(PATH, given), body)) as DetectorView
        return print(io, given, answer, () => `saved as ${answer.id}, off\n`)
      },
    },
    on: change('on', 'it looks at each window from now on'),
    off: change('off', 'it stops looking'),
    remove: change('remove', 'it is gone'),
    warnings: {
      usage: 'warnings [--hours 24]   (what experimental detectors warned of)',
      options: [
        PROJECT,
        { name: 'hours', type: 'number', default: 24, min: 1, about: 'how far back to look' },
      ],
      async run({ ask, given, io }) {
        const path = inProject(`/api/warnings?from=-${Number(given['hours'] ?? 24)}h`, given)
        const answer = (await ask('GET', path)) as { items: WarningView[] }
        const rows = answer.items.map(({ at, sentence }) => [time(at), plain(sentence)])
        return print(io, given, answer, () =>
          rows.length === 0 ? 'no warnings\n' : table(['at', 'warning'], rows),
        )
      },
    },
  },
)
