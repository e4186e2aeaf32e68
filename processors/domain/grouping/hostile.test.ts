import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '#/kernel/random.ts'
import { fastestCpuMs } from '#/kernel/test-cost.ts'
import { createGrouper, restoreGrouper, type GroupInput } from './fingerprint.ts'

const EVENT_MS_MAX = 10
const STATE_BYTES_MAX = 12_000_000
const environment = 'prod'

/** One code point of every 4,096, in all planes, lone surrogates among them. */
function everyPlane(): string {
  let text = ''
  for (let code = 0; code <= 0x10ffff; code += 4096) text += `${String.fromCodePoint(code)}a `
  for (let code = 0xd800; code < 0xe000; code += 64) text += String.fromCharCode(code)
  return text
}

const many = (text: string, count: number): string => text.repeat(count)

const HOSTILE: Readonly<Record<string, string>> = {
  'one token of a megabyte': many('x', 1_000_000),
  'one number of a megabyte': many('7', 1_000_000),
  'ten thousand lines': many('at somewhere else\n', 10_000),
  'ten thousand frames': `E: x\n${many('    at f (https://a.test/b.js:1:2)\n', 10_000)}`,
  'ten thousand Java frames of other classes': `E: x\n${Array.from({ length: 10_000 }, (_, at) => `\tat a.b${at}.C.d(C.java:1)`).join('\n')}`,
  'ten thousand Python frames': `Traceback (most recent call last):\n${many('  File "/a/b.py", line 1, in f\n', 10_000)}E: x`,
  'causes without end': many('Caused by: a.B: c\n\tat a.B.c(B.java:1)\n', 10_000),
  'every plane and lone surrogates': everyPlane(),
  nulls: many('\0', 100_000),
  'brackets that never close': many('([{<"\'', 50_000),
  'quotes that never close': many('a="', 100_000),
  'lists without end': `users: ${many('ab,', 200_000)}`,
  'bracketed lists that fail late': many('(ab, ', 50_000),
  dots: many('.', 500_000),
  slashes: many('/', 500_000),
  'a bomb for greedy expressions': `${many('a', 50_000)}!`,
  'a bomb of spaces': `at ${many(' ', 100_000)}(`,
  'a bomb of parentheses': `    at f ${many('(', 50_000)}${many(')', 50_000)}`,
  'angle brackets of .NET': `   at A.B.${many('<', 20_000)}c>d__1.MoveNext() in /a/b.cs:line 1`,
  'dollars of Java': `E: x\n\tat a.B${many('$$Lambda$1', 20_000)}.c(B.java:1)`,
  'digits and colons': many('1:', 250_000),
  'dates without end': many('Mon Jan 1 ', 50_000),
  ats: many('a@', 250_000),
  'JSON that nests': many('{"a":', 100_000),
  'percent signs and escapes': many('%41\\x41', 80_000),
}

const inputsOf = (text: string): GroupInput[] => [
  { environment, message: text },
  { environment, stack: text },
  { environment, error_type: text, message: 'm' },
  { environment, message: 'm', stack: `E: ${text}\n    at f (a.js:1:2)` },
]

describe('hostile text', () => {
  it.each(Object.entries(HOSTILE))('costs less than 10 ms: %s', (_, text) => {
    for (const input of inputsOf(text)) {
      const ms = fastestCpuMs(() => createGrouper().group(input), EVENT_MS_MAX)
      expect(ms).toBeLessThanOrEqual(EVENT_MS_MAX)
      expect(createGrouper().group(input).fingerprint).toMatch(/^[\da-f]{64}$/u)
    }
  })

  it('a way that costs the square of the length is noticed (negative control)', () => {
    const text = HOSTILE['quotes that never close'] ?? ''
    const ms = fastestCpuMs(() => {
      for (let at = 0; at < text.length; at += 3) if (text.indexOf('z', at) > 0) break
    }, EVENT_MS_MAX)
    expect(ms).toBeGreaterThan(EVENT_MS_MAX)
  })

  it('keeps little, whatever arrives, and goes on as if nothing had been', () => {
    const random = createSeededRandom(5)
    const grouper = createGrouper()
    const texts = Object.values(HOSTILE)
    for (let at = 0; at < 1500; at++) {
      const text = texts[random.int(texts.length)] ?? ''
      const from = random.int(text.length)
      const message = `${random.int(1e9).toString(36)} ${text.slice(from, from + 3000)}`
      grouper.group(
        random.int(2) === 0 ? { environment, message } : { environment, stack: message },
      )
    }
    const state = JSON.stringify(grouper.snapshot())
    expect(state.length).toBeLessThan(STATE_BYTES_MAX)
    const again = restoreGrouper(JSON.parse(state))
    const input = { environment, message: 'disk 7 is full' }
    expect(again.group(input).fingerprint).toBe(createGrouper().group(input).fingerprint)
  })
})
