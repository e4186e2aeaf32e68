import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { explainFailure } from '#/cli/main.ts'
import { describeOptions, parseArguments } from '#/cli/options.ts'
import type { OptionSpec, OptionValues } from '#/cli/options.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'

/** Each area is a file that exports `run(print, options)`, and runs in a process of its own. */
const AREAS = [
  'log',
  'kafka-clients',
  'kafka-front',
  'clickhouse',
  'queries',
  'api',
  'otlp',
  'rooms',
  'runtime',
  'grouping',
  'spike',
  'incident',
  'end-to-end',
  'kafka',
  'dashboard',
  'viewers',
  'canvas',
] as const

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'seconds',
    type: 'number',
    min: 1,
    about: 'end-to-end: length of each round; viewers: of the whole',
  },
  {
    name: 'minutes',
    type: 'number',
    min: 0.1,
    about: 'end-to-end: memory over this long, too; viewers: of the whole',
  },
  { name: 'rows', type: 'number', min: 1000, about: 'queries: rows in the table' },
  {
    name: 'data-dir',
    type: 'text',
    about: 'queries: a folder to fill once and ask again',
  },
  { name: 'viewers', type: 'number', min: 20, about: 'viewers: how many live streams' },
  { name: 'area', type: 'text', about: 'inner: the area of this process' },
]

export interface BenchOptions {
  seconds?: number
  minutes?: number
  rows?: number
  viewers?: number
  dataDir?: string
}

type Run = (print: (line: string) => void, options?: BenchOptions) => Promise<void>

const fileOf = (area: string): string => join(import.meta.dirname, `${area}.ts`)

function header(): string {
  const git = ['-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD']
  const commit = existsSync(join(import.meta.dirname, '../../.git'))
    ? execFileSync('git', git, { encoding: 'utf8' }).trim()
    : 'unknown'
  const [cpu] = cpus()
  return `Faultline ${commit}, Node ${process.version}, ${cpus().length} × ${cpu?.model ?? 'CPU'}`
}

function busyness(): string {
  return `machine load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`
}

/** One area in a process of its own, so that none inherits the heap and the hot code of another. */
function runApart(area: string, args: readonly string[]): Promise<number> {
  const script = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, ['--expose-gc', script, ...args, '--area', area], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

function benchOptions(given: OptionValues): BenchOptions {
  const options: BenchOptions = {}
  for (const name of ['seconds', 'minutes', 'rows', 'viewers'] as const)
    if (given[name] !== undefined) options[name] = Number(given[name])
  if (typeof given['data-dir'] === 'string') options.dataDir = given['data-dir']
  return options
}

async function main(args: string[]): Promise<number> {
  const { given, positional, help } = parseArguments(args, OPTIONS)
  if (help) {
    process.stdout.write(
      `Usage: npm run bench -- [area …] [options]\n\nAreas: ${AREAS.join(', ')}\n\n${describeOptions(OPTIONS)}\n`,
    )
    return 0
  }
  if (typeof given['area'] === 'string') {
    const { run } = (await import(fileOf(given['area']))) as { run: Run }
    await run((line) => process.stdout.write(`  ${line}\n`), benchOptions(given))
    return 0
  }
  const known: readonly string[] = AREAS
  const unknown = positional.filter((area) => !known.includes(area))
  if (unknown.length > 0)
    throw new FaultlineError('usage', `there is no area ${unknown.join(', ')}`, {
      remedy: `known: ${AREAS.join(', ')}`,
    })
  const chosen = (positional.length > 0 ? positional : known).filter((area) =>
    existsSync(fileOf(area)),
  )
  const rest = args.filter((one) => !positional.includes(one))
  process.stdout.write(`${header()}\n`)
  let worst = 0
  for (const [index, area] of chosen.entries()) {
    process.stdout.write(`\n${area} (${index + 1} of ${chosen.length}), ${busyness()}\n`)
    const startedMs = systemClock.monotonicMs()
    const code = await runApart(area, rest)
    const tookS = (systemClock.monotonicMs() - startedMs) / 1000
    process.stdout.write(`  ${tookS.toFixed(0)} s, ${busyness()}\n`)
    if (code !== 0) worst = 1
  }
  return worst
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(explainFailure(error))
  process.exitCode = error instanceof FaultlineError && error.code === 'usage' ? 2 : 1
}
