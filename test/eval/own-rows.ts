/** Detection on data the project makes itself: what `npm run eval` falls back to, and what CI holds to its baseline. */
import { createGrouper } from '#/processors/domain/grouping/fingerprint.ts'
import { COUNT_THRESHOLD, createCountDetector } from '#/processors/domain/spike/count-detector.ts'
import { createSeriesDetector } from '#/processors/domain/spike/series-detector.ts'
import { short, type Row } from './kit.ts'
import { madeUpCounts, madeUpLines, madeUpSeries, type CountSeries } from './made-up.ts'
import { OUTAGES, outageFigures } from './own-outages.ts'

const SEED = 20_261_125
const LINES = 4000
const COUNT_KEYS = 40
const SERIES = 18

/** Anchor, floor and goal belong to the labelled data beside the checkout; here only the baseline counts. */
function row(measure: string, ours: string): Row {
  return [measure, '–', '–', '–', ours]
}

export function ownLineRows(): Row[] {
  const grouper = createGrouper()
  const lines = madeUpLines(SEED, LINES)
  const groups = lines.map(
    ({ text }) => grouper.group({ message: text, environment: 'prod' }).fingerprint,
  )
  // Right is a line whose group holds its template's lines, all of them and no others; merged on the way counts as wrong.
  const pairs = new Set(lines.map(({ template }, at) => `${template} ${groups[at]}`))
  const times = (part: 0 | 1, name: string): number =>
    [...pairs].filter((pair) => pair.split(' ')[part] === name).length
  const right = lines.filter(
    ({ template }, at) => times(0, String(template)) === 1 && times(1, groups[at] ?? '') === 1,
  )
  return [row(`made-up lines, seed ${SEED}: exactly right`, short(right.length / LINES))]
}

const BLOCK_MIN = 60
const LEARNING_MIN = 5 * 1440
const AFTERGLOW_MIN = 180

function playCounts({ counts, bursts }: CountSeries): { delays: number[]; falseAlerts: number } {
  const detector = createCountDetector()
  const delays = new Map<number, number>()
  let falseAlerts = 0
  let lastFalse = -Infinity
  for (const [minute, count] of counts.entries()) {
    const isAlert = detector.update(count, minute) >= COUNT_THRESHOLD
    if (!isAlert || minute < LEARNING_MIN) continue
    const at = bursts.findIndex(
      ({ fromMin, toMin }) => minute >= fromMin && minute < toMin + AFTERGLOW_MIN,
    )
    const burst = bursts[at]
    if (burst !== undefined) {
      if (!delays.has(at) && minute < burst.toMin) delays.set(at, minute - burst.fromMin)
    } else if (minute - lastFalse >= BLOCK_MIN) {
      falseAlerts += 1
      lastFalse = minute
    }
  }
  return { delays: [...delays.values()], falseAlerts }
}

export function ownCountRows(): Row[] {
  const series = madeUpCounts(SEED, COUNT_KEYS)
  const played = series.map((one) => playCounts(one))
  const delays = played.flatMap((one) => one.delays).toSorted((left, right) => left - right)
  const bursts = series.reduce((sum, one) => sum + one.bursts.length, 0)
  const falseAlerts = played.reduce((sum, one) => sum + one.falseAlerts, 0)
  const keyDays = COUNT_KEYS * 5
  return [
    row(`made-up counts, seed ${SEED}: recall`, short(delays.length / bursts)),
    row('made-up counts: delay', `${short(delays[delays.length >> 1], 1)} min`),
    row('made-up counts: false alerts a key-day', short(falseAlerts / keyDays)),
  ]
}

export function ownSeriesRows(): Row[] {
  const hits = madeUpSeries(SEED, SERIES).filter(({ values, anomaly }) => {
    const detector = createSeriesDetector()
    const scores = values.map((value, at) => detector.update(value, at * 300_000))
    const best = scores.indexOf(Math.max(...scores.slice(1000)), 1000)
    return best >= anomaly.from && best < anomaly.to
  })
  return [
    row(
      `made-up series, seed ${SEED}: highest score inside the anomaly`,
      short(hits.length / SERIES),
    ),
  ]
}

export function ownOutageRows(): Row[] {
  const figures = outageFigures([...OUTAGES, 'normal'], SEED)
  return [
    row(`made-up outages, seed ${SEED}: detected`, short(figures.detected)),
    row('made-up outages: incidents per fault', short(figures.incidentsPerOutage, 2)),
    row('made-up outages: time to detect', `${short(figures.detectMin, 2)} min`),
    row('made-up outages: root service first', short(figures.rootFirst)),
    row('made-up outages: deploy named', short(figures.deployNamed)),
    row('made-up outages: false incidents a play', short(figures.others, 2)),
  ]
}
