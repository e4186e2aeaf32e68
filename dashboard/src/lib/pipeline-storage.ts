/** Past this many parts of a table ClickHouse begins to slow inserts down. */
export const PARTS_MANY = 300

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** 210,000,000 → 210 MB */
export function bytes(value: number): string {
  let [size, unit] = [value, 0]
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`
}
