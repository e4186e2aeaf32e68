import { loadavg } from 'node:os'
import { explainFailure } from '#/cli/main.ts'
import { describeOptions, parseArguments } from '#/cli/options.ts'
import type { OptionSpec } from '#/cli/options.ts'
import { createProgress } from '#/cli/progress.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { runKafkaChaos } from './kafka.ts'
import { runOutage } from './outage.ts'
import { embeddedSite, kafkaSite } from './outage-site.ts'
import { runPlatformChaos } from './platform.ts'
import { runStagesChaos } from './stages.ts'

const OPTIONS: readonly OptionSpec[] = [
  { name: 'kills', type: 'number', default: 1000, min: 1, about: 'how many kill -9' },
  {
    name: 'seed',
    type: 'number',
    min: 0,
    about: 'which moments; drawn and printed when not given',
  },
  { name: 'minutes', type: 'number', default: 60, min: 0.1, about: 'ends earlier when time is up' },
  { name: 'no-intent', type: 'flag', about: 'negative control: must find doubled rows' },
]

const OUTAGE_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'clickhouse',
    type: 'text',
    value: 'time',
    about: 'ClickHouse is away so long, such as 10m',
  },
  { name: 'broker', type: 'text', value: 'time', about: 'the Kafka broker is away so long' },
  {
    name: 'disk',
    type: 'text',
    value: 'time',
    about: 'the disk is full so long; needs root to mount one',
  },
  {
    name: 'log',
    type: 'text',
    default: 'embedded',
    choices: ['embedded', 'kafka'],
    value: 'log',
    about: 'one process, or roles on a Kafka; a broker can only be away from the latter',
  },
  { name: 'seed', type: 'number', default: 1, min: 0, about: 'which traffic' },
]

/** `npm run chaos -- outage`: exit 0 when nothing was lost or doubled and readiness told the truth. */
async function outage(args: string[]): Promise<number> {
  const { given, help } = parseArguments(args, OUTAGE_OPTIONS)
  if (help) {
    process.stdout.write(
      `Usage: npm run chaos -- outage [options]\n\n${describeOptions(OUTAGE_OPTIONS)}\n`,
    )
    return 0
  }
  const what = (['clickhouse', 'broker', 'disk'] as const).find((name) => given[name] !== undefined)
  if (what === undefined)
    throw new FaultlineError(
      'usage',
      'say what is away: --clickhouse 10m, --broker 5m or --disk 1m',
    )
  const isKafka = given['log'] === 'kafka' || what === 'broker'
  process.stderr.write(`starting ${isKafka ? 'Kafka and every role' : 'one process'} …\n`)
  await using site = await (isKafka ? kafkaSite(what) : embeddedSite(what))
  const report = await runOutage({
    site,
    awayMs: durationMs(String(given[what])),
    seed: Number(given['seed'] ?? 1),
    pauseMs: 40,
    onLine: (text) => process.stderr.write(`${text}\n`),
  })
  const load = loadavg().map((value) => value.toFixed(1))
  process.stdout.write(`${JSON.stringify({ what, isKafka, load, ...report }, null, 1)}\n`)
  return report.faults.length === 0 ? 0 : 1
}

function durationMs(text: string): number {
  const [, number, unit = 's'] = /^(\d+)(s|m)?$/.exec(text) ?? []
  if (number === undefined)
    throw new FaultlineError('usage', `a time is written as 30s or 10m, not ${text}`)
  return Number(number) * (unit === 'm' ? 60_000 : 1000)
}

const KAFKA_OPTIONS: readonly OptionSpec[] = [
  { name: 'actions', type: 'number', default: 200, min: 1, about: 'how many kills, stops, pauses' },
  OPTIONS[1]!,
  { name: 'minutes', type: 'number', default: 55, min: 0.1, about: 'ends earlier when time is up' },
  OPTIONS[3]!,
]

/** `npm run chaos -- kafka`: roles on a real broker; exit code as of `npm run chaos`. */
async function kafka(args: string[]): Promise<number> {
  const { given, help } = parseArguments(args, KAFKA_OPTIONS)
  if (help) {
    process.stdout.write(
      `Usage: npm run chaos -- kafka [options]\n\n${describeOptions(KAFKA_OPTIONS)}\n`,
    )
    return 0
  }
  const [actions, minutes] = [Number(given['actions'] ?? 200), Number(given['minutes'] ?? 55)]
  const seed = Number(given['seed'] ?? systemRandom.int(1e6))
  const intent = given['no-intent'] !== true
  process.stderr.write(`seed ${seed}, ${actions} actions or ${minutes} min\n`)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const progress = createProgress({ stream: process.stderr, clock: systemClock, unit: 'events' })
  const startedMs = systemClock.monotonicMs()
  const report = await runKafkaChaos({
    actions,
    seed,
    intent,
    durationMsMax: minutes * 60_000,
    actionsPerLook: 25,
    signal: stop.signal,
    onProgress: (state) =>
      progress.update({ done: state.actions, total: actions, items: state.acknowledged }),
  })
  progress.finish(
    `${report.actions} actions, ${report.looks} looks, ${report.faults.length} faults`,
  )
  const took = { minutes: Math.round((systemClock.monotonicMs() - startedMs) / 6000) / 10 }
  const load = loadavg().map((value) => value.toFixed(1))
  process.stdout.write(`${JSON.stringify({ seed, intent, ...took, load, ...report }, null, 1)}\n`)
  return (report.faults.length === 0) === intent ? 0 : 1
}

const STAGES_OPTIONS: readonly OptionSpec[] = [
  { name: 'actions', type: 'number', default: 200, min: 1, about: 'how many kills, stops, pauses' },
  OPTIONS[1]!,
  { name: 'minutes', type: 'number', default: 10, min: 0.1, about: 'ends earlier when time is up' },
  { name: 'no-fences', type: 'flag', about: 'negative control: must find doubled records' },
]

/** `npm run chaos -- stages`: stages alone on a real broker; exit code as of `npm run chaos`. */
async function stages(args: string[]): Promise<number> {
  const { given, help } = parseArguments(args, STAGES_OPTIONS)
  if (help) {
    process.stdout.write(
      `Usage: npm run chaos -- stages [options]\n\n${describeOptions(STAGES_OPTIONS)}\n`,
    )
    return 0
  }
  const [actions, minutes] = [Number(given['actions'] ?? 200), Number(given['minutes'] ?? 10)]
  const seed = Number(given['seed'] ?? systemRandom.int(1e6))
  const fencing = given['no-fences'] !== true
  process.stderr.write(`seed ${seed}, ${actions} actions or ${minutes} min\n`)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const progress = createProgress({ stream: process.stderr, clock: systemClock, unit: 'events' })
  const report = await runStagesChaos({
    actions,
    seed,
    fencing,
    durationMsMax: minutes * 60_000,
    signal: stop.signal,
    onProgress: (state) =>
      progress.update({ done: state.actions, total: actions, items: state.sent }),
  })
  progress.finish(`${report.actions} actions, ${report.faults.length} faults`)
  const load = loadavg().map((value) => value.toFixed(1))
  process.stdout.write(`${JSON.stringify({ seed, fencing, load, ...report }, null, 1)}\n`)
  return (report.faults.length === 0) === fencing ? 0 : 1
}

/** `npm run chaos`: exit 0 when everything held, 1 when not; with --no-intent the other way round. */
async function main(): Promise<number> {
  if (process.argv[2] === 'outage') return outage(process.argv.slice(3))
  if (process.argv[2] === 'kafka') return kafka(process.argv.slice(3))
  if (process.argv[2] === 'stages') return stages(process.argv.slice(3))
  const { given, help } = parseArguments(process.argv.slice(2), OPTIONS)
  if (help) {
    process.stdout.write(`Usage: npm run chaos -- [options]\n\n${describeOptions(OPTIONS)}\n`)
    return 0
  }
  const [kills, minutes] = [Number(given['kills'] ?? 1000), Number(given['minutes'] ?? 60)]
  const seed = Number(given['seed'] ?? systemRandom.int(1e6))
  const intent = given['no-intent'] !== true
  process.stderr.write(
    `seed ${seed}, ${kills} kills or ${minutes} min${intent ? '' : ', no intent'}\n`,
  )
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const progress = createProgress({ stream: process.stderr, clock: systemClock, unit: 'events' })
  const report = await runPlatformChaos({
    kills,
    seed,
    intent,
    durationMsMax: minutes * 60_000,
    killsPerLook: 20,
    signal: stop.signal,
    onProgress: (state) =>
      progress.update({ done: state.kills, total: kills, items: state.acknowledged }),
  })
  progress.finish(`${report.kills} kills, ${report.looks} looks, ${report.faults.length} faults`)
  process.stdout.write(`${JSON.stringify({ seed, intent, ...report }, null, 1)}\n`)
  return (report.faults.length === 0) === intent ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(explainFailure(error))
  process.exitCode = 1
}
