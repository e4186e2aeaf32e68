/**
 * `npm run eval`: how good detection is, on labelled data and generated outages that lie beside the checkout and never
 * inside it. Prints measure, anchor (best known system on the same data), floor, goal and ours.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageRows, stackRows } from './grouping.ts'
import { faultline, SHARED, short, tool, type Row } from './kit.ts'

const SEEDS_COUNTS = [11, 12, 13, 21, 22, 23]
const SEEDS_OUTAGES = [201, 202, 203, 204, 205, 206]

/** Numbers behind names in a scorer's JSON, wherever they stand. */
function figuresIn(json: unknown, path = ''): Record<string, number> {
  if (typeof json === 'number') return { [path]: json }
  if (typeof json !== 'object' || json === null) return {}
  const parts = Object.entries(json).map(([name, value]) =>
    figuresIn(value, path === '' ? name : `${path}.${name}`),
  )
  return Object.assign({}, ...parts) as Record<string, number>
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function countRows(): Row[] {
  const detector = join(import.meta.dirname, '../../processors/domain/spike/count-detector.ts')
  const lines = tool(
    'spikes/score-counts.mjs',
    '--detector',
    detector,
    '--seeds',
    SEEDS_COUNTS.join(','),
    '--json',
  )
    .trim()
    .split('\n')
  const runs = lines.map((line) => JSON.parse(line) as { r001: { recall: number; med: number } })
  const recall = short(mean(runs.map((run) => run.r001.recall)))
  return [
    [
      `counts, seeds ${SEEDS_COUNTS.join(' ')}: recall; delay`,
      '.00',
      '.80; 16 min',
      '.92; 8 min',
      `${recall}; ${short(mean(runs.map((run) => run.r001.med)), 1)} min`,
    ],
  ]
}

function outageRows(folder: string): Row[] {
  const runs = SEEDS_OUTAGES.map((seed) => {
    const out = join(folder, `outage-${seed}`)
    tool(
      'incidents/gen-outage.mjs',
      '--seed',
      String(seed),
      '--services',
      '24',
      '--hours',
      '48',
      '--out',
      out,
    )
    const incidents = join(out, 'incidents.jsonl')
    writeFileSync(
      incidents,
      faultline('backtest', join(out, 'events.ndjson'), '--topology', join(out, 'services.json')),
    )
    return figuresIn(
      JSON.parse(
        tool('incidents/score-incidents.mjs', '--truth', out, '--incidents', incidents, '--json'),
      ),
    )
  })
  const of = (name: string, digits = 3): string =>
    short(
      mean(runs.map((run) => run[name] ?? Number.NaN).filter((value) => !Number.isNaN(value))),
      digits,
    )
  const seeds = `outages, seeds ${SEEDS_OUTAGES.join(' ')}`
  return [
    [`${seeds}: ARI`, '.72', '.79', '.90', of('ari')],
    ['BCubed F1', '.81', '.875', '.93', of('bcubedF1')],
    [
      'detected / exactly right',
      '.59/.32',
      '.91/.68',
      '.97/.82',
      `${of('detected')}/${of('exact')}`,
    ],
    [
      'incidents per fault / merged',
      '1.07/.36',
      '1.26/.07',
      '1.10/.04',
      `${of('perFault', 2)}/${of('mergedFrac')}`,
    ],
    ['false incidents per day', '.8', '.8', '.5', of('falsePerDay', 2)],
    [
      'time to detect, median / p90',
      '–',
      '1.8/8.1',
      '1/4',
      `${of('ttdMed', 2)}/${of('ttdP90', 2)} min`,
    ],
    ['root service first', '–', '–', '.80', of('rootTop1')],
    [
      'deploy precision / recall',
      '–',
      '–',
      '.97/.95',
      `${of('deployPrecision')}/${of('deployRecall')}`,
    ],
    ['severity, Kendall τ', '–', '–', '.75', of('severityTau')],
  ]
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

if (existsSync(join(SHARED, 'tools'))) {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-eval-'))
  try {
    const rows: Row[] = []
    for (const part of [messageRows, stackRows, countRows, outageRows]) {
      process.stderr.write(`… ${part.name}\n`)
      rows.push(...part(folder))
    }
    process.stdout.write(`${table(rows)}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
} else {
  process.stderr.write(
    'The labelled data is not here: it lies in a folder named shared beside the checkout. Nothing was evaluated.\n',
  )
  process.exitCode = 1
}
