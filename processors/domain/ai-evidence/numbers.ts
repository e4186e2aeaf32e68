/**
 * The numbers of a sentence must be numbers of the evidence. A number counts as known within one hundredth; a word
 * with digits in it (v7, cart-2, p95) is a name and must stand in the evidence as it is.
 */
const TOLERANCE = 0.01
const WORD = /[\p{L}\p{N}_#][\p{L}\p{N}_.,:#/%-]*/gu

export interface KnownNumbers {
  values: readonly number[]
  names: ReadonlySet<string>
}

/** Everything with digits that the evidence says. */
export function numbersIn(texts: readonly string[]): KnownNumbers {
  const values: number[] = []
  const names = new Set<string>()
  for (const text of texts)
    for (const word of wordsWithDigits(text)) {
      names.add(word.toLowerCase())
      values.push(...valuesOf(word))
    }
  return { values, names }
}

/** Words of a sentence that the evidence does not know; empty when all is well. */
export function unknownNumbers(sentence: string, known: KnownNumbers): string[] {
  return wordsWithDigits(sentence).filter((word) => {
    if (known.names.has(word.toLowerCase())) return false
    const values = valuesOf(word)
    if (values.length === 0) return true
    return !values.every((value) => known.values.some((other) => isNear(value, other)))
  })
}

function wordsWithDigits(text: string): string[] {
  return [...text.matchAll(WORD)]
    .map(([word]) => word.replaceAll(/[.,:/-]+$/g, ''))
    .filter((word) => /\p{N}/u.test(word))
}

/** `1,234`, `12.5%`, `#12`, `12:30:05` (a name only), `v7` (a name only). */
function valuesOf(word: string): number[] {
  const bare = word.replace(/^#/, '').replace(/%$/, '')
  const value = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(bare)
    ? Number(bare.replaceAll(',', ''))
    : /^\d+(\.\d+)?$/.test(bare)
      ? Number(bare)
      : Number.NaN
  return Number.isFinite(value) ? [value] : []
}

function isNear(left: number, right: number): boolean {
  return Math.abs(left - right) <= TOLERANCE * Math.max(Math.abs(left), Math.abs(right))
}
