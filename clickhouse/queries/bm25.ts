/** Okapi BM25 over small sets of short documents, in memory. */
const K1 = 1.2
const B = 0.4

export interface Ranked<T> {
  item: T
  score: number
  /** Share of what the query scores against itself: 0 to about 1. */
  similarity: number
  /** Tokens both have, the most telling first. */
  common: readonly string[]
}

/** Documents by how much they say of what the query says; those that share nothing are left out. */
export function rankByBm25<T>(
  query: readonly string[],
  documents: readonly { item: T; tokens: readonly string[] }[],
): Ranked<T>[] {
  const wanted = [...new Set(query)]
  const counts = documents.map(({ tokens }) => countOf(tokens))
  const own = countOf(query)
  const total = documents.length + 1
  const averageLength =
    (documents.reduce((sum, { tokens }) => sum + tokens.length, 0) + query.length) / total
  const weights = new Map(
    wanted.map((token) => {
      const having = counts.filter((count) => count.has(token)).length + 1
      return [token, Math.log(1 + (total - having + 0.5) / (having + 0.5))] as const
    }),
  )
  const score = (count: ReadonlyMap<string, number>, length: number): number =>
    wanted.reduce((sum, token) => {
      const times = count.get(token) ?? 0
      if (times === 0) return sum
      const norm = K1 * (1 - B + (B * length) / Math.max(1, averageLength))
      const asked = own.get(token) ?? 1
      return sum + (asked * (weights.get(token) ?? 0) * (times * (K1 + 1))) / (times + norm)
    }, 0)
  const best = score(own, query.length)
  return documents
    .flatMap(({ item, tokens }, index) => {
      const count = counts[index] ?? new Map<string, number>()
      const value = score(count, tokens.length)
      if (value <= 0) return []
      const common = wanted
        .filter((token) => count.has(token))
        .toSorted((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0))
      return [{ item, score: value, similarity: Math.min(1, value / Math.max(best, 1e-9)), common }]
    })
    .toSorted((left, right) => right.score - left.score)
}

function countOf(tokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return counts
}

const WORD = /[\p{L}][\p{L}\p{N}_]{2,40}/gu
const WORDS_MAX = 60

/** Words of a message template; its placeholders and numbers say nothing. */
export function wordTokens(text: string): string[] {
  const words = text.replaceAll(/<[^>]*>/g, ' ').match(WORD) ?? []
  return words.slice(0, WORDS_MAX).map((word) => word.toLowerCase())
}

/** Where an incident began tells most of why: the same service at fault is worth more than any issue. */
const ROOT_TIMES = 3

/** What an incident is about, as tokens: where it began, its issues, then everything else. */
export interface IncidentFacts {
  services: readonly string[]
  fingerprints: readonly string[]
  titles: readonly string[]
  kinds: readonly string[]
  root: string
  causes: readonly string[]
}

export function incidentTokens(facts: IncidentFacts): string[] {
  const { services, fingerprints, titles, kinds, root, causes } = facts
  const issues = fingerprints.filter((one) => one !== '').map((one) => `issue:${one}`)
  return [
    ...issues,
    ...issues,
    ...services.map((one) => `service:${one}`),
    ...(root === '' ? [] : Array<string>(ROOT_TIMES).fill(`root:${root}`)),
    ...kinds.map((one) => `kind:${one}`),
    ...causes.map((one) => `cause:${one}`),
    ...new Set(titles.flatMap((title) => wordTokens(title))),
  ]
}
