import type { Page } from '#/schemas/view.ts'
import { csvOf } from './csv.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Call } from './route.ts'

/** A page as JSON, or as CSV with the cursor of the following page in `x-next-cursor`. */
export function sendPage<T extends object>(
  call: Call,
  page: Page<T>,
  options: { format: 'json' | 'csv'; columns: readonly (keyof T & string)[] },
): unknown {
  if (options.format === 'json') return page
  if (page.next !== null) void call.reply.header('x-next-cursor', page.next)
  sendCsv(call, csvOf(page.items, options.columns))
  return undefined
}

export function sendCsv(call: Call, csv: string): void {
  void call.reply
    .header('content-type', 'text/csv; charset=utf-8; header=present')
    .header('cache-control', 'no-store')
    .send(csv)
}

/** The thing, or `not_found` when it is null. */
export function found<T>(thing: T | null, what: string): T {
  if (thing !== null) return thing
  throw new FaultlineError('not_found', `There is no ${what}.`)
}

/** The JSON object of a body. Fails with `unsupported_media_type`, `invalid_json` or `invalid_request`. */
export function readObject(call: Call): Record<string, unknown> {
  const { request } = call
  // Not only tidiness: a page of another site may send text/plain without asking first, but not this type.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new FaultlineError('unsupported_media_type', 'Send the body as application/json.', {
      path: 'content-type',
    })
  let value: unknown
  try {
    value = JSON.parse((request.body as Buffer | undefined)?.toString('utf8') ?? '')
  } catch (error) {
    throw new FaultlineError('invalid_json', 'The body is not JSON.', {
      cause: error,
      remedy: 'Send one JSON object.',
    })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new FaultlineError('invalid_request', 'The body must be a JSON object.', {
    path: 'body',
    remedy: 'Send one object; /docs tells its fields.',
  })
}
