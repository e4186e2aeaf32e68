const TYPES: readonly (readonly [pattern: RegExp, type: string])[] = [
  [
    /^JSON(?:Compact)?(?:Strings)?EachRow|^NDJSON$|^JSONLines$/,
    'application/x-ndjson; charset=UTF-8',
  ],
  [/^JSON/, 'application/json; charset=UTF-8'],
  [/^CSV/, 'text/csv; charset=UTF-8; header=absent'],
  [/^(?:TSV|TabSeparated)/, 'text/tab-separated-values; charset=UTF-8'],
  [/^XML$/, 'application/xml; charset=UTF-8'],
  [/^HTML$/, 'text/html; charset=UTF-8'],
  [/^(?:Pretty|Vertical|Values|Markdown|SQLInsert)/, 'text/plain; charset=UTF-8'],
]

/** The media type ClickHouse gives a format's output; binary ones are octet streams. */
export function contentTypeOf(format: string): string {
  const found = TYPES.find(([pattern]) => pattern.test(format))
  return found?.[1] ?? 'application/octet-stream'
}
