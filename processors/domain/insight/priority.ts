/** What decides which incident goes first; all of it counted. */
export interface Ranked {
  number: number
  severity: number
  severity_score: number
  users: number
  opened_at: number
}

/** Worst level first, then score, then people, then the one that has waited longer. Nothing here is anybody's opinion. */
const ORDER: readonly (readonly [keyof Ranked, 'up' | 'down'])[] = [
  ['severity', 'up'],
  ['severity_score', 'down'],
  ['users', 'down'],
  ['opened_at', 'up'],
  ['number', 'up'],
]

/** The same order for rows that the store sorts. */
export const RANKED_SQL = ORDER.map(([name, way]) => (way === 'up' ? name : `${name} DESC`)).join(
  ', ',
)

export function rankIncidents<T extends Ranked>(incidents: readonly T[]): T[] {
  return incidents.toSorted((left, right) => {
    const deciding = ORDER.find(([name]) => left[name] !== right[name])
    if (deciding === undefined) return 0
    const [name, way] = deciding
    return way === 'up' ? left[name] - right[name] : right[name] - left[name]
  })
}
