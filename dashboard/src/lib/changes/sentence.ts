/** `attributes.region` → region; the rest as columns are called. */
export const fieldName = (field: string): string =>
  field.replace(/^attributes\./, '').replaceAll('_', ' ')

/** × 4.5; `new` for what was not there; nobody needs to tell 40 from 41. */
export function liftText(lift: number | null): string {
  if (lift === null) return 'new'
  return lift < 9.95 ? `× ${lift.toFixed(1)}` : `× ${Math.round(lift)}`
}
