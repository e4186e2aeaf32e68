/** Numbers as base64 of their 64-bit floats: exact, and a third of what decimal digits take. */
export function numbersToText(numbers: readonly number[]): string {
  const floats = Float64Array.from(numbers)
  return Buffer.from(floats.buffer).toString('base64')
}

export function textToNumbers(text: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  const floats = new Float64Array(bytes.length / 8)
  new Uint8Array(floats.buffer).set(bytes.subarray(0, floats.length * 8))
  return [...floats]
}
