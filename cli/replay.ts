import { createInterface } from 'node:readline/promises'
import type { ReplayState } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Io } from './io.ts'
import { operatorCommand, print, table, type Ask } from './operate.ts'
import type { OptionValues } from './options.ts'
import { createProgress } from './progress.ts'
import { DIFF_COMMAND } from './replay-diff-command.ts'
import { SWEEP_COMMAND } from './sweep-command.ts'

const PATH = '/api/operator/replay'
const POLL_MS = 300

function resetToOf(text: string): object | string {
  if (text === 'earliest') return 'earliest'
  if (/^\d{1,12}$/.test(text)) return { offset: Number(text) }
  const timeMs = Date.parse(text)
  if (Number.isFinite(timeMs)) return { timeMs }
  throw new FaultlineError(
    'usage',
    `--reset-to takes earliest, an offset, or a time like 2026-11-21T03:00:00Z, not ${text}`,
  )
}

type Answer = 'cancel' | 'keep' | 'leave'

/** What Ctrl-C means, asked where somebody can answer; elsewhere the replay is cancelled. */
async function askWhat({ stdin, stderr }: Io): Promise<Answer> {
  const isTerminal = (stdin as { isTTY?: boolean }).isTTY === true
  if (!isTerminal) return 'cancel'
  const lines = createInterface({ input: stdin, output: stderr })
  try {
    const text = await lines.question(
      '\nCancel the replay (c), cancel and keep what is done for `replay resume` (k), or let it run on (l)? [c] ',
    )
    const letter = text.trim().toLowerCase()
    return letter === 'k' ? 'keep' : letter === 'l' ? 'leave' : 'cancel'
  } catch {
    // A second Ctrl-C at the question.
    return 'cancel'
  } finally {
    lines.close()
  }
}

const AWAY_MS_MAX = 300_000
const AWAY_POLL_MS = 1000

/** A platform that is away may be about to come back, and then goes on with the replay. */
async function stateOf(ask: Ask, { stderr }: Io): Promise<ReplayState> {
  const deadlineMs = systemClock.monotonicMs() + AWAY_MS_MAX
  for (let isTold = false; ;) {
    try {
      return (await ask('GET', PATH)) as ReplayState
    } catch (error) {
      const isAway = isFaultlineError(error, 'log_unavailable')
      if (!isAway || systemClock.monotonicMs() > deadlineMs) throw error
      if (!isTold)
        stderr.write('\nthe platform does not answer; once it does, the replay goes on\n')
      isTold = true
      await systemClock.sleep(AWAY_POLL_MS)
    }
  }
}

/** Shows the replay until it ends or is left alone. Outages of the API are waited for: the replay outlives them. */
async function follow(ask: Ask, io: Io): Promise<ReplayState> {
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit: 'records' })
  let answer: Promise<Answer> | undefined
  let isLeft = false
  const onInterrupt = (): void => {
    answer ??= askWhat(io).then(async (what) => {
      isLeft = what === 'leave'
      if (what !== 'leave') {
        io.stderr.write('\ncancelling; the live tables stay as they are\n')
        await ask('DELETE', PATH, { keep: what === 'keep' })
      }
      return what
    })
    answer.catch((error: unknown) => io.stderr.write(`${messageOf(error)}\n`))
  }
  process.on('SIGINT', onInterrupt)
  try {
    for (;;) {
      const state = await stateOf(ask, io)
      if (!state.running || isLeft) {
        const takeovers = state.takeovers > 0 ? `, taken over ${state.takeovers} times` : ''
        const name = isLeft ? 'runs on' : state.phase
        progress.finish(`replay ${name}, ${state.records.toLocaleString('en')} records${takeovers}`)
        return state
      }
      if (answer === undefined)
        progress.update({ done: state.records, total: state.total, items: state.records })
      await systemClock.sleep(POLL_MS)
    }
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

function replayText(state: ReplayState): string {
  const { phase, running, group, records, total } = state
  if (phase === '') return 'no replay yet\n'
  if (running)
    return `${phase}: ${group}, ${records} of ${total} records, driven by ${state.driver || 'nobody yet'}\n`
  if (phase === 'kept')
    return `kept: ${group}, ${records} records; go on with \`faultline replay resume\`\n`
  if (phase !== 'done') return `${phase}${state.error === '' ? '' : `: ${state.error}`}\n`
  const rows = Object.entries(state.tables).map(([name, { before, after }]) => [
    name,
    String(before.rows),
    String(after.rows),
    before.hash === after.hash ? 'identical' : 'changed',
  ])
  const hashes = Object.entries(state.tables).map(([name, { after }]) => `${name}: ${after.hash}\n`)
  return `${table(['table', 'rows before', 'rows after', 'content'], rows)}\n${hashes.join('')}\nlive processing paused for ${Math.round(state.paused_ms)} ms\n`
}

async function followAndPrint(ask: Ask, io: Io, given: OptionValues): Promise<number> {
  const state = await follow(ask, io)
  print(io, given, state, () => replayText(state))
  return state.phase === 'done' || state.running ? 0 : 1
}

export const replayCommand = operatorCommand(
  'replay',
  'Computes a group and everything behind it again from a point in the log, into other tables, and exchanges them.\nLive processing goes on meanwhile. Groups: fingerprint, detect, actions, cluster, enrich, events-sink, derived-sink.\nA replay belongs to the platform, not to this command: when a process that drives it ends, another one, or the\nplatform once it is started again, goes on with it.',
  {
    '': {
      usage: '--group GROUP --reset-to TIME|OFFSET|earliest',
      options: [
        { name: 'group', type: 'text', value: 'group', about: 'which processor' },
        {
          name: 'reset-to',
          type: 'text',
          default: 'earliest',
          value: 'point',
          about: 'earliest, an offset, or a time',
        },
      ],
      async run({ ask, given, io }) {
        if (typeof given['group'] !== 'string')
          throw new FaultlineError('usage', 'replay needs --group')
        await ask('POST', PATH, {
          group: given['group'],
          resetTo: resetToOf(String(given['reset-to'] ?? 'earliest')),
        })
        return followAndPrint(ask, io, given)
      },
    },
    status: {
      usage: 'status                 (the current or last one; with --watch until it ends)',
      options: [{ name: 'watch', type: 'flag', about: 'stay until it ends' }],
      async run({ ask, given, io }) {
        if (given['watch'] === true) return followAndPrint(ask, io, given)
        const state = (await ask('GET', PATH)) as ReplayState
        return print(io, given, state, () => replayText(state))
      },
    },
    cancel: {
      usage: 'cancel [--keep]        (the live tables stay as they are)',
      options: [{ name: 'keep', type: 'flag', about: 'what is done stays, to be resumed' }],
      async run({ ask, given, io }) {
        const keep = given['keep'] === true
        const state = (await ask('DELETE', PATH, { keep })) as ReplayState
        print(io, given, state, () => replayText(state))
        return ['cancelled', 'kept'].includes(state.phase) ? 0 : 1
      },
    },
    resume: {
      usage: 'resume                 (go on with one that was cancelled with --keep)',
      async run({ ask, given, io }) {
        await ask('POST', `${PATH}/resume`, {})
        return followAndPrint(ask, io, given)
      },
    },
    diff: DIFF_COMMAND,
    sweep: SWEEP_COMMAND,
  },
)
