/** `npm run fuzz:collab [-- --seeds 10000 --from 1]`: the model fuzzer at length. Exit 1 with the seeds that failed. */
import { explainFailure } from '#/cli/main.ts'
import { describeOptions, parseArguments } from '#/cli/options.ts'
import type { OptionSpec } from '#/cli/options.ts'
import { createProgress } from '#/cli/progress.ts'
import { systemClock } from '#/kernel/clock.ts'
import { fuzz } from './world.ts'

const OPTIONS: readonly OptionSpec[] = [
  { name: 'seeds', type: 'number', min: 1, about: 'how many (10000)' },
  { name: 'from', type: 'number', min: 0, about: 'the first one (1)' },
  { name: 'steps', type: 'number', min: 1, about: 'what happens in each (130)' },
]

async function main(args: string[]): Promise<number> {
  const { given, help } = parseArguments(args, OPTIONS)
  if (help) {
    process.stdout.write(`Usage: npm run fuzz:collab -- [options]\n\n${describeOptions(OPTIONS)}\n`)
    return 0
  }
  const [seeds = 10_000, from = 1, steps = 130] = ['seeds', 'from', 'steps'].map((name) =>
    given[name] === undefined ? undefined : Number(given[name]),
  )
  const progress = createProgress({ stream: process.stderr, clock: systemClock, unit: 'seeds' })
  const failed: number[] = []
  let decisions = 0
  for (let done = 1; done <= seeds; done += 1) {
    const seed = from + done - 1
    const { complaints, world } = await fuzz({ seed, steps })
    decisions += world.actions.length
    if (complaints.length > 0) {
      failed.push(seed)
      process.stderr.write(`\nseed ${seed}: ${complaints.slice(0, 5).join('; ')}\n`)
    }
    progress.update({ done, total: seeds, items: done })
  }
  progress.finish(`${seeds} seeds, ${decisions} decisions, ${failed.length} failed`)
  process.stdout.write(`${JSON.stringify({ seeds, from, steps, decisions, failed })}\n`)
  return failed.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(explainFailure(error))
  process.exitCode = 2
}
