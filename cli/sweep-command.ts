import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { SweepResult, SweepState } from '#/schemas/sweep-view.ts'
import { followWork } from './follow-work.ts'
import type { Io } from './io.ts'
import { print, table, type Ask, type Sub } from './operate.ts'
import { HISTORY_OPTION, PROJECT_OPTION, timeOf } from './replay-diff-command.ts'

const PATH = '/api/operator/sweep'
const WEEK_MS = 7 * 86_400_000

/** `faultline replay sweep`: pages a week against missed incidents, value by value. */
export const SWEEP_COMMAND: Sub = {
  usage:
    'sweep [--setting evidence] [--values 0.5,1,2] [--from TIME] [--to TIME]   (pages against missed incidents; nothing is changed)',
  options: [
    {
      name: 'setting',
      type: 'text',
      default: 'evidence',
      value: 'name',
      about:
        'evidence (times what opens an incident), openNatsSpike, openNatsNovel or joinAffinity',
    },
    { name: 'values', type: 'text', value: 'numbers', about: 'at most eight, by commas' },
    {
      name: 'from',
      type: 'text',
      value: 'time',
      about: 'begin (default a day ago; sweep: a week)',
    },
    { name: 'to', type: 'text', value: 'time', about: 'end (default now)' },
    HISTORY_OPTION,
    {
      name: 'page-level',
      type: 'number',
      default: 3,
      min: 1,
      max: 5,
      about: 'an incident of this SEV or worse pages somebody',
    },
    PROJECT_OPTION,
  ],
  async run({ ask, given, io }) {
    const to = timeOf(given['to'], '--to') ?? systemClock.nowMs()
    await ask('POST', PATH, {
      project: given['project'] ?? 'default',
      setting: given['setting'] ?? 'evidence',
      ...(given['values'] === undefined ? {} : { values: numbersOf(String(given['values'])) }),
      from: timeOf(given['from'], '--from') ?? to - WEEK_MS,
      to,
      history_min: given['history-min'] ?? 1440,
      page_level: given['page-level'] ?? 3,
    })
    const state = await follow(ask, io)
    const { result } = state
    print(io, given, state, () =>
      result === null
        ? `${state.phase}${state.error === '' ? '' : `: ${state.error}`}\n`
        : sweepText(result),
    )
    return result === null ? 1 : 0
  },
}

function numbersOf(text: string): number[] {
  const numbers = text.split(',').map(Number)
  if (numbers.every((one) => Number.isFinite(one))) return numbers
  throw new FaultlineError('usage', `--values takes numbers by commas, not ${text}`)
}

function follow(ask: Ask, io: Io): Promise<SweepState> {
  const read = async (): Promise<SweepState> => (await ask('GET', PATH)) as SweepState
  return followWork({ ask, io, name: 'sweep', unit: 'records', read, path: PATH })
}

const BAR_CELLS = 20

export function sweepText(result: SweepResult): string {
  const { points, labelled, not_reproduced: unknown, setting } = result
  const most = Math.max(1, ...points.map((point) => point.pages_per_week))
  const rows = points.map((point) => [
    `${point.in_force ? '→ ' : '  '}${point.value}`,
    String(point.incidents),
    String(point.pages_per_week),
    '█'.repeat(Math.round((point.pages_per_week / most) * BAR_CELLS)),
    `${point.real_missed} of ${point.real_found + point.real_missed}`,
    String(point.noise_found),
    String(point.duplicates_found),
  ])
  const head = [setting, 'incidents', 'pages/week', '', 'missed real', 'noise', 'duplicates']
  const { real, noise, duplicate } = labelled
  const lines = [
    `labelled: ${real} real, ${noise} noise, ${duplicate} duplicate; → is what holds now`,
    ...(unknown === 0
      ? []
      : [`${unknown} of them are not found in the telemetry by the rules in force either`]),
    ...(real + noise + duplicate === 0
      ? ['nobody labelled an incident of this time: what is missed cannot be told']
      : []),
  ]
  return `${table(head, rows)}\n${lines.join('\n')}\n`
}
