/** What a broker has called complete, and left open: markers that are missing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import type { Api } from '#/processors/log/kafka/api-cluster.ts'
import { TXN_OFFSET_COMMIT } from '#/processors/log/kafka/api-group.ts'
import { PRODUCE } from '#/processors/log/kafka/api-records.ts'
import {
  ADD_OFFSETS,
  DESCRIBE_PRODUCERS,
  DESCRIBE_TRANSACTIONS,
  END_TXN,
  INIT_PRODUCER_ID,
  NO_IDENTITY,
} from '#/processors/log/kafka/api-txn.ts'
import type { TxnRef } from '#/processors/log/kafka/api-txn.ts'
import { encodeForBroker } from '#/processors/log/kafka/batches.ts'
import { BrokerError, checkCode, CODE } from '#/processors/log/kafka/broker-error.ts'
import { Cluster } from '#/processors/log/kafka/cluster.ts'
import type { SendOptions } from '#/processors/log/kafka/cluster.ts'
import { createTransport } from '#/processors/log/kafka/kafka-log.ts'
import { OpenTransactions } from '#/processors/log/kafka/left-open.ts'
import { PartitionProducer } from '#/processors/log/kafka/producer.ts'
import { startBroker } from './broker.ts'
import type { RunningBroker } from './broker.ts'
import {
  Copier,
  createCopyTopics,
  IN,
  KafkaLogs,
  numbered,
  OUT,
  until,
  valuesOf,
} from './kafka-kit.ts'
import { ownBrokerAvailable } from './shared.ts'

const LANE = { lane: 'main' }

const clientOptions = ({ brokers }: RunningBroker, clientId: string) =>
  ({
    brokers,
    client: 'platformatic',
    clientId,
    clock: systemClock,
    random: createSeededRandom(1),
  }) as const

/** Cannot look at partitions for a while. */
class BlindCluster extends Cluster {
  isBlind = true

  override send<I, O>(node: number, api: Api<I, O>, input: I, options: SendOptions): Promise<O> {
    if (this.isBlind && api.name === DESCRIBE_PRODUCERS.name)
      throw new BrokerError(api.name, CODE.notLeader)
    return super.send(node, api, input, options)
  }
}

/**
 * The owner of `in/0` of group `copy` before the one under test, by its requests. What it still sends after the end of
 * its transaction lies there without a marker, as after a broker that ended before it wrote them.
 */
class FormerOwner {
  readonly #cluster: Cluster
  readonly #prefix: string
  #ref: TxnRef
  #sequence = 0

  private constructor(cluster: Cluster, prefix: string, ref: TxnRef) {
    this.#cluster = cluster
    this.#prefix = prefix
    this.#ref = ref
  }

  static async begin(broker: RunningBroker, prefix: string): Promise<FormerOwner> {
    const owner = await FormerOwner.#open(broker, prefix)
    const { transactionalId } = owner.#ref
    const begun = { transactionalId, current: NO_IDENTITY }
    owner.#ref = { transactionalId, ...(await owner.#ask(INIT_PRODUCER_ID, begun)) }
    return owner
  }

  /** Under the identity of who owns it now. */
  static async spy(broker: RunningBroker, prefix: string): Promise<FormerOwner> {
    const owner = await FormerOwner.#open(broker, prefix)
    const { transactionalId } = owner.#ref
    const { producerId, producerEpoch } = await owner.#ask(DESCRIBE_TRANSACTIONS, transactionalId)
    owner.#ref = { transactionalId, producerId, producerEpoch }
    return owner
  }

  static async #open(broker: RunningBroker, prefix: string): Promise<FormerOwner> {
    const options = clientOptions(broker, 'former')
    const cluster = new Cluster(await createTransport(options), options)
    const transactionalId = `${prefix}copy/${prefix}in/0`
    return new FormerOwner(cluster, prefix, { transactionalId, ...NO_IDENTITY })
  }

  async commitOffset(offset: number): Promise<void> {
    const group = `${this.#prefix}copy`
    const member = { group, generation: -1, memberId: '' }
    const offsets = [{ topic: `${this.#prefix}in`, partition: 0, offset, metadata: '' }]
    const input = { ...this.#ref, member, offsets }
    // The group's coordinator may still be loading on a broker that has just started.
    await this.#cluster.retry(
      () =>
        this.#cluster.onCoordinator('group', group, async (node) => {
          for (const { error } of await this.#cluster.send(node, TXN_OFFSET_COMMIT, input, LANE))
            checkCode('TxnOffsetCommit', error)
        }),
      { what: 'offset' },
    )
  }

  async produce(from: number, count: number): Promise<void> {
    const topic = `${this.#prefix}out`
    const producer = { ...this.#ref, sequence: this.#sequence, isTransactional: true }
    this.#sequence += count
    const batch = encodeForBroker(numbered(from, count), { producer, compression: 'none' })
    const { transactionalId } = this.#ref
    const input = { transactionalId, items: [{ topic, partition: 0, batch }] }
    const node = await this.#cluster.leaderOf({ topic, partition: 0 })
    for (const { error } of await this.#cluster.send(node, PRODUCE, input, LANE))
      checkCode('Produce', error)
  }

  async end(commit: boolean): Promise<void> {
    await this.#checked(ADD_OFFSETS, { ...this.#ref, group: `${this.#prefix}copy` })
    await this.#checked(END_TXN, { ...this.#ref, commit })
    await until('the end', async () => (await this.#state()).startsWith('Complete'))
  }

  close(): Promise<void> {
    return this.#cluster.close()
  }

  async #state(): Promise<string> {
    return (await this.#ask(DESCRIBE_TRANSACTIONS, this.#ref.transactionalId)).state
  }

  /** A coordinator that is busy yet is asked again. */
  #checked<I>(api: Api<I, number>, input: I): Promise<void> {
    return this.#cluster.retry(async () => checkCode(api.name, await this.#ask(api, input)), {
      what: api.name,
    })
  }

  #ask<I, O>(api: Api<I, O>, input: I): Promise<O> {
    return this.#cluster.retry(
      () =>
        this.#cluster.onCoordinator('transaction', this.#ref.transactionalId, (node) =>
          this.#cluster.send(node, api, input, LANE),
        ),
      { what: api.name },
    )
  }
}

describe.skipIf(!ownBrokerAvailable())('markers that the broker owes', () => {
  let broker: RunningBroker
  beforeAll(async () => {
    // Otherwise a request out of turn is refused, and the state after such an end cannot be made on purpose.
    broker = await startBroker({
      properties: { 'transaction.partition.verification.enable': 'false' },
    })
  })
  afterAll(() => broker.stop())

  it('[LG114] of an abort: what was given up does not come back with the next commit', async () => {
    const logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open()
    await createCopyTopics(log)
    await log.append([{ ...IN, records: numbered(0, 9) }])
    const former = await FormerOwner.begin(broker, logs.prefix)
    await former.end(false)
    await former.produce(0, 3)
    await former.close()
    const copier = new Copier(log, 'copier')
    await copier.start()
    await until('the copy', async () => (await log.committed('copy', IN))?.offset === 9)
    expect(await valuesOf(log, OUT)).toEqual(numbered(0, 9).map(({ value }) => String(value)))
    expect(String(logs.problems)).toMatch(/abort of .*copy.*without markers on .*out\/0/)
    await logs.close()
  })

  it('[LG114] of a commit: its offset and records count, and nobody waits for ever', async () => {
    const logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open()
    await createCopyTopics(log)
    await log.append([{ ...IN, records: numbered(0, 9) }])
    const former = await FormerOwner.begin(broker, logs.prefix)
    await former.end(true)
    await former.produce(0, 3)
    await former.commitOffset(3)
    await former.close()
    const copier = new Copier(log, 'copier')
    await copier.start()
    await until('the copy', async () => (await log.committed('copy', IN))?.offset === 9)
    expect(await valuesOf(log, OUT)).toEqual(numbered(0, 9).map(({ value }) => String(value)))
    expect(String(logs.problems)).toMatch(/commit of .*copy.*out\/0, offsets of .*copy/)
    await logs.close()
  })

  it('[LG114] of a commit that was taken over before the partitions could be looked at', async () => {
    const logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open()
    await createCopyTopics(log)
    const former = await FormerOwner.begin(broker, logs.prefix)
    await former.end(true)
    await former.produce(0, 3)
    await former.close()
    const options = clientOptions(broker, 'next')
    const cluster = new BlindCluster(await createTransport(options), options)
    const [group, transactionalId] = [`${logs.prefix}copy`, `${logs.prefix}copy/${logs.prefix}in/0`]
    const open = new OpenTransactions(cluster, logs.prefix)
    const place = { transactionalId, group, lane: 'main', open }
    const producer = new PartitionProducer(cluster, options, place)
    let looks = 0
    // The new epoch makes the coordinator forget what was decided.
    await expect(producer.takeOver(() => (looks += 1) > 3)).rejects.toThrow(/DescribeProducers/)
    cluster.isBlind = false
    await producer.takeOver(() => false)
    expect(await valuesOf(log, OUT)).toEqual(numbered(0, 3).map(({ value }) => String(value)))
    await cluster.close()
    await logs.close()
  })

  it('[LG114] of offsets whose owner saw its commit complete: it finds out when it asks for them', async () => {
    const logs = new KafkaLogs('platformatic', { brokers: broker.brokers })
    const log = await logs.open()
    await createCopyTopics(log)
    await log.append([{ ...IN, records: numbered(0, 9) }])
    const copier = new Copier(log, 'copier')
    await copier.start()
    await until('the copy', async () => (await log.committed('copy', IN))?.offset === 9)
    const owner = await FormerOwner.spy(broker, logs.prefix)
    await owner.commitOffset(9)
    await owner.close()
    expect((await log.committed('copy', IN))?.offset).toBe(9)
    expect(String(logs.problems)).toMatch(/commit of .*copy.*without markers on offsets of .*copy/)
    await logs.close()
  })
})
