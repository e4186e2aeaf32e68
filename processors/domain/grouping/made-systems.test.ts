import { describe, expect, it } from 'vitest'
import { MADE_SYSTEMS } from '#/test/eval/made-systems.ts'
import { madeLines, scoreGroups, scoreSystem } from '#/test/eval/made.ts'
import { createGrouper } from './fingerprint.ts'

/** A check against getting worse: templates and seeds were looked at while the rules were made. */
const SEEDS = [31, 32]
const environment = 'prod'

describe('systems that were made up', () => {
  const scores = Object.keys(MADE_SYSTEMS).flatMap((system) =>
    SEEDS.map((seed) => scoreSystem(system, seed)),
  )
  const mean = (of: (score: (typeof scores)[number]) => number): number =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length

  it('[C2] are grouped as they were made, in every manner of writing', () => {
    const poor = scores.filter(({ groupAccuracy }) => groupAccuracy < 0.9)
    expect(poor.map(({ system, mistakes }) => ({ system, mistakes }))).toEqual([])
    expect(mean((score) => score.groupAccuracy)).toBeGreaterThan(0.98)
    expect(mean((score) => score.groupF1)).toBeGreaterThan(0.96)
    expect(mean((score) => score.aliasedLater)).toBeLessThan(0.02)
  })

  it('[C2] one group for all, or one for each line, scores nothing (negative control)', () => {
    const lines = madeLines('json', 31, 200)
    const all = scoreGroups(
      lines,
      lines.map(() => 'one'),
    )
    const each = scoreGroups(
      lines,
      lines.map((_, at) => String(at)),
    )
    expect([all.accuracy, each.accuracy]).toEqual([0, 0])
    expect(
      scoreGroups(
        lines,
        lines.map(({ label }) => String(label)),
      ),
    ).toMatchObject({
      accuracy: 1,
      f1: 1,
    })
  })
})

const groupsOf = (...messages: string[]): number => {
  const grouper = createGrouper()
  return new Set(messages.map((message) => grouper.group({ environment, message }).fingerprint))
    .size
}

describe('what a message is about', () => {
  it.each([
    ['a status in JSON', '{"path":"/a","status":404}', '{"path":"/a","status":500}'],
    ['a status behind a request', 'GET /a HTTP/1.1" 404 12', 'GET /a HTTP/1.1" 500 12'],
    ['a status as a field', 'status_code=404 path=/a', 'status_code=503 path=/a'],
    ['the event of a JSON line', '{"event":"cart_opened","n":1}', '{"event":"cart_closed","n":1}'],
    ['with a space behind the colon', '{"event": "cart_opened"}', '{"event": "cart_closed"}'],
    ['the text of a key', 'msg="leader elected" term=4', 'msg="leader lost" term=4'],
    ['a state', 'job 7 started', 'job 7 paused'],
    ['a state in capitals', 'job for READY is known', 'job for FAILED is known'],
  ])('[C2] parts groups: %s', (_, left, right) => {
    expect(groupsOf(left, right)).toBe(2)
  })

  it.each([
    [
      'the values of other fields of a JSON line',
      '{"event":"x","user":"ann"}',
      '{"event":"x","user":"bob"}',
    ],
    [
      'with spaces in them',
      '{"event":"x","city":"New York"}',
      '{"event":"x","city":"Old Town Hall"}',
    ],
    ['a quoted value', 'msg="done" user="ann"', 'msg="done" user="bob lee"'],
    ['the length of a list of names', 'allowed: ann,bob', 'allowed: ann,bob,eve,kim'],
    ['of one in brackets', 'now Set(ann, bob) may', 'now Set(eve, kim, lou) may'],
    ['of one of identifiers', 'peers=aeaaade3,bfda3ffa', 'peers=1f2e3d4c,aaaaaa1b,c0ffee00'],
    ['of one of addresses', 'to [10.0.0.1 10.0.0.2]', 'to [10.0.0.1 10.0.0.2 10.0.0.9]'],
    ['identifiers with hardly a digit', 'commit abcdefa9 is bad', 'commit 12de45f7 is bad'],
    ['a unit', 'took 12 ms', 'took 3 s'],
  ])('[C2] does not part them: %s', (_, left, right) => {
    expect(groupsOf(left, right)).toBe(1)
  })
})
