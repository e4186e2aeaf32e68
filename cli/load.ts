import { writeFileSync } from 'node:fs'
import { systemClock, type Clock } from '#/kernel/clock.ts'
import { createSeededRandom, systemRandom } from '#/kernel/random.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Command } from './io.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { createProgress, type Progress } from './progress.ts'
import { scenario, SCENARIOS, type Span } from './scenario/plans.ts'
import type { Plan } from './scenario/plan.ts'
import { createTraffic } from './scenario/traffic.ts'
import { createSender, type Sender } from './sender.ts'
import { TARGET_OPTIONS, targetOf } from './target.ts'

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'scenario',
    type: 'text',
    default: 'normal',
    value: 'name',
    about: 'which outage; see the list below',
  },
  {
    name: 'rate',
    type: 'number',
    default: 50,
    min: 0.1,
    max: 100_000,
    value: 'events/s',
    about: 'ordinary events per second',
  },
  {
    name: 'duration',
    type: 'number',
    default: 60,
    min: 5,
    max: 86_400,
    value: 'seconds',
    about: 'how long; the outage lies between a third and five sixths of it',
  },
  {
    name: 'history',
    type: 'number',
    default: 0,
    min: 0,
    max: 1440,
    value: 'minutes',
    about: 'ordinary traffic of the past, sent first at full speed',
  },
  {
    name: 'seed',
    type: 'number',
    default: 1,
    min: 0,
    about: 'the same seed gives the same traffic',
  },
  {
    name: 'truth',
    type: 'text',
    value: 'file',
    about: 'where to write what really happens, as JSON',
  },
  ...TARGET_OPTIONS,
]

export interface PlayOptions {
  plan: Plan
  seed: number
  rate: number
  durationS: number
  historyMin: number
  sender: Sender
  clock: Clock
  signal: AbortSignal
  onProgress?(state: { doneS: number; sent: number }): void
}

export interface PlayResult {
  sent: number
  rejected: number
  originMs: number
}

const STEP_S = 0.25
const HISTORY_STEP_S = 60
const BATCH_EVENTS = 500
const HISTORY_RATE = 12

/** Plays a scenario in real time; `historyMin` of ordinary traffic goes ahead as fast as it is taken. */
export async function playScenario(options: PlayOptions): Promise<PlayResult> {
  const { plan, clock, sender, signal, durationS } = options
  const originMs = clock.nowMs() + (options.historyMin > 0 ? 2000 : 0)
  const random = createSeededRandom(options.seed)
  const result: PlayResult = { sent: 0, rejected: 0, originMs }
  const post = async (events: readonly { body: unknown }[]): Promise<void> => {
    for (let from = 0; from < events.length && !signal.aborted; from += BATCH_EVENTS) {
      const answer = await sender.send(
        events.slice(from, from + BATCH_EVENTS).map((event) => event.body),
        signal,
      )
      result.sent += answer.accepted
      result.rejected += answer.rejected.length
    }
  }
  const past = createTraffic({
    plan: { effects: [], deploys: [], truth: [] },
    random,
    rate: Math.min(options.rate, HISTORY_RATE),
    originMs,
  })
  for (let at = -options.historyMin * 60; at < 0 && !signal.aborted; at += HISTORY_STEP_S) {
    await post(past.between(at, at + HISTORY_STEP_S))
  }
  const live = createTraffic({ plan, random, rate: options.rate, originMs })
  for (let at = 0; at < durationS && !signal.aborted; at += STEP_S) {
    const events = live.between(at, Math.min(durationS, at + STEP_S))
    await clock.sleep(Math.max(0, originMs + (at + STEP_S) * 1000 - clock.nowMs()), signal)
    await post(events)
    options.onProgress?.({ doneS: at + STEP_S, sent: result.sent })
  }
  return result
}

export function spanOf(durationS: number): Span {
  return { durationS, fromS: durationS / 3, toS: (durationS * 5) / 6 }
}

/** What really happened, with absolute times, for whoever scores a detector. */
export function truthFile(
  plan: Plan,
  about: { scenario: string; seed: number; originMs: number },
): object {
  const at = (seconds: number): string => new Date(about.originMs + seconds * 1000).toISOString()
  return {
    scenario: about.scenario,
    seed: about.seed,
    incidents: plan.truth.map(({ startS, endS, ...rest }) => ({
      ...rest,
      start: at(startS),
      end: at(endS),
    })),
    deploys: plan.deploys.map(({ atS, ...rest }) => ({ ...rest, at: at(atS) })),
  }
}

function helpText(): string {
  const list = Object.entries(SCENARIOS).map(([name, { about }]) => `  ${name.padEnd(13)} ${about}`)
  return `Usage: faultline load [options]\n\nSends seeded traffic of a small shop, with an outage whose truth is known.\n\n${describeOptions(OPTIONS)}\n\nScenarios:\n${list.join('\n')}\n`
}

export const loadCommand: Command = async (args, io) => {
  const { given, help, positional } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(helpText())
    return 0
  }
  if (positional.length > 0)
    throw new FaultlineError('usage', `load takes no argument: ${positional.join(' ')}`)
  const name = String(given['scenario'] ?? 'normal')
  const chosen = scenario(name)
  const [rate, durationS, seed] = [
    Number(given['rate'] ?? 50),
    Number(given['duration'] ?? 60),
    Number(given['seed'] ?? 1),
  ]
  const plan = chosen.make(spanOf(durationS), Math.max(3, rate / 8))
  const sender = createSender({ ...targetOf(given), clock: systemClock, random: systemRandom })
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const progress: Progress = createProgress({
    stream: io.stderr,
    clock: systemClock,
    unit: 'events',
  })
  const historyMin = Number(given['history'] ?? 0)
  const onProgress = ({ doneS, sent }: { doneS: number; sent: number }): void =>
    progress.update({ done: doneS, total: durationS, items: sent })
  const result = await playScenario({
    plan,
    seed,
    rate,
    durationS,
    historyMin,
    sender,
    clock: systemClock,
    signal: stop.signal,
    onProgress,
  })
  progress.finish(
    `${result.sent} events sent, ${result.rejected} rejected, ${sender.retries} retries`,
  )
  const truth = JSON.stringify(
    truthFile(plan, { scenario: name, seed, originMs: result.originMs }),
    null,
    1,
  )
  if (typeof given['truth'] === 'string') writeFileSync(given['truth'], `${truth}\n`)
  return stop.signal.aborted || result.rejected > 0 ? 1 : 0
}
