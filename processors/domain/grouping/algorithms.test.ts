import { describe, expect, it } from 'vitest'
import { createAlgorithms, type Algorithm } from './algorithms.ts'
import { createGrouper, restoreGrouper, type Grouped, type Grouper } from './fingerprint.ts'

const first: Algorithm = {
  version: 1,
  create: () => createGrouper(),
  restore: (state) => restoreGrouper(state),
}

/** A second version whose every id differs, and to which `lost` and `missing` are one word. */
const second: Algorithm = {
  version: 2,
  create: () => reading(createGrouper()),
  restore: (state) => reading(restoreGrouper(state)),
}

function reading(inner: Grouper): Grouper {
  return {
    group: (input) => {
      const message = `v2 ${(input.message ?? '').replace('lost', 'missing')}`
      return inner.group({ ...input, message })
    },
    use: (rules) => inner.use(rules),
    get version() {
      return inner.version
    },
    snapshot: () => inner.snapshot(),
  }
}

const of = (grouper: Grouper, message: string): Grouped =>
  grouper.group({ environment: 'prod', message })

function upgraded() {
  const old = createAlgorithms([first])
  const before = old.create()
  const disk = of(before, 'disk 1 is full').fingerprint
  const lost = of(before, 'key 1 is lost').fingerprint
  const missing = of(before, 'key 1 is missing').fingerprint
  const algorithms = createAlgorithms([first, second])
  const grouper = algorithms.restore(JSON.parse(JSON.stringify(old.store(before))))
  return { algorithms, grouper, disk, lost, missing }
}

describe('a new version of grouping beside the old one', () => {
  it('[C11] the two versions differ in every id (negative control)', () => {
    const alone = createAlgorithms([first, second]).create()
    expect(of(alone, 'disk 2 is full').fingerprint).not.toBe(upgraded().disk)
  })

  it('[C11] events of known issues stay in them, and the new ids become aliases, told once', () => {
    const { grouper, disk } = upgraded()
    const one = of(grouper, 'disk 2 is full')
    expect(one.fingerprint).toBe(disk)
    expect(one.aliases).toHaveLength(1)
    expect(one.aliases?.[0]).toMatchObject({ to: disk })
    const two = of(grouper, 'disk 3 is full')
    expect(two.fingerprint).toBe(disk)
    expect(two.aliases).toBeUndefined()
    expect(two.reason).toContain('version 1')
  })

  it('[C11] what is one to the new version is merged, never opened anew', () => {
    const { grouper, lost, missing } = upgraded()
    expect(of(grouper, 'key 2 is lost').fingerprint).toBe(lost)
    const merging = of(grouper, 'key 2 is missing')
    expect(merging.fingerprint).toBe(lost)
    expect(merging.aliases).toEqual([{ from: missing, to: lost }])
    expect(merging.own).toBe(missing)
  })

  it('[C11] goes on after a restart as it would have', () => {
    const { algorithms, grouper, disk } = upgraded()
    of(grouper, 'disk 2 is full')
    const again = algorithms.restore(JSON.parse(JSON.stringify(algorithms.store(grouper))))
    for (const message of ['disk 4 is full', 'key 4 is lost', 'key 5 is missing', 'new 6 here'])
      expect(of(again, message)).toEqual(of(grouper, message))
    expect(of(again, 'disk 5 is full').fingerprint).toBe(disk)
  })

  it('state from before versions had numbers is of the first', () => {
    const plain = createGrouper()
    const { fingerprint } = of(plain, 'disk 1 is full')
    const again = createAlgorithms([first, second]).restore(plain.snapshot())
    expect(of(again, 'disk 2 is full').fingerprint).toBe(fingerprint)
  })

  it('a version that is not in the code any more is said by its number', () => {
    const stored = createAlgorithms([first]).store(createGrouper())
    expect(() => createAlgorithms([second]).restore(stored)).toThrow('1 any more')
  })
})
