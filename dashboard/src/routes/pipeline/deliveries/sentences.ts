import type { DeliveryView, OnCallView } from '#lib/contract.ts'
import { counted } from '#lib/format.ts'

/** One answer first: does it arrive, and who is woken. */
export function headline(items: readonly DeliveryView[], { targets }: OnCallView): string {
  if (targets.length === 0) return 'Nobody is told of incidents yet.'
  const failed = items.filter(({ status }) => status === 'failed').length
  const waiting = items.filter(({ status }) => status === 'waiting' || status === 'retrying').length
  if (failed > 0) return `${counted(failed, 'notification')} did not arrive.`
  if (waiting > 0) return `${counted(waiting, 'notification')} on the way.`
  return items.length === 0 ? 'Nothing was sent this week.' : 'Everything arrived.'
}

/** What became of it, in words. */
export function stateOf({ status, steps, next_at: next }: DeliveryView): string {
  const last = steps.at(-1)
  const attempts = last?.attempt ?? 0
  if (status === 'delivered') return attempts > 1 ? `delivered at attempt ${attempts}` : 'delivered'
  if (status === 'retrying') return `tried ${attempts} of 12 times`
  if (status === 'waiting') return next === null ? 'waiting' : 'planned'
  return status
}

/** Why, where there is something to say. */
export function whyOf({ steps }: DeliveryView): string {
  return steps.findLast(({ detail }) => detail !== '')?.detail ?? ''
}

export const SIGNS: Readonly<Record<string, string>> = {
  delivered: '●',
  waiting: '○',
  retrying: '■',
  failed: '◆',
  cancelled: '–',
  suppressed: '–',
}
