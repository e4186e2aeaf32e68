import type { Counted, IssueShapeRow } from '#/schemas/grouping.ts'

export interface Suspicion {
  kind: 'over' | 'under'
  /** One issue that may be several, or two that may be one. */
  issues: readonly string[]
  /** 0 to 1, for sorting. */
  score: number
  /** One sentence with the numbers. */
  evidence: string
}

/** Share of its events the second value must have: a stray event says nothing. */
const SECOND_SHARE_MIN = 0.05
const EVENTS_MIN = 5
/** Share of words two templates must have in common. */
const ALIKE_MIN = 0.7
const WORDS_MIN = 3
const COMPARED_MAX = 300
const SHOWN_MAX = 100

/** Issues that look wrongly grouped by their own evidence, the most suspect first. Bounded by COMPARED_MAX². */
export function suspicionsOf(issues: readonly IssueShapeRow[]): Suspicion[] {
  const largest = issues.toSorted((a, b) => b.events - a.events).slice(0, COMPARED_MAX)
  const found = [...largest.flatMap(overGrouped), ...underGrouped(largest)]
  return found.toSorted((a, b) => b.score - a.score).slice(0, SHOWN_MAX)
}

function overGrouped(issue: IssueShapeRow): Suspicion[] {
  // A rule or a code says itself what belongs together.
  if (issue.events < EVENTS_MIN) return []
  const seen: [string, readonly Counted[]][] = [
    ['exception types', issue.types],
    ['first frames', issue.culprits],
    ...(issue.method === 'stack'
      ? []
      : [['message templates', issue.templates] as [string, readonly Counted[]]]),
  ]
  return seen.flatMap(([what, values]) => {
    const [first, second] = values.toSorted((a, b) => b.events - a.events)
    if (first === undefined || second === undefined) return []
    const share = second.events / issue.events
    if (share < SECOND_SHARE_MIN) return []
    const evidence = `${values.length} ${what} in one issue: ${shown(first)}, ${shown(second)}.`
    return [
      {
        kind: 'over' as const,
        issues: [issue.fingerprint],
        score: Math.min(1, 2 * share),
        evidence,
      },
    ]
  })
}

const shown = ({ value, events }: Counted): string =>
  `${JSON.stringify(value.slice(0, 80))} in ${events} events`

function underGrouped(issues: readonly IssueShapeRow[]): Suspicion[] {
  const words = issues.map(({ template, title }) => wordsOf(template === '' ? title : template))
  const pairs: { left: IssueShapeRow; right: IssueShapeRow; alike: number }[] = []
  for (const [at, left] of issues.entries()) {
    for (let other = at + 1; other < issues.length; other++) {
      const right = issues[other] as IssueShapeRow
      if (!mayBeOne(left, right)) continue
      const alike = likeness(words[at] ?? [], words[other] ?? [])
      if (alike >= ALIKE_MIN) pairs.push({ left, right, alike })
    }
  }
  const best = pairs.toSorted((a, b) => b.alike - a.alike).slice(0, SHOWN_MAX)
  return best.map(({ left, right, alike }) => ({
    kind: 'under',
    issues: [left.fingerprint, right.fingerprint],
    score: alike,
    evidence: `${Math.round(100 * alike)} % of the words of ${quoted(left)} and ${quoted(right)} are the same.`,
  }))
}

const quoted = ({ template, title }: IssueShapeRow): string =>
  JSON.stringify((template === '' ? title : template).slice(0, 80))

function mayBeOne(left: IssueShapeRow, right: IssueShapeRow): boolean {
  return (
    left.method === right.method &&
    left.services.some((service) => right.services.includes(service)) &&
    (left.types[0]?.value ?? '') === (right.types[0]?.value ?? '')
  )
}

function wordsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      .match(/[\p{L}\d_]+|<\*>/gu)
      ?.slice(0, 60) ?? []
  )
}

/** Words at the same place from either end, over all words. */
function likeness(left: readonly string[], right: readonly string[]): number {
  const longest = Math.max(left.length, right.length)
  const shortest = Math.min(left.length, right.length)
  if (shortest < WORDS_MIN) return 0
  let head = 0
  while (head < shortest && left[head] === right[head]) head++
  let tail = 0
  while (tail < shortest - head && left.at(-1 - tail) === right.at(-1 - tail)) tail++
  return (head + tail) / longest
}
