import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readDecision } from '#/processors/domain/grouping/decision-entry.ts'
import {
  createDecisionBook,
  type GroupingDecision,
} from '#/processors/domain/grouping/decisions.ts'
import { createDecoder, schemaIdOf } from '#/schemas/codec.ts'
import type { GroupableRow, GroupingReads, IssueMember } from '#/schemas/grouping.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { AppDeps } from './deps.ts'
import { openGroupingDesk, type GroupingDesk } from './grouping-desk.ts'
import { createTestApp, TEST_PARTITIONS, type TestApp } from './test-app.ts'

const DISK = 'd'.repeat(64)
const READ = 'e'.repeat(64)
const LINK = 'f'.repeat(64)
const WORD = 'a'.repeat(64)

/** A twin of the stored projections: rows by what they would be alone, and what was learned about them. */
class Twin implements GroupingReads {
  rows: (Omit<GroupableRow, 'issue'> & { own: string })[] = []
  learned = new Map<string, string>()
  desk: GroupingDesk | undefined

  issueOf(own: string): string {
    return this.desk?.bookOf('default').resolve(own, this.learned.get(own) ?? own) ?? own
  }

  async members({ fingerprint }: { fingerprint: string }) {
    const issue = this.issueOf(fingerprint)
    const owns = [...new Set(this.rows.map(({ own }) => own))]
    const members = owns.filter((own) => this.issueOf(own) === issue)
    if (members.length === 0) return null
    return { fingerprint: issue, members: members.map((own) => this.#member(own)) }
  }

  #member(fingerprint: string): IssueMember {
    const events = this.rows.filter(({ own }) => own === fingerprint).length
    const times = { first_seen: 0, last_seen: 0 }
    const told = { actor: '', reason: '', decision: '' }
    return { fingerprint, title: '', template: '', events, ...times, ...told }
  }

  async sample() {
    return this.rows.map(({ own, ...rest }) => ({ ...rest, issue: this.issueOf(own) }))
  }

  async shapes() {
    return []
  }
}

function row(own: string, message: string): Twin['rows'][number] {
  const empty = { error_type: '', error_code: '', route: '', stack: '', title: message, rule: '' }
  return { own, service: 'web', event_type: 'error', environment: 'prod', message, ...empty }
}

let app: TestApp
let twin: Twin
const desks: GroupingDesk[] = []

beforeEach(async () => {
  twin = new Twin()
  twin.rows = [row(DISK, 'disk 1 is full'), row(READ, 'cannot read disk 2'), row(LINK, 'link down')]
  twin.rows.push(row(WORD, 'link up'))
  app = await createTestApp({
    grouping: async (deps) => {
      const desk = await openGroupingDesk(depsOf(deps))
      desks.push(desk)
      twin.desk = desk
      return { desk, reads: twin }
    },
  })
})

afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.close()
  await app.close()
})

const depsOf = ({ log, clock, schemaIds, registry }: AppDeps) => ({
  log,
  clock,
  schemaIds,
  registry,
})

const change = (url: string, body: object, key: string = app.adminKey) =>
  app.post(body, { url, key })

/** Decisions as the processors meet them, partition by partition. */
async function amongEvents(): Promise<GroupingDecision[][]> {
  const decoder = createDecoder('ConfigEntry')
  const found: GroupingDecision[][] = []
  for (let partition = 0; partition < TEST_PARTITIONS; partition++) {
    const tp = { topic: TOPICS.raw.name, partition }
    const records = await app.log.read(tp, 0, { bytesMax: 1 << 20, waitMs: 0 })
    found.push(
      records
        .filter(({ value }) => schemaIdOf(value!) === app.deps.schemaIds.ConfigEntry)
        .map(({ value }) => readDecision(decoder.decode(value!))!),
    )
  }
  return found
}

describe('groups by decision', () => {
  it('[C11] [N7] a merge is among the events of every partition, with who and why, and in the history', async () => {
    const body = { issues: [LINK], into: DISK, reason: 'one switch' }
    const { status } = await change('/api/issues/merge', body)
    expect(status).toBe(201)
    const all = await amongEvents()
    for (const one of all)
      expect(one).toMatchObject([
        {
          kind: 'merge',
          actor: 'key:admin',
          reason: 'one switch',
          pins: [{ fingerprint: LINK, to: DISK }],
        },
      ])
    const history = await app.get(`/api/issues/${LINK}/grouping`)
    expect(history.body).toMatchObject({
      fingerprint: DISK,
      decisions: [{ id: 'g1', actor: 'key:admin', reason: 'one switch' }],
    })
    const again = await change('/api/issues/merge', body)
    expect(again).toMatchObject({ status: 409, body: { path: 'issues' } })
  })

  it('[C11] a split, and both in the history of what was taken out', async () => {
    twin.learned.set(WORD, LINK)
    const body = { issue: LINK, parts: [WORD], reason: 'up is not down' }
    expect((await change('/api/issues/split', body)).status).toBe(201)
    expect(twin.issueOf(WORD)).toBe(WORD)
    await change('/api/issues/merge', { issues: [WORD], into: DISK, reason: 'after all' })
    const { body: grouping } = await app.get(`/api/issues/${WORD}/grouping`)
    const kinds = (grouping['decisions'] as { kind: string }[]).map(({ kind }) => kind)
    expect(kinds).toEqual(['split', 'merge'])
  })

  it('[N7] undone, once nothing was built on it', async () => {
    await change('/api/issues/merge', { issues: [LINK], into: DISK, reason: 'a' })
    await change('/api/issues/merge', { issues: [DISK], into: READ, reason: 'b' })
    const early = await change('/api/grouping/decisions/g1/undo', { reason: 'c' })
    expect(early).toMatchObject({ status: 409 })
    for (const id of ['g2', 'g1'])
      await change(`/api/grouping/decisions/${id}/undo`, { reason: 'no' })
    expect(twin.issueOf(LINK)).not.toBe(DISK)
    expect(twin.issueOf(DISK)).toBe(DISK)
  })

  it('[C12] what the preview counts is what is there after the rules were saved', async () => {
    const rules = [{ id: 'disks', match: { message: '*disk*' }, fingerprint: ['disk'] }]
    const preview = await change('/api/grouping/rules/preview', { rules })
    expect(preview).toMatchObject({ status: 200, body: { issues_before: 4, issues_after: 3 } })
    expect(await amongEvents()).toEqual([[], [], [], []])
    const saved = await change('/api/grouping/rules', { rules, revision: 0, reason: 'one runbook' })
    expect(saved.status).toBe(201)
    const shown = new Set((await twin.sample()).map(({ issue }) => issue))
    expect(shown.size).toBe(preview.body['issues_after'])
    expect((await app.get('/api/grouping/rules')).body).toMatchObject({ revision: 1, rules })
    const stale = await change('/api/grouping/rules', { rules: [], revision: 0, reason: 'x' })
    expect(stale).toMatchObject({ status: 409, body: { path: 'revision' } })
    // Without the rules the past is as it was.
    await change('/api/grouping/rules', { rules: [], revision: 1, reason: 'no runbook' })
    expect(new Set((await twin.sample()).map(({ issue }) => issue)).size).toBe(4)
  })

  it('mistakes are told by the field, and the rights of a reader do not do', async () => {
    const merge = { issues: [LINK], into: DISK, reason: 'x' }
    const wrong: [string, object, number, string][] = [
      ['/api/issues/merge', { ...merge, reason: '' }, 400, 'reason'],
      ['/api/issues/merge', { ...merge, issues: [] }, 400, 'issues'],
      ['/api/issues/merge', { ...merge, into: 'x' }, 404, 'into'],
      ['/api/issues/merge', { ...merge, issues: ['x'] }, 404, 'issues[0]'],
      ['/api/issues/split', { issue: LINK, parts: [DISK], reason: 'x' }, 400, 'parts[0]'],
      ['/api/issues/split', { issue: LINK, parts: [LINK], reason: 'x' }, 400, 'parts[0]'],
      ['/api/grouping/rules', { rules: [{}], reason: 'x' }, 400, 'rules[0].match'],
      ['/api/grouping/rules/preview', { rules: [], events: 0 }, 400, 'events'],
    ]
    for (const [url, body, status, path] of wrong)
      expect([url, await change(url, body)]).toMatchObject([url, { status, body: { path } }])
    expect((await change('/api/issues/merge', merge, app.readKey)).status).toBe(403)
    expect((await app.post(merge, { url: '/api/issues/merge', key: null })).status).toBe(401)
    expect(await amongEvents()).toEqual([[], [], [], []])
  })

  it('a decision that was written and not yet put among the events is put there at the next start', async () => {
    const append: typeof app.log.append = (batches) =>
      batches[0]?.topic === TOPICS.raw.name
        ? Promise.reject(new Error('killed'))
        : app.log.append(batches)
    const log = new Proxy(app.log, {
      get(target, name) {
        if (name === 'append') return append
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const failing = { ...depsOf(app.deps), log }
    const dying = await openGroupingDesk(failing)
    const pins = [{ fingerprint: LINK, to: DISK }]
    const wish = { kind: 'merge' as const, actor: 'a', reason: 'r', pins }
    await expect(dying.decide('default', () => wish)).rejects.toThrow('killed')
    await dying.close()
    expect(await amongEvents()).toEqual([[], [], [], []])
    const next = await openGroupingDesk(depsOf(app.deps))
    expect((await amongEvents()).map((one) => one.length)).toEqual([1, 1, 1, 1])
    expect(next.history('default')).toHaveLength(1)
    await next.close()
    const book = createDecisionBook()
    const [first] = await amongEvents()
    expect(first!.map((one) => book.apply(one))).toEqual([true])
  })
})
