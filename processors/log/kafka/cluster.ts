import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { unknownTopic } from '#/processors/log/topic-config.ts'
import type { TopicPartition } from '#/processors/log/port.ts'
import { FIND_COORDINATOR, METADATA } from './api-cluster.ts'
import type { Api, ApiVersion, ClusterMetadata, CoordinatorType } from './api-cluster.ts'
import { BrokerError, CODE, isBrokerError, toFaultlineError } from './broker-error.ts'
import type { KafkaLogOptions } from './options.ts'
import { TransportError } from './transport.ts'
import type { BrokerAddress, BrokerConnection, Transport } from './transport.ts'
import { WireReader, WireWriter } from './wire.ts'

const BACKOFF_FIRST_MS = 10
const BACKOFF_MAX_MS = 1000
const DELIVERY_MS_MAX = 15_000

export interface SendOptions {
  /** Requests of one lane share a connection, and a broker answers those one after the other. */
  lane: string
  /** How long the broker may wait before it answers. */
  waitMs?: number
}

export interface RetryOptions {
  /** What is tried, for the error. */
  what: string
  deadlineMs?: number
  /** Ends the retries early: the last error surfaces. */
  isOver?(): boolean
}

/** Who leads what, connections to them, and patience with both. */
export class Cluster {
  readonly #transport: Transport
  readonly #options: KafkaLogOptions
  readonly #bootstrap: readonly BrokerAddress[]
  readonly #nodes = new Map<number, BrokerAddress>()
  readonly #topics = new Map<string, readonly number[]>()
  readonly #coordinators = new Map<string, number>()
  readonly #connections = new Map<string, Promise<BrokerConnection>>()
  #nextBootstrap = 0
  #controllerId = -1
  #isClosed = false

  constructor(transport: Transport, options: KafkaLogOptions) {
    this.#transport = transport
    this.#options = options
    this.#bootstrap = options.brokers.map(addressOf)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  controllerId(): number {
    return this.#controllerId
  }

  deadlineMs(): number {
    const { clock, deliveryMsMax = DELIVERY_MS_MAX } = this.#options
    return clock.monotonicMs() + deliveryMsMax
  }

  /** One request to one node. Fails with TransportError or BrokerError. */
  async send<I, O>(node: number, api: Api<I, O>, input: I, options: SendOptions): Promise<O> {
    const { lane, waitMs = 0 } = options
    const connection = await this.#connection(node, lane)
    const version = versionFor(api, connection)
    const writer = new WireWriter(version.isFlexible)
    version.write(input, writer)
    const response = await connection.send({
      apiKey: api.key,
      apiName: api.name,
      apiVersion: version.version,
      isFlexible: version.isFlexible,
      body: writer.finish(),
      waitMs,
    })
    return version.read(new WireReader(response, version.isFlexible))
  }

  /** Whether the node knows one of the versions we speak. */
  async supports(node: number, api: Api<never, unknown>, lane: string): Promise<boolean> {
    const connection = await this.#connection(node, lane)
    const known = connection.versions.get(api.key)
    return known !== undefined && api.versions.some(({ version }) => version <= known)
  }

  /** Tries again what may pass by itself, until the time is over; then it is `log_unavailable`. */
  async retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
    const { clock, random } = this.#options
    const deadlineMs = options.deadlineMs ?? this.deadlineMs()
    let backoffMs = BACKOFF_FIRST_MS
    for (;;) {
      if (this.#isClosed) throw new FaultlineError('log_unavailable', 'the log is closed')
      try {
        return await attempt()
      } catch (error) {
        if (!isPassing(error)) throw toFaultlineError(error, options.what)
        const isOver = clock.monotonicMs() + backoffMs > deadlineMs
        if (isOver || options.isOver?.() === true) throw unavailable(options.what, error)
        await clock.sleep(backoffMs * (0.5 + random.unit() / 2))
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
      }
    }
  }

  /** Reads metadata of these topics (null: of all) from any node that answers. */
  async refresh(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const metadata = await this.#askAnyone(topics)
    for (const { nodeId, host, port } of metadata.brokers) this.#nodes.set(nodeId, { host, port })
    this.#controllerId = metadata.controllerId
    for (const { name, error, leaders } of metadata.topics) {
      if (error === CODE.none || error === CODE.leaderNotAvailable) this.#topics.set(name, leaders)
      else if (error === CODE.unknownTopicOrPartition) this.#topics.delete(name)
    }
    return metadata
  }

  /** Leaders by partition; fails with `unknown_topic`. */
  async leaders(topic: string): Promise<readonly number[]> {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    await this.retry(() => this.refresh([topic]), { what: `metadata of ${topic}` })
    const found = this.#topics.get(topic)
    if (found === undefined) throw unknownTopic(topic)
    return found
  }

  /** Fails with `unknown_topic` when there is no such partition, also after a look at the cluster. */
  async checkPartition({ topic, partition }: TopicPartition): Promise<void> {
    let leaders = await this.leaders(topic)
    if (!(partition < leaders.length)) {
      await this.retry(() => this.refresh([topic]), { what: `metadata of ${topic}` })
      leaders = await this.leaders(topic)
    }
    if (!(partition >= 0 && partition < leaders.length)) throw unknownTopic(topic, partition)
  }

  /** The node that leads the partition; fails with a BrokerError that passes when nobody does now. */
  async leaderOf({ topic, partition }: TopicPartition): Promise<number> {
    const leader = (await this.leaders(topic))[partition] ?? -1
    if (leader >= 0) return leader
    await this.refresh([topic])
    throw new BrokerError('Metadata', CODE.leaderNotAvailable)
  }

  /** Forgets what is known of a topic, so that the next look asks the cluster. */
  forgetTopic(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Runs `work` on the coordinator of a group or transaction; forgets the coordinator when it was not that. */
  async onCoordinator<T>(
    type: CoordinatorType,
    key: string,
    work: (node: number) => Promise<T>,
  ): Promise<T> {
    const name = `${type}/${key}`
    let node = this.#coordinators.get(name)
    if (node === undefined) {
      const found = await this.send(
        await this.anyNode(),
        FIND_COORDINATOR,
        { key, type },
        { lane: 'main' },
      )
      node = found.nodeId
      this.#nodes.set(node, { host: found.host, port: found.port })
      this.#coordinators.set(name, node)
    }
    try {
      return await work(node)
    } catch (error) {
      if (error instanceof TransportError || isBrokerError(error, CODE.notCoordinator))
        this.#coordinators.delete(name)
      if (isBrokerError(error, CODE.coordinatorNotAvailable)) this.#coordinators.delete(name)
      throw error
    }
  }

  /** Some node that can be reached. */
  async anyNode(): Promise<number> {
    if (this.#nodes.size === 0) await this.refresh([])
    const ids = [...this.#nodes.keys()]
    const open = ids.find((id) => this.#connections.has(`${id}/main`))
    return open ?? this.#options.random.pick(ids)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const all = [...this.#connections.values()]
    this.#connections.clear()
    await Promise.allSettled(all.map(async (connection) => (await connection).close()))
  }

  async #askAnyone(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const known = [...this.#nodes.keys()]
    // Bootstrap addresses count as nodes below zero.
    const bootstrap = this.#bootstrap.map((_, index) => {
      const at = (this.#nextBootstrap + index) % this.#bootstrap.length
      return -1 - at
    })
    let failure: unknown
    for (const node of [...known, ...bootstrap]) {
      try {
        return await this.send(node, METADATA, topics, { lane: 'main' })
      } catch (error) {
        failure = error
        if (!(error instanceof TransportError) || error.isFinal) throw error
      }
    }
    this.#nextBootstrap += 1
    throw failure
  }

  async #connection(node: number, lane: string): Promise<BrokerConnection> {
    const key = `${node}/${lane}`
    for (let isNew = false; ;) {
      let opening = this.#connections.get(key)
      if (opening === undefined) {
        if (this.#isClosed) throw new FaultlineError('log_unavailable', 'the log is closed')
        opening = this.#transport.connect(this.#address(node))
        this.#connections.set(key, opening)
        isNew = true
      }
      try {
        const connection = await opening
        if (connection.isOpen() || isNew) return connection
        void connection.close()
      } catch (error) {
        this.#forget(key, opening)
        throw error
      }
      this.#forget(key, opening)
    }
  }

  #forget(key: string, opening: Promise<BrokerConnection>): void {
    if (this.#connections.get(key) === opening) this.#connections.delete(key)
  }

  #address(node: number): BrokerAddress {
    const address = node < 0 ? this.#bootstrap[-1 - node] : this.#nodes.get(node)
    if (address === undefined) throw new TransportError(`node ${node} is not known`)
    return address
  }
}

function versionFor<I, O>(api: Api<I, O>, connection: BrokerConnection): ApiVersion<I, O> {
  const known = connection.versions.get(api.key) ?? -1
  const version = api.versions.find((one) => one.version <= known)
  if (version !== undefined) return version
  throw new FaultlineError('log_unavailable', `the broker is too old: it has no ${api.name}`, {
    remedy: 'use Kafka 3.5 or later',
  })
}

export function isPassing(error: unknown): boolean {
  if (error instanceof TransportError) return !error.isFinal
  return error instanceof BrokerError && error.isPassing
}

export function unavailable(what: string, cause: unknown): FaultlineError {
  return new FaultlineError('log_unavailable', `${what}: ${messageOf(cause)}`, {
    remedy: 'check that the brokers run and can be reached',
    cause,
  })
}

function addressOf(broker: string): BrokerAddress {
  const colon = broker.lastIndexOf(':')
  const port = Number(broker.slice(colon + 1))
  const host = broker.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new FaultlineError('config_invalid', `"${broker}" is no address of a broker`, {
      remedy: 'write host:port, for example 127.0.0.1:9092',
    })
  }
  return { host, port }
}
