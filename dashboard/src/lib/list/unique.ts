/** The first of each id, in order: a list keyed by ids must not meet one twice, whatever was answered. */
export function uniqueBy<T>(items: readonly T[], id: (item: T) => string): readonly T[] {
  const seen = new Set<string>()
  return items.filter((item) => {
    const known = seen.has(id(item))
    seen.add(id(item))
    return !known
  })
}
