/** What the parts of `npm run eval` share: where the labelled data lies, how a command is run, how figures are shown. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '..', '..')
export const SHARED = join(ROOT, '..', 'shared')

export type Figures = Readonly<Record<string, number>>
export type Row = readonly [
  measure: string,
  anchor: string,
  floor: string,
  goal: string,
  ours: string,
]

const run = promisify(execFile)
/** Commands at once, over all parts: one for each core, and no more memory than four of them take. */
const LANES = Math.min(4, availableParallelism())
let running = 0
const waiting: (() => void)[] = []

/** Runs in order of asking, as soon as a lane is free. */
async function inLane<T>(work: () => Promise<T>): Promise<T> {
  if (running < LANES) running += 1
  else await new Promise<void>((resolve) => void waiting.push(resolve))
  try {
    return await work()
  } finally {
    // Whoever waits longest takes the lane over, so the number that runs stays as it is.
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

async function node(args: readonly string[]): Promise<string> {
  const { stdout } = await inLane(async () =>
    run(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 1 << 29,
      env: { ...process.env, FAULTLINE_BOOTED: '1' },
    }),
  )
  return stdout
}

export const faultline = async (...args: string[]): Promise<string> =>
  node([join(ROOT, 'cli/boot.js'), ...args])
export const tool = async (path: string, ...args: string[]): Promise<string> =>
  node([join(SHARED, 'tools', path), ...args])
export const short = (value: number | undefined, digits = 3): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)
