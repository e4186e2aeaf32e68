import { explainFailure } from '#/cli/main.ts'
import { describeOptions, parseArguments } from '#/cli/options.ts'
import type { OptionSpec } from '#/cli/options.ts'
import { createProgress } from '#/cli/progress.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { runPlatformChaos } from './platform.ts'

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

/** `npm run chaos`: exit 0 when everything held, 1 when not; with --no-intent the other way round. */
async function main(): Promise<number> {
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
