import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { readProblem } from './codec.ts'

/** Confluent's levels: who must be able to read whose records. */
export const COMPATIBILITY_LEVELS = [
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
  'NONE',
] as const
export type CompatibilityLevel = (typeof COMPATIBILITY_LEVELS)[number]

/**
 * What is wrong with a new version beside the earlier ones (oldest first); empty when nothing. Backward: the new
 * schema reads old records. Forward: the old schema reads new ones. Transitive: all earlier versions count, not only
 * the last. Fails with `invalid_request` when the text is no Avro schema.
 */
export function incompatibilities(
  schema: string,
  earlier: readonly string[],
  level: CompatibilityLevel,
): readonly string[] {
  assertSchema(schema)
  if (level === 'NONE') return []
  const others = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1)
  const problems: string[] = []
  for (const other of others) {
    if (!level.startsWith('FORWARD')) add(problems, readProblem(schema, other), 'the new schema')
    if (!level.startsWith('BACKWARD')) add(problems, readProblem(other, schema), 'the old schema')
  }
  return problems
}

function add(problems: string[], problem: string, reader: string): void {
  if (problem !== '') problems.push(`${reader} cannot read the other: ${problem}`)
}

/** Fails with `invalid_request` when the text is no Avro schema. */
export function assertSchema(schema: string): void {
  try {
    readProblem(schema, schema)
  } catch (error) {
    throw new FaultlineError('invalid_request', `This is no Avro schema: ${messageOf(error)}`, {
      path: 'schema',
      remedy: 'See the Avro specification, section Schema Declaration.',
      cause: error,
    })
  }
}
