import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rebuildTables } from '#/cli/rebuild.ts'
import { queryRows, startPlatform, temporaryFolder } from './platform.ts'
import type { RunningPlatform } from './platform.ts'
import { faultline, waitFor } from './processes.ts'

/** Replays that outlive the process, comparisons under other rules, and rows that are checked against the log. */
let platform: RunningPlatform
const dataDir = temporaryFolder('replay')
beforeAll(async () => {
  platform = await startPlatform({ dataDir })
  const play = ['--scenario', 'bad-deploy', '--rate', '200', '--duration', '60', '--seed', '5']
  expect((await platform.command(['load', ...play])).code).toBe(0)
  await waitFor(async () => (await incidents()).length > 0, { what: 'an incident' })
})
afterAll(async () => {
  await platform[Symbol.asyncDispose]()
  rmSync(dataDir, { recursive: true, force: true })
})

async function incidents(): Promise<readonly { id: string; number: number }[]> {
  const { items } = await platform.get<{ items: { id: string; number: number }[] }>(
    '/api/incidents',
  )
  return items
}

async function operator(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
  const token = readFileSync(join(dataDir, 'operator-token'), 'utf8').trim()
  const response = await fetch(new URL(path, platform.url), {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return response.json()
}

/** As somebody with the secret of the data folder could. */
async function tamper(sql: string): Promise<object[]> {
  const address = new URL(platform.clickhouseUrl)
  address.username = 'faultline'
  address.password = readFileSync(join(dataDir, 'clickhouse-internal'), 'utf8').trim()
  return queryRows(address.href, sql)
}

interface Problem {
  row: string
  field: string
  stored: string
  computed: string
}

async function verified(id: string): Promise<{ code: number | null; problems: Problem[] }> {
  const { code, stdout } = await platform.command(['explain', id, '--verify', '--json'])
  const { verdict } = JSON.parse(stdout) as { verdict: { problems: Problem[] } }
  return { code, problems: verdict.problems }
}

describe('a replay', () => {
  it('[B9] [K1] [RT21] is no reason not to be ready, goes on after kill -9 and a new start, and gives the same tables', async () => {
    await operator('POST', '/api/operator/replay', { group: 'fingerprint', resetTo: 'earliest' })
    await waitFor(
      async () => {
        const { phase } = (await operator('GET', '/api/operator/replay')) as { phase: string }
        return phase === 'reading' || phase === 'pausing'
      },
      { what: 'the replay to begin' },
    )
    // The replay has all of the log before it, which says nothing about live work.
    const { ready, checks } = await platform.get<{ ready: boolean; checks: object[] }>(
      '/health/ready',
    )
    expect({ ready, checks: ready ? [] : checks }).toEqual({ ready: true, checks: [] })
    await platform.kill9()
    platform = await startPlatform({ dataDir })
    const { code, stdout } = await platform.command(['replay', 'status', '--watch', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ phase: 'done', identical: true })
  })
})

describe('replay diff', () => {
  it('[N1] [N4] compares incidents of recorded telemetry', async () => {
    const same = await platform.command(['replay', 'diff', '--without', 'release=none'])
    expect({ code: same.code, text: same.stdout }).toMatchObject({ code: 0 })
    const without = ['replay', 'diff', '--without', 'release=v1.1.0', '--json']
    const { code, stdout } = await platform.command(without)
    expect(code).toBe(3)
    const { diff } = JSON.parse(stdout) as { diff: { differences: { kind: string }[] } }
    // What callers say about it is of their own releases: something is left, but it began later and was milder.
    expect(diff.differences.length).toBeGreaterThan(0)
    const { items } = await platform.get<{ items: object[] }>('/api/replay-diffs')
    expect(items).toMatchObject([
      { without: ['release=v1.1.0'], diff: { differences_total: diff.differences.length } },
      { without: ['release=none'], diff: { differences_total: 0 } },
    ])
  })
})

describe('explain', () => {
  it('[N8] an incident is what the log says', async () => {
    const [incident] = await incidents()
    const args = ['explain', incident!.id, '--verify', '--json']
    const { code, stdout, stderr } = await platform.command(args)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    const { explanation, verdict } = JSON.parse(stdout) as {
      explanation: { steps: { name: string; facts: string[] }[] }
      verdict: { compared: number; problems: object[] }
    }
    expect(verdict.compared).toBeGreaterThan(3)
    expect(verdict.problems).toEqual([])
    const names = explanation.steps.map(({ name }) => name)
    expect(names).toEqual([
      'incident',
      'detections',
      'cluster',
      'severity',
      'causes',
      'insight',
      'rules',
    ])
  })

  it('[N8] finds a field that was changed behind its back, and names row and field', async () => {
    const [incident] = await incidents()
    const { id } = incident!
    const changes = [
      { table: 'incidents', field: 'title', was: `incidents, incident ${id}` },
      { table: 'incident_events', field: 'sentence', was: 'incident_events, step 1' },
    ] as const
    for (const { table, field, was } of changes) {
      const step = table === 'incidents' ? '' : ' AND seq = 1'
      const change = (value: string): Promise<object[]> =>
        tamper(
          `ALTER TABLE ${table} UPDATE ${field} = ${value} WHERE incident_id = '${id}'${step} SETTINGS mutations_sync = 1`,
        )
      await change(`concat('not so: ', ${field})`)
      const found = await verified(id)
      expect({ table, ...found }).toMatchObject({ table, code: 1, problems: [{ row: was, field }] })
      expect(found.problems[0]!.stored).toMatch(/^not so: /)
      await change(`substring(${field}, 9)`)
    }
    expect(await verified(id)).toEqual({ code: 0, problems: [] })
    const { stdout } = await platform.command(['explain', '--id', String(incident!.number)])
    expect(stdout).toContain(`incident ${id}`)
    expect(stdout).toContain('way of grouping: version')
  })

  it('an id that is nowhere is told so', async () => {
    const { code, stderr } = await platform.command(['explain', '--id', 'nobody'])
    expect(code).toBe(1)
    expect(stderr).toContain('nobody')
  })
})

describe('a backup', () => {
  it('[K11] of the running platform is complete; after a wipe, restored tables have the same hashes', async () => {
    const folder = temporaryFolder('backup')
    try {
      const running = await platform.command(['backup', join(folder, 'running')])
      expect(running.stdout).toMatch(/writers waited [\d.]+ ms/)
      const copy = [join(folder, 'running'), '--data-dir', join(folder, 'copy'), '--no-rebuild']
      expect(await faultline(['restore', ...copy])).toMatchObject({ code: 0 })
      // An open incident is told anew with time: only what is stopped stays as it is.
      await platform.stop()
      expect(await platform.command(['backup', join(folder, 'stopped')])).toMatchObject({ code: 0 })
      const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
      const original = Object.entries(await rebuildTables(dataDir, io))
      const live = Object.fromEntries(original.map(([name, { before }]) => [name, before]))
      expect(live['events']!.rows).toBeGreaterThan(1000)
      expect(live['incident_events']!.rows).toBeGreaterThan(0)
      rmSync(dataDir, { recursive: true })
      const args = ['restore', join(folder, 'stopped'), '--data-dir', dataDir, '--json']
      const { code, stdout, stderr } = await faultline(args)
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toEqual(live)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
