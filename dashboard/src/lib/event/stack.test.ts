import fc from 'fast-check'
import { expect, it } from 'vitest'

import { stackLines } from '#lib/event/stack.ts'

it('shows raw text as it is and tells our own frames from libraries', () => {
  const lines = stackLines(
    'Error: x\n    at f (/srv/a.ts:1:2)\n    at g (/srv/node_modules/h.js:3:4)\n',
  )
  expect(lines.map((line) => line.own)).toEqual([true, true, false])
})

it('writes frames out', () => {
  const stack = JSON.stringify([{ function: 'pay', file: 'a.ts', line: 3, in_app: false }, null, 7])
  expect(stackLines(stack)).toEqual([
    { text: '    at pay (a.ts:3)', own: false },
    { text: '    at ? (?)', own: true },
    { text: '    at ? (?)', own: true },
  ])
})

it('never throws and is bounded', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (stack) => {
      expect(stackLines(stack).length).toBeLessThanOrEqual(200)
    }),
  )
  expect(stackLines('x\n'.repeat(10_000))).toHaveLength(200)
})
