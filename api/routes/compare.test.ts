import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { testDetail } from '#/api/test-views.ts'
import type { ChangesQuery } from '#/schemas/reads.ts'
import { withDeclared } from './graph.ts'

let test: TestApp
beforeEach(async () => {
  test = await createTestApp()
})
afterEach(() => test.close())

const asked = (): ChangesQuery | undefined =>
  test.reads.calls.findLast(({ name }) => name === 'changes')?.query as ChangesQuery | undefined

it('a range is compared with as long before it, under the same filters', async () => {
  const answer = await test.get(
    '/api/changes?from=2026-01-01T02:00:00Z&to=2026-01-01T03:00:00Z&service=a',
  )
  expect(answer.status).toBe(200)
  const [from, to] = [Date.UTC(2026, 0, 1, 2), Date.UTC(2026, 0, 1, 3)]
  expect(asked()?.inside).toMatchObject({ from, to })
  expect(asked()?.before).toMatchObject({ from: from - 3_600_000, to: from })
  expect(asked()?.before.filters).toEqual(asked()?.inside.filters)
})

it('an incident is compared with what its services sent in the hour before it', async () => {
  const member = { fingerprint: 'f1', firstAt: 1_000_000_000_000 }
  const incident = { openedAt: 1_000_000_060_000, members: [member] as never }
  test.reads.data.details.push(testDetail(incident))
  expect((await test.get('/api/changes?incident=inc-1')).status).toBe(200)
  expect(asked()?.before).toMatchObject({ from: 999_996_400_000, to: 1_000_000_000_000 })
  expect(asked()?.before.filters.map(({ field }) => field)).toEqual(['service'])
  expect(asked()?.inside.filters.at(-1)).toMatchObject({ field: 'fingerprint', values: ['f1'] })
  expect((await test.get('/api/changes?incident=nothing')).status).toBe(404)
})

it('an impossible range is refused with the field', async () => {
  const { status, body } = await test.get('/api/changes?from=now&to=-1h')
  expect(status).toBe(400)
  expect(body).toMatchObject({ code: 'invalid_request', path: 'from' })
})

it('declared calls join the seen ones, and whoever is only called becomes a node', () => {
  const seen = { caller: 'a', callee: 'b', calls: 3, errors: 1, declared: false }
  const graph = withDeclared({ nodes: [], edges: [seen] }, [
    { name: 'a', calls: ['b', 'c'], external: ['x.example'] },
  ])
  expect(graph.edges).toEqual([
    { ...seen, declared: true },
    { caller: 'a', callee: 'c', calls: 0, errors: 0, declared: true },
    { caller: 'a', callee: 'x.example', calls: 0, errors: 0, declared: true },
  ])
  expect(graph.nodes.map(({ service, external }) => [service, external])).toEqual([
    ['a', false],
    ['b', false],
    ['c', false],
    ['x.example', true],
  ])
})
