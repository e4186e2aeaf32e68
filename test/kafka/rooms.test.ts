/** Rooms of two processes over a real Kafka: one order, one decision for each command, also when the decider dies. */
import { describe, expect, it } from 'vitest'
import { openGateway } from '#/api/collab/gateway.ts'
import type { Gateway } from '#/api/collab/gateway.ts'
import { openLogBus } from '#/api/collab/presence-bus.ts'
import { startSequencer } from '#/api/collab/sequencer.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { foldTo } from '#/schemas/collab/history.ts'
import { hashRoom } from '#/schemas/collab/state.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { KafkaLogs, until } from './kafka-kit.ts'
import { kafkaAvailable } from './shared.ts'

const INCIDENT = 'm1'
const ANN = { id: 'user:ann', name: 'Ann', role: 'responder' } as const
const NOTES = 24

describe.skipIf(!kafkaAvailable())('rooms over Kafka', () => {
  it('[G16] [G7] people on two processes share one order; the sequencer of the one that dies is taken over', async () => {
    const logs = new KafkaLogs('kafkajs')
    const registry = createMemoryRegistry()
    const schemaIds = await registerAll(registry)
    const open = async (seed: number) => {
      const log = await logs.open()
      const limits = { retentionMs: Infinity, retentionBytes: Infinity }
      await log.createTopics(
        [TOPICS.commands, TOPICS.actions, TOPICS.presence].map(({ name, compacted }) => ({
          name,
          partitions: 1,
          compacted,
          ...limits,
        })),
      )
      const base = { log, clock: systemClock, schemaIds, registry }
      const bus = await openLogBus(base)
      const gateway = await openGateway({ ...base, random: createSeededRandom(seed), bus })
      return { log, gateway, sequencer: await startSequencer(base) }
    }
    const say = (
      gateway: Gateway,
      cmdId: string,
      kind: 'create' | 'note',
      payload: Record<string, string | number>,
    ) => {
      const command = { cmdId, kind, payload, actor: ANN, at: 1 }
      return gateway.execute({ project: 'default', incidentId: INCIDENT, command })
    }
    const left = await open(1)
    await say(left.gateway, 'a:0', 'create', { title: 'Phones', severity: 2 })
    const right = await open(2)
    for (let count = 1; count <= NOTES; count += 1) {
      // Its log is closed under it: its sequencer ends in the middle of whatever it does.
      if (count === NOTES / 2) await left.log.close()
      const { gateway } = count < NOTES / 2 && count % 2 === 0 ? left : right
      const outcome = await say(gateway, `a:${count}`, 'note', { id: `n${count}`, text: 'x' })
      expect(outcome).toHaveProperty('event')
    }
    await until('the takeover', async () => right.sequencer.owned().length === 1)
    const history = await right.gateway.history(INCIDENT)
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, index) => index + 1))
    expect(history.map(({ cmdId }) => cmdId)).toEqual(
      Array.from({ length: NOTES + 1 }, (_, index) => `a:${index}`),
    )
    const now = hashRoom(right.gateway.rooms.book.stateOf(INCIDENT))
    expect(hashRoom(foldTo(INCIDENT, history))).toBe(now)
    for (const { sequencer } of [left, right]) await sequencer.close()
    await left.gateway.close()
    await right.gateway.close()
    await logs.close()
  })
})
