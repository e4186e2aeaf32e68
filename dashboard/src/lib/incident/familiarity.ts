import type { Familiarity } from '#lib/contract.ts'
import { counted } from '#lib/format.ts'

/** `Rare: 3 of 80 incidents of the last 30 days had an issue of this one.` */
export function familiaritySentence({ label, alike, incidents }: Familiarity): string {
  const of = counted(incidents, 'incident')
  if (label === 'new')
    return incidents === 0
      ? 'New: there was no other incident in the 30 days before.'
      : `New: none of ${of} of the 30 days before had an issue of this one.`
  const name = { frequent: 'Frequent', occasional: 'Occasional', rare: 'Rare' }[label]
  return `${name}: ${alike} of ${of} of the 30 days before had an issue of this one.`
}
