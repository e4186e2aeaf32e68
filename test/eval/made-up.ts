/** Labelled data the project makes itself, from seeds: log lines, counts, metric series and outages whose truth is known. */
import { createSeededRandom, type Random } from '#/kernel/random.ts'

interface Line {
  template: number
  text: string
}

const TEMPLATES: readonly ((random: Random) => string)[] = [
  (random) => `stored ${random.int(900)} parcels for depot-${random.int(40)}`,
  (random) => `courier ${random.int(5000)} left the yard after ${random.int(60)} minutes`,
  (random) =>
    `scanner at 10.4.${random.int(200)}.${random.int(250)} answered ${random.int(9)} times`,
  (random) => `label printer ran out of paper, tray=${random.int(8)}`,
  (random) => `route plan r${random.int(90_000)} rejected: too heavy by ${random.int(300)} kg`,
  (random) => `route plan r${random.int(90_000)} accepted`,
  (random) => `weight of parcel ${hex(random)} differs by ${random.int(90)} g`,
  (random) => `belt ${random.int(12)} stopped`,
  (random) => `belt ${random.int(12)} started`,
  (random) => `customs form ${hex(random)} is missing field ${random.pick(FIELDS)}`,
  (random) => `could not read /var/spool/labels/${hex(random)}.pdf: no such file`,
  (random) => `invoice of ${random.pick(FIELDS)}@customer.example sent in ${random.int(4000)} ms`,
]
const FIELDS = ['origin', 'value', 'weight', 'sender', 'insurance', 'tariff', 'currency'] as const

function hex(random: Random): string {
  return random
    .int(2 ** 31)
    .toString(16)
    .padStart(8, '0')
}

export function madeUpLines(seed: number, count: number): Line[] {
  const random = createSeededRandom(seed)
  return Array.from({ length: count }, () => {
    const template = random.int(TEMPLATES.length)
    return { template, text: TEMPLATES[template]?.(random) ?? '' }
  })
}

const DAY_MIN = 1440

export interface CountSeries {
  counts: readonly number[]
  /** First minute and end of each burst. */
  bursts: readonly { fromMin: number; toMin: number }[]
}

/** Knuth's product for small means, a rounded normal for large ones. */
function poisson(random: Random, mean: number): number {
  if (mean > 30) {
    const normal =
      Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  const bound = Math.exp(-mean)
  let count = 0
  for (let product = random.unit(); product > bound; product *= random.unit()) count += 1
  return count
}

/** Errors a minute with a daily course; after five days to learn, two bursts a key. */
export function madeUpCounts(seed: number, keys: number): CountSeries[] {
  const random = createSeededRandom(seed)
  const days = 10
  return Array.from({ length: keys }, () => {
    const level = 0.02 * 500 ** random.unit()
    const swing = 0.7 * random.unit()
    const phase = random.unit()
    const bursts = [5.2, 7.7].map((day) => {
      const fromMin = Math.floor((day + 1.8 * random.unit()) * DAY_MIN)
      return { fromMin, toMin: fromMin + 30 + random.int(90), factor: 1.5 + 4 * random.unit() }
    })
    const counts = Array.from({ length: days * DAY_MIN }, (_, minute) => {
      const course = 1 + swing * Math.sin(2 * Math.PI * (minute / DAY_MIN + phase))
      const burst = bursts.find(({ fromMin, toMin }) => minute >= fromMin && minute < toMin)
      const extra = burst === undefined ? 0 : Math.max(0.4, level) * (burst.factor - 1)
      return poisson(random, level * course + extra)
    })
    return { counts, bursts }
  })
}

export interface MetricSeries {
  values: readonly number[]
  anomaly: { from: number; to: number }
}

type Distortion = (value: number, step: { at: number; before: number }) => number

const DISTORTIONS: readonly Distortion[] = [
  (value) => value * 2.2,
  (value) => value * 0.35,
  (_, { before }) => before,
  (value, { at }) => value * (1 + at / 60),
  (value, { at }) => (at === 0 ? value * 4 : value),
  (value, { at }) => value * (at % 2 === 0 ? 1.7 : 0.4),
]

/** A quantity every five minutes for ten days, with a daily course, noise that is sometimes heavy, and one anomaly. */
export function madeUpSeries(seed: number, count: number): MetricSeries[] {
  const random = createSeededRandom(seed)
  const length = 10 * 288
  return Array.from({ length: count }, (_, index) => {
    const level = 10 ** (4 * random.unit())
    const swing = 0.6 * random.unit()
    const noise = 0.02 + 0.06 * random.unit()
    const from = Math.floor(length * (0.5 + 0.4 * random.unit()))
    const distort = DISTORTIONS[index % DISTORTIONS.length] ?? DISTORTIONS[0]
    let before = level
    const values = Array.from({ length }, (__, at) => {
      const course = 1 + swing * Math.sin((2 * Math.PI * at) / 288)
      const usual =
        level * course * (1 + noise * (random.unit() + random.unit() + random.unit() - 1.5))
      const isInside = at >= from && at < from + 60
      const value = isInside ? (distort?.(usual, { at: at - from, before }) ?? usual) : usual
      before = value
      return value
    })
    return { values, anomaly: { from, to: from + 60 } }
  })
}
