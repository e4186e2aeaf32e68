/** The part of JSON Schema that answers of models are described with, and its check. */
export interface JsonSchema {
  readonly type: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false
  readonly items?: JsonSchema
  readonly maxItems?: number
  readonly maxLength?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly string[]
  readonly description?: string
}

/** The first thing that is wrong, as a sentence with its path; undefined when the value fits. */
export function misfit(value: unknown, schema: JsonSchema, path = '$'): string | undefined {
  switch (schema.type) {
    case 'object':
      return objectMisfit(value, schema, path)
    case 'array':
      return arrayMisfit(value, schema, path)
    case 'string':
      return stringMisfit(value, schema, path)
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${path} must be true or false`
    case 'number':
    case 'integer':
      return numberMisfit(value, schema, path)
  }
}

function objectMisfit(value: unknown, schema: JsonSchema, path: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${path} must be an object`
  const given = value as Readonly<Record<string, unknown>>
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(given, name)) return `${path}.${name} is missing`
  for (const [name, one] of Object.entries(given)) {
    const own = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined
    if (own === undefined) {
      if (schema.additionalProperties === false) return `${path}.${name.slice(0, 40)} is not known`
      continue
    }
    const wrong = misfit(one, own, `${path}.${name}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function arrayMisfit(value: unknown, schema: JsonSchema, path: string): string | undefined {
  if (!Array.isArray(value)) return `${path} must be a list`
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    return `${path} has more than ${schema.maxItems} entries`
  for (const [at, one] of value.entries()) {
    const wrong =
      schema.items === undefined ? undefined : misfit(one, schema.items, `${path}[${at}]`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function stringMisfit(value: unknown, schema: JsonSchema, path: string): string | undefined {
  if (typeof value !== 'string') return `${path} must be text`
  if (value.length > (schema.maxLength ?? Infinity))
    return `${path} has more than ${schema.maxLength} characters`
  if (value.trim().length < (schema.minLength ?? 0)) return `${path} is empty`
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return `${path} must be one of ${schema.enum.join(', ')}`
  return undefined
}

function numberMisfit(value: unknown, schema: JsonSchema, path: string): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return `${path} must be a number`
  if (schema.type === 'integer' && !Number.isInteger(value)) return `${path} must be a whole number`
  if (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))
    return `${path} is out of its range`
  return undefined
}

/** The JSON of an answer: as it is, or in the one code fence that some models put around it; undefined if it is none. */
export function parseAnswer(text: string): unknown {
  const fenced = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)
  try {
    return JSON.parse(fenced?.[1] ?? text) as unknown
  } catch {
    return undefined
  }
}
