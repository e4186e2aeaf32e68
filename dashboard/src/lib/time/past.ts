/** A moment of the past in an address, `?at=…&as=known|true`, the same on every page that can show one. */
import type { Knowledge } from '#lib/contract.ts'
import { instant, type Params } from '#lib/time/range.ts'
import { readChoice, withParams, type ParamChanges } from '#lib/url-state.ts'

export interface PastMoment {
  at: number
  as: Knowledge
}

/** Null for now. */
export function pastOf(params: Params): PastMoment | null {
  const at = instant(params.get('at') ?? '')
  return Number.isNaN(at) ? null : { at, as: readChoice(params, 'as', ['known', 'true']) }
}

/** How an address and a question to the API say it; nothing for now. */
export function pastParams(past: PastMoment | null): { at: string | null; as: string | null } {
  return past === null
    ? { at: null, as: null }
    : { at: new Date(past.at).toISOString(), as: past.as }
}

/** A path that shows the same moment. */
export function withPast(pathname: string, past: PastMoment | null): string {
  return withParams({ pathname, search: '' }, pastParams(past) satisfies ParamChanges)
}
