/**
 * A map that forgets what was not used lately: two generations, each up to half of `max`. A lookup costs
 * one or two map reads, and what is forgotten depends only on the order of the calls.
 */
export interface RecentMap<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): void
  readonly size: number
}

export function createRecentMap<K, V>(max: number): RecentMap<K, V> {
  const half = Math.max(1, Math.floor(max / 2))
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  const set = (key: K, value: V): void => {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }
  return {
    set,
    get(key) {
      const found = young.get(key)
      if (found !== undefined) return found
      const older = old.get(key)
      if (older !== undefined) {
        old.delete(key)
        set(key, older)
      }
      return older
    },
    get size() {
      return young.size + old.size
    },
  }
}
