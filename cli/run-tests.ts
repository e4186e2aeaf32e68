import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from './io.ts'
import { endOf, type TestReport } from './test-report.ts'

const ROOT = join(import.meta.dirname, '..')

/**
 * Projects whose files run one after the other, since each starts a platform, a browser or a broker and then mostly
 * waits. Two such rows side by side take little more than the longer one.
 */
const LANES = [['unit', 'sim', 'kafka'], ['e2e']] as const

/** What Node is started with to run vitest once. */
export function vitestArguments(args: readonly string[]): string[] {
  return [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args]
}

/** All tests, in two lanes at once, with every failure and one line that counts at the end; with arguments, what they ask for. */
export async function runTests(args: readonly string[], io: Io): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-test-'))
  const reportOf = (lane: number): string => join(folder, `report-${lane}.json`)
  const outputOf = (lane: number): string => join(folder, `output-${lane}.txt`)
  const wishes = args.length > 0 ? [args] : LANES.map((lane) => lane.flatMap(projectArguments))
  try {
    const codes = await Promise.all(
      wishes.map((wish, lane) => {
        const reports = [
          '--reporter=default',
          '--reporter=json',
          `--outputFile.json=${reportOf(lane)}`,
        ]
        // The first lane is shown as it goes, the others when they are done: lines of two would mix.
        return run(vitestArguments([...reports, ...wish]), lane === 0 ? undefined : outputOf(lane))
      }),
    )
    for (const [lane] of wishes.entries())
      if (existsSync(outputOf(lane))) io.stdout.write(readFileSync(outputOf(lane), 'utf8'))
    const reports = wishes.map((_, lane) => reportOf(lane)).filter((path) => existsSync(path))
    if (reports.length > 0) io.stdout.write(endOf(reports.map(reportIn), ROOT))
    return Math.max(...codes)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const projectArguments = (project: string): string[] => ['--project', project]

/** Ctrl-C reaches it by itself. */
function run(args: readonly string[], outputPath: string | undefined): Promise<number> {
  const output = outputPath === undefined ? undefined : openSync(outputPath, 'w')
  const stdio = output ?? 'inherit'
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['inherit', stdio, stdio] })
    if (output !== undefined) closeSync(output)
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

function reportIn(path: string): TestReport {
  return JSON.parse(readFileSync(path, 'utf8')) as TestReport
}
