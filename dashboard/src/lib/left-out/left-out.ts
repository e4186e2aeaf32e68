/** Words of an address that its page does not know. They change nothing, and that must be said: what is shown is not what was asked. */
import { shortened } from '#lib/format.ts'
import { instant, type Params } from '#lib/time/range.ts'

/** What a parameter may say: one of some words, a time, or anything. */
export type Vocabulary = Readonly<Record<string, readonly string[] | 'time' | 'any'>>

export interface LeftOut {
  name: string
  value: string
  sentence: string
}

/** Parameters that stay in an address from page to page. */
const EVERYWHERE: Vocabulary = {
  q: 'any',
  cursor: 'any',
  service: 'any',
  // A range that cannot be is told beside the range.
  t: 'any',
  from: 'any',
  to: 'any',
  diff: 'any',
  at: 'time',
  as: ['known', 'true'],
  order: ['desc', 'asc'],
}
const SHOWN_MAX = 3

export function leftOut(
  params: Iterable<readonly [string, string]>,
  own: Vocabulary,
): readonly LeftOut[] {
  const known: Vocabulary = { ...EVERYWHERE, ...own }
  return [...params]
    .flatMap(([name, given]) => {
      const value = given.trim()
      const sentence = value === '' ? null : sentenceFor(name, value, known)
      return sentence === null ? [] : [{ name, value, sentence }]
    })
    .slice(0, SHOWN_MAX)
}

function sentenceFor(name: string, value: string, known: Vocabulary): string | null {
  const words = Object.hasOwn(known, name) ? known[name] : undefined
  const said = `“${shortened(value, 40)}”`
  if (words === undefined) return `This page has no parameter “${shortened(name, 40)}”.`
  if (words === 'any') return null
  if (words === 'time')
    return Number.isNaN(instant(value))
      ? `${said} is no time: write it as 2026-11-26T09:50:00Z.`
      : null
  return words.includes(value) ? null : `${said} is not known for ${name}: ${words.join(', ')} are.`
}

/** The parameters without the words that were left out. */
export function without(
  params: Params,
  words: readonly LeftOut[],
): Record<string, readonly string[]> {
  return Object.fromEntries(
    words.map(({ name }) => [
      name,
      params
        .getAll(name)
        .filter((value) => !words.some((one) => one.name === name && one.value === value.trim())),
    ]),
  )
}
