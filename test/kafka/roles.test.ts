import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { IncidentRow, Page, StageView } from '#/schemas/view.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { faultline, waitFor } from '#/test/e2e/processes.ts'
import { openStream } from '#/test/e2e/streams.ts'
import type { StreamMessage } from '#/test/e2e/streams.ts'
import { openRoleCluster } from './role-cluster.ts'
import type { RoleCluster } from './role-cluster.ts'
import { kafkaAvailable, sharedKafka } from './shared.ts'

const PARTITIONS = 3
const BATCHES = 120
const BATCH_EVENTS = 25
const SERVICES = 12

/** Ids say which batch and place; services spread over the partitions. */
function batch(number: number): object[] {
  return Array.from({ length: BATCH_EVENTS }, (_, place) => ({
    event_type: 'http_request',
    event_id: `b${number}-${place}`,
    service: `svc-${(number * BATCH_EVENTS + place) % SERVICES}`,
    status_code: 200,
    duration_ms: 10,
  }))
}

const FATAL = {
  event_type: 'error',
  service: 'checkout',
  severity: 'fatal',
  message: 'the ledger cannot be written',
  error_type: 'LedgerError',
}

describe.skipIf(!kafkaAvailable())('roles as processes of their own', () => {
  let cluster: RoleCluster
  let ingest: RunningPlatform
  let processors: RunningPlatform[]
  let apis: RunningPlatform[]
  let key = ''

  beforeAll(async () => {
    cluster = await openRoleCluster({
      brokers: sharedKafka().brokers,
      prefix: `roles-${systemRandom.int(1e9).toString(36)}-`,
      partitions: PARTITIONS,
    })
    // All at once: topics, schemas, tables and the first key are made by whoever comes first.
    const [door, , ...others] = await Promise.all([
      cluster.start('ingest'),
      cluster.start('sink'),
      cluster.start('api'),
      cluster.start('api'),
      cluster.start('processors'),
      cluster.start('processors'),
      cluster.start('processors'),
    ])
    ingest = door
    apis = others.slice(0, 2)
    processors = others.slice(2)
  }, 170_000)
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  it('[B17] of two API processes that start together with an empty log one makes the first key', async () => {
    const keys = apis.map((api) => api.key).filter((text) => text !== null)
    expect(keys).toHaveLength(1)
    key = keys[0] ?? ''
    const listed = await faultline(['keys', 'list', '--json', '--url', apis[1]?.url ?? ''], {
      environment: { FAULTLINE_OPERATOR_TOKEN: cluster.operatorToken },
    })
    expect(listed.stderr).toBe('')
    const { keys: all } = JSON.parse(listed.stdout) as { keys: { name: string }[] }
    expect(all.map(({ name }) => name)).toEqual(['first key'])
  })

  it('[B11] each serves its own part and nothing else', async () => {
    const status = async (platform: RunningPlatform | undefined, path: string): Promise<number> =>
      (await fetch(new URL(path, platform?.url))).status
    expect(await status(ingest, '/api/incidents')).toBe(404)
    expect(await status(processors[0], '/api/incidents')).toBe(404)
    expect(await status(apis[0], '/api/incidents')).toBe(200)
    expect((await apis[0]?.post([FATAL], key))?.status).toBe(404)
    expect((await processors[0]?.post([FATAL], key))?.status).toBe(404)
    for (const platform of [ingest, ...processors, ...apis])
      await waitFor(
        async () => {
          const answer = await fetch(new URL('/health/ready', platform.url))
          if (answer.ok) return true
          throw new Error(await answer.text())
        },
        { what: `${platform.url} to be ready`, withinMs: 90_000, everyMs: 500 },
      )
  })

  it('[B17] three processors share the partitions; one is killed, nothing is lost or doubled', async () => {
    for (let number = 0; number < BATCHES; number += 1) {
      const { status } = await ingest.post(batch(number), key)
      expect(status).toBe(202)
      if (number === BATCHES / 2) await processors[1]?.kill9()
    }
    expect((await ingest.post(FATAL, key)).status).toBe(202)
    const wanted = BATCHES * BATCH_EVENTS
    // The rollup follows its base table by a moment.
    const count = async (): Promise<{ rows: number; ids: number; summed: number }> => {
      const [row] = await cluster.rows<{ rows: string; ids: string; summed: string }>(
        `SELECT count() AS rows, uniqExact(event_id) AS ids,
          (SELECT sum(events) FROM events_10s WHERE event_type = 'http_request') AS summed
        FROM events WHERE event_type = 'http_request'`,
      )
      return { rows: Number(row?.rows), ids: Number(row?.ids), summed: Number(row?.summed) }
    }
    await waitFor(
      async () => {
        const { ids, summed } = await count()
        return ids >= wanted && summed >= wanted
      },
      { what: `${wanted} events behind a killed processor`, withinMs: 90_000, everyMs: 200 },
    )
    expect(await count()).toEqual({ rows: wanted, ids: wanted, summed: wanted })
  })

  it('[B17] both APIs show the same incident', async () => {
    const incidents = await Promise.all(
      apis.map((api) =>
        waitFor(
          async () => {
            const { items } = await api.get<Page<IncidentRow>>('/api/incidents')
            return items.find(({ services }) => services.includes('checkout'))
          },
          { what: 'the incident', withinMs: 40_000, everyMs: 200 },
        ),
      ),
    )
    expect(incidents[0]?.id).toBe(incidents[1]?.id)
  })

  it('[C13] [B17] two APIs that silence something at the same moment give two numbers', async () => {
    const [one, other] = apis
    const made = await faultline(
      ['keys', 'create', '--scope', 'admin', '--json', '--url', one!.url],
      { environment: { FAULTLINE_OPERATOR_TOKEN: cluster.operatorToken } },
    )
    expect(made.stderr).toBe('')
    const admin = /fl_[0-9a-f]{12}_[0-9a-f]{64}/.exec(made.stdout)?.[0] ?? ''
    const silence = async (api: RunningPlatform): Promise<string | undefined> => {
      const until = systemClock.nowMs() + 3_600_000
      const answer = await fetch(new URL('/api/silences', api.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': admin },
        body: JSON.stringify({ service: 'none-*', until, reason: 'a test' }),
      })
      return answer.status === 201 ? ((await answer.json()) as { id: string }).id : undefined
    }
    // The other process knows the key once it has read it.
    const first = await waitFor(() => silence(other!), { what: 'the key', withinMs: 20_000 })
    const ids = await Promise.all([one!, other!, one!, other!].map(silence))
    expect(new Set([first, ...ids])).toEqual(new Set(['s1', 's2', 's3', 's4', 's5']))
  })

  it('[B17] a live client goes on at another API process, with nothing missed or told twice', async () => {
    const [one, other] = apis
    const nowMs = (): number => systemClock.monotonicMs()
    const path = '/api/stream?channels=live-client'
    const seen: string[] = []
    const send = async (number: number, name = 'live'): Promise<void> => {
      const event = { event_type: 'custom', event_id: `${name}-${number}`, service: 'live-client' }
      expect((await ingest.post(event, key)).status).toBe(202)
    }
    interface EventMessage {
      type: string
      data: { eventId: string }
    }
    const eventsOf = (messages: readonly StreamMessage[]) =>
      messages
        .map((message) => ({ ...message, body: JSON.parse(message.data) as EventMessage }))
        .filter(({ body }) => body.type === 'event')
    const idsOf = (messages: readonly StreamMessage[], name = 'live'): string[] =>
      eventsOf(messages)
        .map(({ body }) => body.data.eventId)
        .filter((id) => id.startsWith(`${name}-`))
    const patience = { withinMs: 60_000 }
    let lastId: string
    {
      await using stream = await openStream(new URL(path, one?.url), { nowMs })
      // A stream begins with what comes after it was opened: it is open once something came.
      for (let number = 0; idsOf(stream.messages, 'first').length === 0; number += 1) {
        expect(number).toBeLessThan(200)
        await send(number, 'first')
        await systemClock.sleep(300)
      }
      for (let number = 0; number < 5; number += 1) await send(number)
      await waitFor(() => idsOf(stream.messages).length >= 5, {
        what: 'five events on one',
        ...patience,
      })
      seen.push(...idsOf(stream.messages))
      lastId = eventsOf(stream.messages).at(-1)?.id ?? ''
      expect(lastId).not.toBe('')
    }
    // Nobody listens meanwhile.
    for (let number = 5; number < 10; number += 1) await send(number)
    {
      await using stream = await openStream(new URL(path, other?.url), {
        nowMs,
        headers: { 'last-event-id': lastId },
      })
      await waitFor(() => idsOf(stream.messages).includes('live-9'), {
        what: 'the tenth event',
        ...patience,
      })
      await send(10)
      await waitFor(() => idsOf(stream.messages).includes('live-10'), {
        what: 'the next event',
        ...patience,
      })
      expect(stream.messages.map(({ event }) => event)).not.toContain('resync')
      seen.push(...idsOf(stream.messages))
    }
    expect(seen).toEqual(Array.from({ length: 11 }, (_, number) => `live-${number}`))
  })

  it('[K1] the lag of every group is told through any API process', async () => {
    const answer = await faultline(['lag', '--json', '--url', apis[0]?.url ?? ''], {
      environment: { FAULTLINE_OPERATOR_TOKEN: cluster.operatorToken },
    })
    expect(answer.stderr).toBe('')
    const stages = JSON.parse(answer.stdout) as StageView[]
    expect(stages.map(({ stage }) => stage)).toEqual([
      'fingerprint',
      'detect',
      'actions',
      'cluster',
      'enrich',
      'ai-answers',
      'events-sink',
      'derived-sink',
    ])
    const fingerprint = stages.find(({ stage }) => stage === 'fingerprint')
    expect(fingerprint?.partitions).toHaveLength(PARTITIONS)
    expect(fingerprint?.partitions.every(({ committed }) => committed > 0)).toBe(true)
  })
})
