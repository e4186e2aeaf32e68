import type { Params } from '#lib/time/range.ts'

/** The whole state of a view lies in its address: filters, sort, range, selection. */

export type ParamChanges = Readonly<Record<string, string | readonly string[] | null>>

/** A copy of `url` with some parameters set; null, '' and [] take one away. Other parameters stay. */
export function withParams(
  url: { pathname: string; search: string },
  changes: ParamChanges,
): string {
  const params = new URLSearchParams(url.search)
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name)
    const values = typeof value === 'string' ? [value] : (value ?? [])
    for (const each of values) if (each !== '') params.append(name, each)
  }
  params.sort()
  const search = params.toString()
  return search === '' ? url.pathname : `${url.pathname}?${search}`
}

/** A filter holds several values by being repeated: `service=checkout&service=payments`. */
export function readList(params: Params, name: string): readonly string[] {
  return [...new Set(params.getAll(name).map((value) => value.trim()))].filter(
    (value) => value !== '',
  )
}

/** The values of a filter after one of them was switched on or off. */
export function toggled(values: readonly string[], value: string): readonly string[] {
  const rest = values.filter((other) => other !== value)
  return rest.length === values.length ? [...values, value] : rest
}

/** One of the allowed words, or the first of them. */
export function readChoice<const T extends string>(
  params: Params,
  name: string,
  allowed: readonly [T, ...T[]],
): T {
  const value = params.get(name)
  return allowed.find((word) => word === value) ?? allowed[0]
}
