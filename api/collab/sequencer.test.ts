import { describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { createMemoryLog } from '#/processors/log/memory.ts'
import type { CommitUnit, Log } from '#/processors/log/port.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import { STEP } from '#/schemas/collab/test-room.ts'
import { createDecoder } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openCommandDoor } from './command-door.ts'
import { startSequencer } from './sequencer.ts'
import { until } from './test-gateways.ts'

const ANN = { id: 'user:ann', name: 'Ann', role: 'responder' } as const
const INCIDENTS = ['inc-1', 'inc-2', 'inc-3']
const PARTITIONS = 2

/** A log whose commits fail now and then: before anything was written, or after all of it was. */
function failing(log: Log, seed: number): Log {
  const random = createSeededRandom(seed)
  const commit = async (unit: CommitUnit): Promise<void> => {
    const roll = random.unit()
    if (roll < 0.2) throw new FaultlineError('log_unavailable', 'made up: not written')
    await log.commit(unit)
    if (roll < 0.4) throw new FaultlineError('log_unavailable', 'made up: no answer')
  }
  return withOwn(log, { commit })
}

function withOwn(log: Log, own: Partial<Log>): Log {
  return new Proxy(log, {
    get: (under, name) =>
      (Reflect.get(own, name) ?? Reflect.get(under, name).bind?.(under)) as never,
  })
}

async function world(seed: number) {
  const log = createMemoryLog({ clock: systemClock })
  const limits = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  await log.createTopics(
    [TOPICS.commands.name, TOPICS.actions.name].map((name) => ({
      name,
      partitions: PARTITIONS,
      ...limits,
    })),
  )
  const registry = createMemoryRegistry()
  const schemaIds = await registerAll(registry)
  const base = { log, clock: systemClock, schemaIds, registry }
  const door = await openCommandDoor(base)
  const start = (own = failing(log, seed)) => startSequencer({ ...base, log: own })
  const actions = async () => {
    const decoder = createDecoder('Action')
    const all: { partition: number; incident: string; seq: number; id: string; result: string }[] =
      []
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const read = await log.read({ topic: TOPICS.actions.name, partition }, 0, {
        bytesMax: 1 << 22,
        waitMs: 0,
      })
      for (const { value } of read) {
        const { incident_id: incident, seq, command_id: id, result } = decoder.decode(value!)
        all.push({ partition, incident, seq, id, result })
      }
    }
    return all
  }
  const send = (incidentId: string, cmdId: string, kind: 'engine' | 'join' | 'rename') => {
    const actor = kind === 'engine' ? ENGINE : ANN
    const payload = kind === 'engine' ? STEP : kind === 'join' ? {} : { title: cmdId }
    const command = { cmdId, kind, payload, actor, at: 1 }
    return door.submit({ project: 'default', incidentId, command })
  }
  return { log, start, actions, send }
}

describe('the sequencer', () => {
  it.each([1, 2, 3])(
    '[G7] [G16] whatever commits fail and whoever takes over, each command is decided once (seed %i)',
    async (seed) => {
      const { log, start, actions, send } = await world(seed)
      const first = await start()
      for (const incident of INCIDENTS) {
        await send(incident, 'engine:1', 'engine')
        await send(incident, 'a:0', 'join')
      }
      let second: Awaited<ReturnType<typeof start>> | undefined
      for (let count = 1; count <= 40; count += 1) {
        for (const incident of INCIDENTS) {
          await send(incident, `a:${count}`, 'rename')
          // Sent again, as a client does that heard nothing.
          if (count % 3 === 0) await send(incident, `a:${count}`, 'rename')
        }
        if (count === 15) second = await start()
        if (count === 25) await first.close()
      }
      const whole = INCIDENTS.length * 42
      let told: Awaited<ReturnType<typeof actions>> = []
      const look = async (): Promise<void> => {
        told = await actions()
      }
      for (let turn = 0; turn < 400 && told.length < whole; turn += 1) {
        await systemClock.sleep(10)
        await look()
      }
      await systemClock.sleep(50)
      await look()
      expect(told.length).toBe(whole)
      for (const incident of INCIDENTS) {
        const own = told.filter((action) => action.incident === incident)
        expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1))
        expect(new Set(own.map(({ id }) => id)).size).toBe(own.length)
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
      }
      await second?.close()
      await log.close()
    },
    30_000,
  )

  it('[G16] decides nothing while the log shows nothing of what was decided before', async () => {
    const { log, start, actions, send } = await world(4)
    const first = await start(log)
    let told: Awaited<ReturnType<typeof actions>> = []
    const isTold = (count: number) => () => {
      void actions().then((all) => (told = all))
      return told.length === count
    }
    await send('inc-1', 'engine:1', 'engine')
    await until(isTold(1), 'the first decision')
    await first.close()
    let reads = 0
    let isHidden = true
    const read: Log['read'] = async (tp, from, options) => {
      if (tp.topic !== TOPICS.actions.name || !isHidden) return log.read(tp, from, options)
      reads += 1
      return []
    }
    const second = await start(withOwn(log, { read }))
    await send('inc-1', 'a:0', 'join')
    await until(() => reads >= 2, 'another try')
    expect((await actions()).length).toBe(1)
    isHidden = false
    await until(isTold(2), 'the second decision')
    expect(told[1]).toMatchObject({ seq: 2, id: 'a:0', result: '' })
    await second.close()
    await log.close()
  })

  it('a record that is no command is left out, and those behind it are decided', async () => {
    const { log, start, actions, send } = await world(9)
    await log.append(
      [0, 1].map((partition) => ({
        topic: TOPICS.commands.name,
        partition,
        records: [{ key: null, value: Buffer.from('rubbish'), timestampMs: 1 }],
      })),
    )
    const sequencer = await start()
    await send('inc-1', 'engine:1', 'engine')
    let count = 0
    const isThere = (): boolean => {
      void actions().then((all) => (count = all.length))
      return count === 1
    }
    await until(isThere, 'the decision')
    await sequencer.close()
    await log.close()
  })
})
