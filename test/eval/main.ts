/**
 * `npm run eval`: how good detection is. With labelled data in a folder named shared beside the checkout it prints
 * measure, anchor (best known system on the same data), floor, goal and ours; without it, the project's own small
 * set. A figure that is worse than the stored baseline makes the exit code 1; `--update` stores today's figures.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aiAllRows } from './ai-rows.ts'
import { aiSharedRows } from './ai-shared-rows.ts'
import { readBaseline, regressions, writeBaseline, type BaselineSet } from './baseline.ts'
import { leftOutRows } from './cross-validation.ts'
import { messageRows, stackRows } from './grouping.ts'
import { SHARED, type Row } from './kit.ts'
import { ownCountRows, ownLineRows, ownOutageRows, ownSeriesRows } from './own-rows.ts'
import { countRows, otherOutageRows, outageRows, seriesRows } from './shared-rows.ts'

type Part = (folder: string) => Row[] | Promise<Row[]>

const PARTS: Readonly<Record<BaselineSet, readonly Part[]>> = {
  shared: [messageRows, leftOutRows, stackRows, countRows, seriesRows, outageRows, otherOutageRows],
  ai: [aiAllRows, ...(existsSync(join(SHARED, 'tools')) ? [aiSharedRows] : [])],
  own: [ownLineRows, ownCountRows, ownSeriesRows, ownOutageRows],
}

function table(rows: readonly Row[]): string {
  const all: readonly Row[] = [['measure', 'anchor', 'floor', 'goal', 'ours'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Parts run side by side, as far as there are lanes for their commands; the table keeps its order. */
async function measure(set: BaselineSet): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-eval-'))
  const begun = performance.now()
  const run = async (part: Part): Promise<Row[]> => {
    const rows = await part(folder)
    const seconds = Math.round((performance.now() - begun) / 1000)
    process.stderr.write(`… ${part.name} done after ${seconds} s\n`)
    return rows
  }
  try {
    const parts = await Promise.all(PARTS[set].map(run))
    return parts.flat()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function commitNow(): string {
  const cwd = import.meta.dirname
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd, encoding: 'utf8' }).trim()
}

const HELP = `Usage: npm run eval -- [ai] [--own] [--update]

  ai        what is written about incidents, instead of detection
  --own     the small set of this repository (some ten seconds), although labelled data lies beside the checkout
  --update  stores today's figures as the baseline; without it a worse figure makes the exit code 1

With labelled data it takes about three minutes of CPU time, two commands at a time.
`

async function main(): Promise<void> {
  const isOwn = process.argv.includes('--own') || !existsSync(join(SHARED, 'tools'))
  const set: BaselineSet = process.argv.includes('ai') ? 'ai' : isOwn ? 'own' : 'shared'
  if (set === 'own')
    process.stderr.write(
      'The project’s own small set: labelled data would lie in a folder named shared beside the checkout.\n',
    )
  const rows = await measure(set)
  process.stdout.write(`${table(rows)}\n`)
  if (process.argv.includes('--update')) {
    writeBaseline(set, rows, { commit: commitNow(), node: process.version })
    process.stderr.write('Stored as the baseline.\n')
    return
  }
  const worse = regressions(rows, readBaseline().sets[set])
  for (const sentence of worse) process.stderr.write(`worse: ${sentence}\n`)
  if (worse.length > 0) process.exitCode = 1
}

if (process.argv.includes('--help')) process.stdout.write(HELP)
else await main()
