import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReplayState } from '#/api/ports.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { faultline, waitFor } from '#/test/e2e/processes.ts'
import type { Finished } from '#/test/e2e/processes.ts'
import { consumerGroups } from './front-clients.ts'
import { openRoleCluster } from './role-cluster.ts'
import type { RoleCluster } from './role-cluster.ts'
import { kafkaAvailable, sharedKafka } from './shared.ts'

const EVENTS = 600
const BATCH = 100
const WITHIN_MS = 90_000

function batch(from: number): object[] {
  return Array.from({ length: BATCH }, (_, place) => {
    const isError = (from + place) % 4 === 0
    return {
      event_type: isError ? 'error' : 'http_request',
      event_id: `e${from + place}`,
      service: `svc-${(from + place) % 5}`,
      ...(isError
        ? { severity: 'error', message: `cart ${from + place} is lost`, error_type: 'CartError' }
        : { status_code: 200, duration_ms: 12 }),
    }
  })
}

/** A replay on a real Kafka, over several processes: told by the operator, and by Kafka's own tool. */
describe.skipIf(!kafkaAvailable())('a replay over a real Kafka', () => {
  const prefix = `replay-${systemRandom.int(1e9).toString(36)}-`
  let cluster: RoleCluster
  let api: RunningPlatform
  let processors: RunningPlatform[] = []
  const operator = (...args: string[]): Promise<Finished> =>
    faultline([...args, '--json', '--url', api.url], {
      environment: { FAULTLINE_OPERATOR_TOKEN: cluster.operatorToken },
    })
  const replayed = async (group: string): Promise<ReplayState> => {
    const wish = ['replay', '--group', group, '--reset-to', 'earliest']
    const { code, stdout, stderr } = await operator(...wish)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout) as ReplayState
  }
  const status = async (): Promise<ReplayState> =>
    JSON.parse((await operator('replay', 'status')).stdout) as ReplayState

  beforeAll(async () => {
    cluster = await openRoleCluster({ brokers: sharedKafka().brokers, prefix, partitions: 2 })
    const [first, ingest, , ...others] = await Promise.all([
      cluster.start('api'),
      cluster.start('ingest'),
      cluster.start('sink'),
      cluster.start('processors'),
      cluster.start('processors'),
    ])
    api = first
    processors = others
    for (let from = 0; from < EVENTS; from += BATCH)
      expect((await ingest.post(batch(from), api.key)).status).toBe(202)
    await waitFor(
      async () => {
        const [row] = await cluster.rows<{ n: string }>(
          "SELECT uniqExact(event_id) AS n FROM events WHERE project = 'default'",
        )
        return Number(row?.n) === EVENTS
      },
      { what: `${EVENTS} events in ClickHouse`, withinMs: WITHIN_MS, everyMs: 300 },
    )
  }, 170_000)
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  it('[B9] [RT20] of a group gives identical tables, whoever drives it', async () => {
    const done = await replayed('detect')
    expect(done).toMatchObject({ phase: 'done', group: 'detect', identical: true })
    expect(done.records).toBeGreaterThanOrEqual(EVENTS)
    expect(done.tables['detections']?.after.rows).toBeGreaterThan(0)
    process.stderr.write(`\nlive work rested for ${Math.round(done.paused_ms)} ms\n`)
  })

  it('[B9] [RT7] offsets reset with Kafka’s own tool are the same wish', async () => {
    const { epoch } = await status()
    const toEarliest = (): ReturnType<typeof consumerGroups> =>
      consumerGroups(
        sharedKafka().brokers.join(','),
        '--group',
        `${prefix}detect`,
        '--reset-offsets',
        '--to-earliest',
        '--all-topics',
        '--execute',
      )
    const isRefused = ({ stdout, stderr }: { stdout: string; stderr: string }): boolean =>
      (stdout + stderr).includes('is inactive, but the current state is')
    // Kafka resets offsets of groups without members only: the processes of the group end first.
    expect(isRefused(await toEarliest())).toBe(true)
    expect((await status()).epoch).toBe(epoch)
    await Promise.all(processors.map((one) => one.stop('SIGTERM')))
    const reset = await waitFor(
      async () => {
        const answer = await toEarliest()
        return isRefused(answer) ? undefined : answer
      },
      { what: 'Kafka to reset the offsets of detect', withinMs: 60_000, everyMs: 500 },
    )
    expect(reset.stdout).toContain(`${prefix}signals.fingerprinted.v1`)
    await cluster.start('processors')
    const done = await waitFor(
      async () => {
        const state = await status()
        return state.epoch > epoch && state.phase === 'done' ? state : undefined
      },
      { what: 'the replay the reset offsets wish for', withinMs: WITHIN_MS, everyMs: 500 },
    )
    expect(done).toMatchObject({ group: 'detect', identical: true })
    const [row] = await cluster.rows<{ rows: string; ids: string }>(
      "SELECT count() AS rows, uniqExact(event_id) AS ids FROM events WHERE project = 'default'",
    )
    expect({ rows: Number(row?.rows), ids: Number(row?.ids) }).toEqual({
      rows: EVENTS,
      ids: EVENTS,
    })
  })

  it('[B9] [RT17] from the raw topic, by one process where two were live, and in larger batches: identical tables', async () => {
    const done = await replayed('fingerprint')
    expect(done).toMatchObject({ phase: 'done', group: 'fingerprint', identical: true })
    for (const table of ['events', 'detections']) {
      const { before, after } = done.tables[table]!
      expect(after.rows).toBeGreaterThan(0)
      expect(after).toEqual(before)
    }
  })
})
