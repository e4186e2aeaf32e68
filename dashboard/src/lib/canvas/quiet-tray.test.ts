import { expect, it } from 'vitest'
import { MUTED_MS, shownOf } from './quiet-tray.ts'
import type { TrayMood } from './quiet-tray.ts'

const NOW = 1_800_000_000_000
const MINUTE = 60_000
const CALM: TrayMood = { asked: false, decidedAtMs: null, mutedUntilMs: 0 }
const ALL = ['a', 'b', 'c']

it('[I13] one suggestion is seen, the next five minutes after it was decided; all when asked, none while muted', () => {
  expect(shownOf(ALL, CALM, NOW)).toEqual(['a'])
  expect(shownOf(ALL, { ...CALM, decidedAtMs: NOW - 4 * MINUTE }, NOW)).toEqual([])
  expect(shownOf(ALL, { ...CALM, decidedAtMs: NOW - 5 * MINUTE }, NOW)).toEqual(['a'])
  const muted = { ...CALM, mutedUntilMs: NOW + MUTED_MS }
  expect(shownOf(ALL, muted, NOW)).toEqual([])
  expect(shownOf(ALL, { ...muted, asked: true }, NOW)).toEqual(ALL)
  expect(shownOf(ALL, muted, NOW + MUTED_MS)).toEqual(['a'])
})
