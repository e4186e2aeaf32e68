import { uuidV7 } from '#/kernel/random.ts'
import type { Clock } from '#/kernel/clock.ts'
import { KAFKA, KafkaError } from './kafka-errors.ts'
import { RemoteGroup } from './remote-group.ts'
import type { JoinAnswer, JoinRequest, MemberRef, SyncAnswer } from './remote-group.ts'

const GROUPS_MAX = 2000
const GROUP_LIMITS = { membersMax: 500, initialDelayMs: 50 }
const SESSION_MS_MIN = 1000
const SESSION_MS_MAX = 1_800_000
const REBALANCE_MS_MAX = 1_800_000
const TICK_MS = 100
const NAME_CHARS_MAX = 249

export interface GroupCoordinatorDeps {
  clock: Clock
  onProblem: (error: unknown) => void
}

/** Groups whose members are remote. Their offsets are the log's, like those of members in this process. */
export class GroupCoordinator {
  readonly #clock: Clock
  readonly #groups = new Map<string, RemoteGroup>()
  /** Commits that were let through and are being written. */
  readonly #writing = new Map<string, Set<Promise<unknown>>>()
  readonly #closing = new AbortController()
  readonly #ticking: Promise<void>

  constructor({ clock, onProblem }: GroupCoordinatorDeps) {
    this.#clock = clock
    this.#ticking = this.#tick().catch(onProblem)
  }

  find(name: string): RemoteGroup | undefined {
    return this.#groups.get(name)
  }

  /** Names of groups that have members. */
  names(): readonly string[] {
    return [...this.#groups].filter(([, group]) => group.state !== 'Empty').map(([name]) => name)
  }

  /** Resolves when the rebalance it joins is over. */
  async join(
    name: string,
    request: JoinRequest,
    options: { wantsIdFirst: boolean },
  ): Promise<JoinAnswer> {
    checkName(name)
    const { sessionMs } = request
    if (!(sessionMs >= SESSION_MS_MIN && sessionMs <= SESSION_MS_MAX)) {
      const detail = `session.timeout.ms must be ${SESSION_MS_MIN} to ${SESSION_MS_MAX}`
      throw new KafkaError(KAFKA.INVALID_SESSION_TIMEOUT, detail)
    }
    const rebalanceMs = Math.min(Math.max(request.rebalanceMs, 0), REBALANCE_MS_MAX)
    const group = this.#groupOf(name)
    const nowMs = this.#clock.monotonicMs()
    const newId = `${request.clientId.slice(0, NAME_CHARS_MAX)}-${uuidV7(this.#clock.nowMs())}`
    if (options.wantsIdFirst && request.memberId === '' && request.instanceId === null) {
      group.promise(newId, request, nowMs)
      const empty = { generation: -1, protocol: '', leader: '', members: [] }
      return { code: KAFKA.MEMBER_ID_REQUIRED, memberId: newId, ...empty }
    }
    const answer = await new Promise<JoinAnswer>((done) => {
      group.join({ ...request, rebalanceMs }, { nowMs, newId, done })
    })
    // What the last generation committed must be visible to the next.
    const writing: Iterable<Promise<unknown>> = this.#writing.get(name) ?? []
    await Promise.allSettled(writing)
    return answer
  }

  sync(
    name: string,
    ref: MemberRef,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<SyncAnswer> {
    const group = this.#known(name)
    const nowMs = this.#clock.monotonicMs()
    return new Promise((done) => group.sync(ref, assignments, { nowMs, done }))
  }

  heartbeat(name: string, ref: MemberRef): void {
    this.#known(name).heartbeat(ref, this.#clock.monotonicMs())
  }

  leave(name: string, memberId: string, instanceId: string | null): void {
    this.#known(name).leave(memberId, instanceId, this.#clock.monotonicMs())
  }

  /** Runs `write` if this client may commit for the group. A client without a group may, while it has no members. */
  async commit(name: string, ref: MemberRef, write: () => Promise<unknown>): Promise<void> {
    checkName(name)
    const group = this.#groups.get(name)
    if (group === undefined && ref.generation >= 0)
      throw new KafkaError(KAFKA.ILLEGAL_GENERATION, `${name} has no members`)
    group?.checkCommit(ref, this.#clock.monotonicMs())
    const writing = this.#writing.get(name) ?? new Set()
    this.#writing.set(name, writing)
    const done = write()
    writing.add(done)
    try {
      await done
    } finally {
      writing.delete(done)
      if (writing.size === 0) this.#writing.delete(name)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#ticking
    for (const group of this.#groups.values()) group.close()
  }

  #known(name: string): RemoteGroup {
    const group = this.#groups.get(name)
    if (group === undefined) throw new KafkaError(KAFKA.UNKNOWN_MEMBER_ID, `${name} has no members`)
    return group
  }

  #groupOf(name: string): RemoteGroup {
    let group = this.#groups.get(name)
    if (group !== undefined) return group
    if (this.#groups.size >= GROUPS_MAX)
      throw new KafkaError(KAFKA.COORDINATOR_NOT_AVAILABLE, `there are ${GROUPS_MAX} groups`)
    this.#groups.set(name, (group = new RemoteGroup(GROUP_LIMITS)))
    return group
  }

  async #tick(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#clock.sleep(TICK_MS, signal)
      const nowMs = this.#clock.monotonicMs()
      for (const [name, group] of this.#groups) {
        group.tick(nowMs)
        if (group.isIdle) this.#groups.delete(name)
      }
    }
  }
}

function checkName(name: string): void {
  if (name === '' || name.length > NAME_CHARS_MAX)
    throw new KafkaError(KAFKA.INVALID_GROUP_ID, `a group id has 1 to ${NAME_CHARS_MAX} characters`)
}
