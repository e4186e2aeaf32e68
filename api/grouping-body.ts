import { wrong } from './params.ts'

const REASON_CHARS_MAX = 500
const IDS_MAX = 100

type Body = Readonly<Record<string, unknown>>

export function optionalText(body: Body, name: string): string {
  const value = body[name] ?? ''
  if (typeof value === 'string') return value
  throw wrong(name, `${name} must be text.`)
}

export function textsOf(body: Body, name: string): readonly string[] {
  const value = body[name]
  if (!Array.isArray(value) || value.length === 0 || value.length > IDS_MAX)
    throw wrong(name, `${name} must be a list of 1 to ${IDS_MAX} ids.`)
  if (!value.every((one) => typeof one === 'string' && one !== ''))
    throw wrong(name, `${name} must hold ids as text.`)
  return [...new Set(value as string[])]
}

/** Whoever changes groups says why: the history shows it. */
export function reasonOf(body: Body): string {
  const reason = optionalText(body, 'reason').trim()
  if (reason === '')
    throw wrong('reason', 'reason must say why.', 'One sentence: it is shown in the history.')
  if (reason.length > REASON_CHARS_MAX)
    throw wrong('reason', `reason has more than ${REASON_CHARS_MAX} characters.`)
  return reason
}

export function wholeNumber(
  body: Body,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const value = body[name] ?? fallback
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max)
    return Number(value)
  throw wrong(name, `${name} must be a whole number from ${min} to ${max}.`)
}
