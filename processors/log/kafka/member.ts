import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { GroupMembership, TopicPartition } from '#/processors/log/port.ts'
import type { MemberRef } from './api-group.ts'
import type { MemberAssignment } from './assignor.ts'
import { toFaultlineError } from './broker-error.ts'
import { isPassing } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { GroupProtocol } from './group-protocol.ts'
import type { KafkaLogOptions } from './options.ts'
import { Ownership } from './ownership.ts'
import type { Claim } from './ownership.ts'

const SESSION_MS = 10_000
const HEARTBEAT_MS = 1000
const DRAIN_MS_MAX = 30_000
const METADATA_MS_MAX = 30_000
/** Joining again takes a moment beyond what a member may drain. */
const REJOIN_MS = 5000
const RETRY_MS = 200

export interface MemberDeps {
  cluster: Cluster
  options: KafkaLogOptions
  /** Before partitions are handed over: fence whoever had them, and wait for what they left open. */
  takeOver(partitions: readonly TopicPartition[], isOver: () => boolean): Promise<void>
  /** After a fence: wait for commits that were let through before. */
  settled(partitions: readonly TopicPartition[]): Promise<void>
  onEnded(member: KafkaMember): void
}

export interface MemberCallbacks {
  onAssigned(partitions: readonly TopicPartition[], membership: GroupMembership): Promise<void>
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>
}

export interface MemberSubscription extends MemberCallbacks {
  group: string
  topics: readonly string[]
  takes: readonly TopicPartition[]
  lane: string
}

/** What the member has to do next; the strongest wish wins. */
const WISHES = ['none', 'rejoin', 'lost', 'leave'] as const
type Wish = (typeof WISHES)[number]

/**
 * One member of a consumer group, with Kafka's classic group protocol. Partitions that stay are not touched by a
 * rebalance; those that go are drained while heartbeats go on, then fenced, then given back.
 */
export class KafkaMember implements GroupMembership {
  readonly group: string
  readonly ownership: Ownership
  readonly #deps: MemberDeps
  readonly #subscription: MemberSubscription
  readonly #protocol: GroupProtocol
  readonly #drainMsMax: number
  readonly #ended = new AbortController()
  #wish: Wish = 'none'
  #wake: () => void = () => undefined
  #leaving: Promise<void> | undefined
  #failure: unknown

  constructor(deps: MemberDeps, subscription: MemberSubscription) {
    const { drainMsMax = DRAIN_MS_MAX, sessionTimeoutMs = SESSION_MS } = deps.options
    const { group, lane } = subscription
    this.#deps = deps
    this.#subscription = subscription
    this.#drainMsMax = drainMsMax
    this.#protocol = new GroupProtocol({
      cluster: deps.cluster,
      group,
      lane,
      sessionTimeoutMs,
      rebalanceTimeoutMs: Math.max(drainMsMax, sessionTimeoutMs) + REJOIN_MS,
    })
    this.group = group
    this.ownership = new Ownership(`a member of ${group}`)
  }

  get memberId(): string {
    return this.#protocol.ref().memberId
  }

  ref(): MemberRef {
    return this.#protocol.ref()
  }

  assignment(): readonly TopicPartition[] {
    return this.ownership.list()
  }

  claim(partitions: readonly TopicPartition[]): Claim {
    return this.ownership.claim(partitions)
  }

  /** Resolves when the group has given everybody their share for the first time. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#ended.signal.addEventListener('abort', () => resolve(), { once: true })
      void this.#beat()
      void this.#run(resolve)
    })
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isEnded())
      throw new FaultlineError('log_unavailable', `the log closed before ${this.group} was joined`)
  }

  leave(): Promise<void> {
    this.#leaving ??= new Promise<void>((resolve) => {
      this.#ended.signal.addEventListener('abort', () => resolve(), { once: true })
      if (this.#isEnded()) resolve()
      else this.#ask('leave')
    })
    return this.#leaving
  }

  /** The broker refused us as owner: whatever we think we own, we do not. */
  lost(): void {
    this.#ask('lost')
  }

  /** Partition counts may have changed: only the leader sees to it. */
  async checkTopics(): Promise<void> {
    if (await this.#protocol.hasOtherTopics()) this.#ask('rejoin')
  }

  /** Ends at once without telling anybody: the log closes. */
  end(): void {
    if (this.#isEnded()) return
    this.ownership.end()
    this.#deps.onEnded(this)
    this.#ended.abort()
    this.#wake()
  }

  #isEnded(): boolean {
    return this.#ended.signal.aborted
  }

  #ask(wish: Wish): void {
    if (WISHES.indexOf(wish) > WISHES.indexOf(this.#wish)) this.#wish = wish
    this.#wake()
  }

  /** The life of the member: it ends when its own callback fails; other trouble is waited out. Never rejects. */
  async #run(onSettled: () => void): Promise<void> {
    while (!this.#isEnded()) {
      const wish = this.#wish
      if (wish === 'leave') return this.#leave()
      this.#wish = 'none'
      try {
        if (wish === 'lost') await this.#loseAll()
        await this.#round(onSettled)
      } catch (error) {
        await this.#survive(error)
        continue
      }
      if (this.#wish === 'none' && !this.#isEnded())
        await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = () => undefined
    }
  }

  async #round(onSettled: () => void): Promise<void> {
    const { topics, takes } = this.#subscription
    const round = await this.#protocol.round({ topics, takes, owned: this.ownership.list() })
    if (round === 'out') await this.#loseAll()
    if (round === 'again' || round === 'out') {
      this.#ask('rejoin')
      return
    }
    await this.#apply(round)
    const isReady =
      takes.length === 0 ? round.isSettled : takes.every((tp) => this.ownership.has(tp))
    if (isReady) onSettled()
  }

  /** Waits a little after trouble that passes; otherwise the member is out. */
  async #survive(trouble: unknown): Promise<void> {
    const { options } = this.#deps
    if (this.#isEnded()) return
    if (isPassing(trouble) || isFaultlineError(trouble, 'log_unavailable')) {
      this.#ask('rejoin')
      await options.clock.sleep(RETRY_MS, this.#ended.signal)
      return
    }
    const isOwn = trouble instanceof CallbackFailure
    this.#failure = isOwn ? trouble.cause : toFaultlineError(trouble, this.group)
    options.onProblem?.(this.#failure)
    this.ownership.end()
    await this.#sayLeave()
    this.end()
  }

  async #apply({ partitions }: MemberAssignment): Promise<void> {
    const keys = new Set(partitions.map(partitionKey))
    const lost = this.ownership.list().filter((tp) => !keys.has(partitionKey(tp)))
    const gained = partitions.filter((tp) => !this.ownership.has(tp))
    if (lost.length > 0) {
      await this.#drain(lost)
      this.#ask('rejoin')
    }
    // While it drained it may have been thrown out.
    const isOver = (): boolean => this.#wish === 'lost' || this.#isEnded()
    if (gained.length === 0 || isOver()) return
    try {
      await this.#deps.takeOver(gained, isOver)
    } catch (error) {
      if (!isOver()) throw error
    }
    if (isOver()) return
    this.ownership.give(gained)
    try {
      await this.#subscription.onAssigned(gained, this)
    } catch (error) {
      throw new CallbackFailure(error)
    }
  }

  /** Lets the member finish, within its time, then the fence falls. */
  async #drain(partitions: readonly TopicPartition[]): Promise<void> {
    const { clock, onProblem } = this.#deps.options
    const limit = new AbortController()
    const expire = async (): Promise<void> => {
      await clock.sleep(this.#drainMsMax, limit.signal)
      if (limit.signal.aborted) return
      const detail = `${this.memberId} did not drain in ${this.#drainMsMax} ms and is fenced`
      throw new FaultlineError('stale_owner', detail)
    }
    try {
      await Promise.race([this.#subscription.onRevoked(partitions), expire()])
    } catch (error) {
      onProblem?.(error)
    } finally {
      limit.abort()
      this.ownership.fence(partitions)
    }
    await this.#deps.settled(partitions)
  }

  /** Out of the group: the fence falls first, there is nothing to drain for. */
  async #loseAll(): Promise<void> {
    const lost = this.ownership.list()
    this.ownership.fence(lost)
    this.#protocol.reset()
    if (lost.length > 0) await this.#drain(lost)
  }

  async #leave(): Promise<void> {
    const owned = this.ownership.list()
    if (owned.length > 0) await this.#drain(owned)
    this.ownership.end()
    await this.#sayLeave()
    this.end()
  }

  async #sayLeave(): Promise<void> {
    try {
      await this.#protocol.leave()
    } catch (error) {
      this.#deps.options.onProblem?.(error)
    }
  }

  /** Heartbeats for as long as the member lives, whatever its callbacks do meanwhile. */
  async #beat(): Promise<void> {
    const { options } = this.#deps
    const { clock, heartbeatMs = HEARTBEAT_MS, metadataMaxAgeMs = METADATA_MS_MAX } = options
    let checkedMs = clock.monotonicMs()
    while (!this.#isEnded()) {
      await clock.sleep(heartbeatMs, this.#ended.signal)
      try {
        const beat = await this.#protocol.beat()
        if (beat !== 'fine') this.#ask(beat === 'out' ? 'lost' : 'rejoin')
        if (clock.monotonicMs() - checkedMs < metadataMaxAgeMs) continue
        checkedMs = clock.monotonicMs()
        await this.checkTopics()
      } catch {
        // A broker that is away is noticed by everything else; the next beat tries again.
      }
    }
  }
}

/** The member's own code failed. */
class CallbackFailure extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super(messageOf(cause))
    this.cause = cause
  }
}
