import { FaultlineError } from '#/kernel/errors.ts'

/** One option of a command: a flag, an environment variable and a line of the configuration file in one. */
export interface OptionSpec {
  /** In kebab case; the flag is `--name`, the variable FAULTLINE_NAME, the line of the file `name:`. */
  name: string
  type: 'text' | 'number' | 'flag'
  default?: string | number | boolean
  about: string
  /** Shown in angle brackets in the help: `<ms>`. */
  value?: string
  min?: number
  max?: number
  choices?: readonly string[]
  /** Several of the choices, separated by commas. */
  isList?: boolean
  /** Never printed. */
  secret?: boolean
  /** May hold a password, which is not printed. */
  isAddress?: boolean
}

export type OptionValue = string | number | boolean | undefined
export type OptionValues = Readonly<Record<string, OptionValue>>

export interface ParsedArguments {
  /** Values given on the command line, by option name. */
  given: OptionValues
  positional: readonly string[]
  help: boolean
}

/** The closest known name by edits, when it is close enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const scored = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0]
  return scored !== undefined && scored.distance <= Math.max(2, name.length / 2)
    ? scored.candidate
    : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced))
    }
    row = next
  }
  return row[b.length] ?? 0
}

export function unknownName(kind: string, name: string, known: readonly string[]): FaultlineError {
  const nearest = nearestName(name, known)
  return new FaultlineError('usage', `unknown ${kind} ${name}`, {
    remedy: nearest === undefined ? `known: ${known.join(', ')}` : `did you mean ${nearest}?`,
  })
}

/** Checks one value against its option; `where` names its place for the error. */
export function checkValue(
  spec: OptionSpec,
  raw: unknown,
  where: string,
): string | number | boolean {
  const wrong = (what: string): FaultlineError =>
    new FaultlineError('usage', `${where} ${what}, not ${JSON.stringify(raw)}`)
  if (spec.type === 'flag') {
    if (raw === true || raw === 'true' || raw === '1') return true
    if (raw === false || raw === 'false' || raw === '0') return false
    throw wrong('takes true or false')
  }
  if (spec.type === 'number') {
    const value =
      typeof raw === 'number'
        ? raw
        : Number(typeof raw === 'string' && raw.trim() !== '' ? raw : Number.NaN)
    if (!Number.isFinite(value)) throw wrong('takes a number')
    if (spec.min !== undefined && value < spec.min) throw wrong(`takes at least ${spec.min}`)
    if (spec.max !== undefined && value > spec.max) throw wrong(`takes at most ${spec.max}`)
    return value
  }
  const text = String(raw)
  const given = spec.isList === true ? text.split(',').map((part) => part.trim()) : [text]
  if (spec.choices !== undefined && !given.every((one) => spec.choices?.includes(one) === true))
    throw wrong(
      `takes ${spec.isList === true ? 'some' : 'one'} of ${spec.choices.join(', ')}${spec.isList === true ? ', separated by commas' : ''}`,
    )
  return text
}

/** Parses `--name value`, `--name=value`, `--flag`, `--no-flag`; everything after `--` is positional. */
export function parseArguments(
  args: readonly string[],
  specs: readonly OptionSpec[],
): ParsedArguments {
  const byName = new Map(specs.map((spec) => [spec.name, spec]))
  const given: Record<string, OptionValue> = {}
  const positional: string[] = []
  let help = false
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? ''
    if (argument === '--') {
      positional.push(...args.slice(index + 1))
      break
    }
    if (argument === '--help' || argument === '-h') help = true
    else if (!argument.startsWith('--')) positional.push(argument)
    else {
      const equals = argument.indexOf('=')
      const name = argument.slice(2, equals < 0 ? undefined : equals)
      const negated = name.startsWith('no-') && byName.get(name.slice(3))?.type === 'flag'
      const spec = byName.get(negated ? name.slice(3) : name)
      if (spec === undefined)
        throw unknownName(
          'option',
          `--${name}`,
          [...byName.keys()].map((known) => `--${known}`),
        )
      if (negated) given[spec.name] = false
      else if (equals >= 0)
        given[spec.name] = checkValue(spec, argument.slice(equals + 1), `--${name}`)
      else if (spec.type === 'flag') given[spec.name] = true
      else {
        index += 1
        if (index >= args.length) throw new FaultlineError('usage', `--${name} needs a value`)
        given[spec.name] = checkValue(spec, args[index], `--${name}`)
      }
    }
  }
  return { given, positional, help }
}

/** The options of a command as lines of its help. */
export function describeOptions(specs: readonly OptionSpec[]): string {
  const left = specs.map(
    (spec) => `--${spec.name}${spec.type === 'flag' ? '' : ` <${spec.value ?? spec.type}>`}`,
  )
  const width = Math.max(...left.map((text) => text.length), 6)
  return specs
    .map((spec, index) => {
      const fallback =
        spec.default === undefined || spec.default === false ? '' : ` (default ${spec.default})`
      return `  ${(left[index] ?? '').padEnd(width)}  ${spec.about}${fallback}`
    })
    .join('\n')
}
