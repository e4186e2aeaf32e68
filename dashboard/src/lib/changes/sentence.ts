import type { ChangeView } from '#lib/contract.ts'
import { percent, shortened } from '#lib/format.ts'

/** `attributes.region` → region; the rest as columns are called. */
export const fieldName = (field: string): string =>
  field.replace(/^attributes\./, '').replaceAll('_', ' ')

/** `release is v412 in 86 %, never before` */
export function changeSentence(change: ChangeView): string {
  const what = `${fieldName(change.field)} ${shortened(change.value, 60)}`
  if (change.lift === null) return `${what}: ${percent(change.share)}, not seen before`
  return `${what}: ${percent(change.share)} instead of ${percent(change.share_before)}`
}

/** × 4.5; `new` for what was not there; nobody needs to tell 40 from 41. */
export function liftText(lift: number | null): string {
  if (lift === null) return 'new'
  return lift < 9.95 ? `× ${lift.toFixed(1)}` : `× ${Math.round(lift)}`
}
