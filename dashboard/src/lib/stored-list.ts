/** Lists kept in this browser. What lies there may be anybody's; a browser that keeps nothing has empty ones. */
export type IsOne<T> = (one: unknown) => one is T

export function listFrom<T>(text: string | null, isOne: IsOne<T>): readonly T[] {
  try {
    const stored: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(stored) ? stored.filter(isOne) : []
  } catch {
    return []
  }
}

export function readList<T>(name: string, isOne: IsOne<T>): readonly T[] {
  try {
    return listFrom(localStorage.getItem(name), isOne)
  } catch {
    return []
  }
}

export function writeList(name: string, list: readonly unknown[]): void {
  try {
    localStorage.setItem(name, JSON.stringify(list))
  } catch {
    // Full or switched off: nothing is remembered, and all else goes on.
  }
}
