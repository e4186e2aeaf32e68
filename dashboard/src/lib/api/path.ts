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

const ANSWER_MS_MAX = 20_000

/** The answer, or null when there is none: for refreshing what is already on screen. */
export async function askAgain<T>(path: string): Promise<T | null> {
  const asked = {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  }
  try {
    const response = await fetch(path, asked)
    return response.ok ? ((await response.json()) as T) : null
  } catch {
    return null
  }
}
