import { expect, it } from 'vitest'

import { uniqueBy } from '#lib/list/unique.ts'

it('keeps the first of each id and the order', () => {
  const rows = ['b1', 'a1', 'b2', 'c1', 'a2']
  expect(uniqueBy(rows, (row) => row.slice(0, 1))).toEqual(['b1', 'a1', 'c1'])
})
