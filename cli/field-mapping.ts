import { FaultlineError } from '#/kernel/errors.ts'

/** How lines of a foreign shape become events: `--map occurred_at=ts,host=pod --set environment=staging`. */
export interface FieldMapping {
  /** Event field ← field of the line. */
  from: ReadonlyMap<string, string>
  /** Event field ← fixed text. */
  fixed: ReadonlyMap<string, string>
}

function pairs(text: string, flag: string): Map<string, string> {
  const entries = text.split(',').filter((part) => part.trim() !== '')
  return new Map(
    entries.map((part) => {
      const equals = part.indexOf('=')
      if (equals < 1)
        throw new FaultlineError(
          'usage',
          `${flag} takes field=value pairs separated by commas, not ${part}`,
        )
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()]
    }),
  )
}

export function parseMapping(map: string | undefined, set: string | undefined): FieldMapping {
  return { from: pairs(map ?? '', '--map'), fixed: pairs(set ?? '', '--set') }
}

/** Applies the mapping to one parsed line; fields it does not name are kept as they are. */
export function applyMapping(line: unknown, mapping: FieldMapping): unknown {
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return line
  if (mapping.from.size === 0 && mapping.fixed.size === 0) return line
  const source = line as Record<string, unknown>
  const used = new Set(mapping.from.values())
  const event: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(source)) if (!used.has(name)) event[name] = value
  for (const [field, name] of mapping.from)
    if (source[name] !== undefined && source[name] !== null) event[field] = source[name]
  for (const [field, value] of mapping.fixed) event[field] = value
  return event
}
