/** Addresses of the HTTP API, and the plainest way to ask one of them again from the browser. */

export type Query = Readonly<
  Record<string, string | number | readonly (string | number)[] | null | undefined>
>

/** `/api/x?…` with lists as repeated parameters; null, undefined and '' are left out. */
export function apiPath(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value]
    for (const each of values) {
      if (each !== null && each !== undefined && each !== '') params.append(name, String(each))
    }
  }
  const search = params.toString()
  return search === '' ? `/api/${path}` : `/api/${path}?${search}`
}

/** The answer, or null when there is none: for refreshing what is already on screen. */
export async function askAgain<T>(path: string): Promise<T | null> {
  const response = await fetch(path, { headers: { accept: 'application/json' } }).catch(() => null)
  return response?.ok === true ? ((await response.json()) as T) : null
}
