/** The stored figures of `npm run eval`, and which of today's are worse than chance allows. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from './kit.ts'

const FILE = join(import.meta.dirname, 'baseline.json')

/** `shared` is the labelled data beside the checkout, `own` what the project makes itself, `ai` what helps without a model. */
export type BaselineSet = 'shared' | 'own' | 'ai'

interface Baseline {
  commit: string
  node: string
  /** The figures of each measure, in the order they are printed. */
  sets: Record<BaselineSet, Record<string, readonly number[]>>
}

/** Measures where less is better; in all others more is. */
const LESS_IS_BETTER = /delay|aliased later|incidents per fault|false|time to detect/
/** A share may move by this much before it is a regression, a score of a hundred or a percentage by this much. */
const SHARE_TOLERANCE = 0.015
const POINTS_TOLERANCE = 1
/** Minutes and incidents may grow by this share of themselves, and by this much when they are tiny. */
const GROWTH_TOLERANCE = 0.2
const GROWTH_MIN = 0.05

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline
}

export function writeBaseline(
  set: BaselineSet,
  rows: readonly Row[],
  origin: { commit: string; node: string },
): void {
  const before = readBaseline()
  const figures = Object.fromEntries(rows.map((row) => [row[0], figuresOf(row)]))
  const after: Baseline = { ...origin, sets: { ...before.sets, [set]: figures } }
  writeFileSync(FILE, `${JSON.stringify(after, null, 2)}\n`)
}

/** The numbers a row shows; a name in brackets behind a figure is none. */
function figuresOf([, , , , ours]: Row): number[] {
  return [...ours.replace(/\(.*\)/, '').matchAll(/\d*\.?\d+/g)].map(([text]) => Number(text))
}

/** One sentence for each figure that got worse, and for each measure that is gone. */
export function regressions(
  rows: readonly Row[],
  stored: Readonly<Record<string, readonly number[]>>,
): string[] {
  const today = new Map(rows.map((row) => [row[0], figuresOf(row)]))
  return Object.entries(stored).flatMap(([measure, figures]) => {
    const now = today.get(measure)
    if (now === undefined || now.length !== figures.length)
      return [`${measure}: not measured as it was; run npm run eval -- --update if that is meant`]
    return figures.flatMap((before, at) => {
      const after = now[at] ?? Number.NaN
      return isWorse(measure, before, after) ? [`${measure}: ${after}, was ${before}`] : []
    })
  })
}

function isWorse(measure: string, before: number, after: number): boolean {
  if (LESS_IS_BETTER.test(measure))
    return !(after <= before + Math.max(GROWTH_MIN, GROWTH_TOLERANCE * before))
  return !(after >= before - (before > 1 ? POINTS_TOLERANCE : SHARE_TOLERANCE))
}
