/** Sets an entry as the newest; past `max` the oldest goes. */
export function boundedSet<K, V>(
  map: Map<K, V>,
  { key, value, max }: { key: K; value: V; max: number },
): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= max) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}
