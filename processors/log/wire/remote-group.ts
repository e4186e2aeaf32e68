import { KAFKA, KafkaError } from './kafka-errors.ts'

export interface Protocol {
  name: string
  metadata: Buffer
}

export interface JoinRequest {
  memberId: string
  /** Of static members: they come back under the same name without a rebalance. */
  instanceId: string | null
  clientId: string
  host: string
  sessionMs: number
  rebalanceMs: number
  protocolType: string
  protocols: readonly Protocol[]
}

export interface JoinAnswer {
  code: number
  generation: number
  protocol: string
  leader: string
  memberId: string
  /** For the leader only. */
  members: readonly { memberId: string; instanceId: string | null; metadata: Buffer }[]
}

export interface SyncAnswer {
  code: number
  assignment: Buffer
}

export interface MemberRef {
  memberId: string
  instanceId: string | null
  generation: number
}

interface Member extends Omit<JoinRequest, 'memberId'> {
  memberId: string
  assignment: Buffer
  lastSeenMs: number
  joining: ((answer: JoinAnswer) => void) | undefined
  syncing: ((answer: SyncAnswer) => void) | undefined
}

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface GroupLimits {
  membersMax: number
  /** How long the first member of an empty group waits for others. */
  initialDelayMs: number
}

const NOTHING = Buffer.alloc(0)

/**
 * One consumer group as Kafka's protocol sees it: members somewhere else, who agree on an assignment among
 * themselves; this keeps the generations. Pure of time and sockets: it is told what time it is, and answers through
 * the callbacks it was given.
 */
export class RemoteGroup {
  state: GroupState = 'Empty'
  generation = 0
  protocolType = ''
  protocol = ''
  #leader = ''
  readonly #limits: GroupLimits
  readonly #members = new Map<string, Member>()
  /** Ids given out that have not joined yet, and until when they are good. */
  readonly #promised = new Map<string, number>()
  /** When a rebalance ends without those who did not come. */
  #deadlineMs = Infinity
  /** Before this a new group waits for more members. */
  #notBeforeMs = 0

  constructor(limits: GroupLimits) {
    this.#limits = limits
  }

  get members(): readonly Readonly<Member>[] {
    return [...this.#members.values()]
  }

  metadataOf(member: Readonly<Member>): Buffer {
    return member.protocols.find(({ name }) => name === this.protocol)?.metadata ?? NOTHING
  }

  /** Keeps an id for a member that is asked to come again with it. */
  promise(memberId: string, request: JoinRequest, nowMs: number): void {
    this.#checkJoin(request)
    if (this.#promised.size + this.#members.size >= this.#limits.membersMax)
      throw new KafkaError(KAFKA.GROUP_MAX_SIZE_REACHED, 'the group is full')
    this.#promised.set(memberId, nowMs + request.sessionMs)
  }

  /** The member of that instance before, when there is one. */
  instance(instanceId: string | null): string | undefined {
    if (instanceId === null) return undefined
    return this.members.find((member) => member.instanceId === instanceId)?.memberId
  }

  /** `done` is called now, or when the rebalance is over. `newId` names a member that has no id yet. */
  join(
    request: JoinRequest,
    options: { nowMs: number; newId: string; done: (answer: JoinAnswer) => void },
  ): void {
    const { nowMs, newId, done } = options
    this.#checkJoin(request)
    const replaced = request.memberId === '' ? this.instance(request.instanceId) : undefined
    if (replaced !== undefined) return this.#replace(replaced, request, options)
    const memberId = request.memberId === '' ? newId : request.memberId
    const known = this.#members.get(memberId)
    if (known !== undefined) return this.#rejoin(known, request, nowMs, done)
    if (request.memberId !== '' && !this.#promised.delete(memberId)) throw unknownMember(memberId)
    if (this.#members.size >= this.#limits.membersMax)
      throw new KafkaError(KAFKA.GROUP_MAX_SIZE_REACHED, 'the group is full')
    this.#members.set(memberId, {
      ...request,
      memberId,
      assignment: NOTHING,
      lastSeenMs: nowMs,
      joining: done,
      syncing: undefined,
    })
    this.#prepare(nowMs)
    this.tick(nowMs)
  }

  sync(
    ref: MemberRef,
    assignments: ReadonlyMap<string, Buffer>,
    options: { nowMs: number; done: (answer: SyncAnswer) => void },
  ): void {
    const member = this.#memberOf(ref, options.nowMs)
    if (this.state === 'PreparingRebalance') throw rebalancing()
    if (this.state === 'Stable') {
      options.done({ code: KAFKA.NONE, assignment: member.assignment })
      return
    }
    member.syncing = options.done
    if (member.memberId !== this.#leader) return
    this.state = 'Stable'
    this.#deadlineMs = Infinity
    for (const other of this.#members.values()) {
      other.assignment = assignments.get(other.memberId) ?? NOTHING
      this.#answerSync(other, KAFKA.NONE, options.nowMs)
    }
  }

  heartbeat(ref: MemberRef, nowMs: number): void {
    this.#memberOf(ref, nowMs)
    if (this.state === 'PreparingRebalance') throw rebalancing()
  }

  /** Whether this member may commit offsets now: until the next generation is agreed on, those of the last one. */
  checkCommit(ref: MemberRef, nowMs: number): void {
    if (ref.generation < 0 && ref.memberId === '') {
      if (this.state !== 'Empty') throw unknownMember('')
      return
    }
    this.#memberOf(ref, nowMs)
    if (this.state === 'CompletingRebalance') throw rebalancing()
  }

  leave(memberId: string, instanceId: string | null, nowMs: number): void {
    const id = memberId === '' ? (this.instance(instanceId) ?? '') : memberId
    if (this.#promised.delete(id)) return
    if (!this.#members.has(id)) throw unknownMember(id)
    this.#remove(id, KAFKA.UNKNOWN_MEMBER_ID, nowMs)
    this.tick(nowMs)
  }

  /** Lets time pass: sessions end, rebalances complete. */
  tick(nowMs: number): void {
    for (const [id, untilMs] of this.#promised) if (untilMs <= nowMs) this.#promised.delete(id)
    for (const member of this.#members.values()) {
      const isWaiting = member.joining !== undefined || member.syncing !== undefined
      if (!isWaiting && member.lastSeenMs + member.sessionMs <= nowMs)
        this.#remove(member.memberId, KAFKA.UNKNOWN_MEMBER_ID, nowMs)
    }
    if (this.state === 'PreparingRebalance') this.#tryComplete(nowMs)
    else if (this.state === 'CompletingRebalance' && this.#deadlineMs <= nowMs) {
      for (const member of this.#members.values())
        if (member.syncing === undefined)
          this.#remove(member.memberId, KAFKA.UNKNOWN_MEMBER_ID, nowMs)
    }
  }

  /** Everybody who waits is told to look for another coordinator. */
  close(): void {
    for (const member of this.#members.values()) {
      this.#answerJoin(member, KAFKA.COORDINATOR_NOT_AVAILABLE)
      this.#answerSync(member, KAFKA.COORDINATOR_NOT_AVAILABLE, 0)
    }
    this.#members.clear()
    this.state = 'Empty'
  }

  /** Nothing in it that would have to be kept. */
  get isIdle(): boolean {
    return this.#members.size === 0 && this.#promised.size === 0
  }

  #checkJoin({ protocolType, protocols }: JoinRequest): void {
    const others = this.members
    const isOdd = others.length > 0 && protocolType !== this.protocolType
    const shared = protocols.some(({ name }) =>
      others.every((other) => other.protocols.some((one) => one.name === name)),
    )
    if (protocolType === '' || isOdd || !shared) {
      const detail = 'no assignment protocol is shared with the other members'
      throw new KafkaError(KAFKA.INCONSISTENT_GROUP_PROTOCOL, detail)
    }
    this.protocolType = protocolType
  }

  #memberOf({ memberId, instanceId, generation }: MemberRef, nowMs: number): Member {
    const current = this.instance(instanceId)
    if (current !== undefined && current !== memberId)
      throw new KafkaError(KAFKA.FENCED_INSTANCE_ID, `${instanceId} is another member by now`)
    const member = this.#members.get(memberId)
    if (member === undefined) throw unknownMember(memberId)
    member.lastSeenMs = nowMs
    if (generation !== this.generation) {
      const detail = `generation ${generation} is not ${this.generation}`
      throw new KafkaError(KAFKA.ILLEGAL_GENERATION, detail)
    }
    return member
  }

  #rejoin(
    member: Member,
    request: JoinRequest,
    nowMs: number,
    done: (answer: JoinAnswer) => void,
  ): void {
    const current = this.instance(request.instanceId)
    if (current !== undefined && current !== member.memberId)
      throw new KafkaError(KAFKA.FENCED_INSTANCE_ID, 'this instance is another member by now')
    const isSame = sameProtocols(member.protocols, request.protocols)
    const { sessionMs, rebalanceMs, protocols } = request
    Object.assign(member, { sessionMs, rebalanceMs, protocols, lastSeenMs: nowMs })
    this.#answerJoin(member, KAFKA.REBALANCE_IN_PROGRESS)
    member.joining = done
    const isSettled = this.state === 'Stable' || this.state === 'CompletingRebalance'
    // The answer to its last join was lost; a leader may want to see the members again.
    const wantsRebalance = !isSame || (this.state === 'Stable' && member.memberId === this.#leader)
    if (isSettled && !wantsRebalance) this.#answerJoin(member, KAFKA.NONE)
    else {
      this.#prepare(nowMs)
      this.tick(nowMs)
    }
  }

  /** A static member that was started again takes the place of the one before. */
  #replace(
    memberId: string,
    request: JoinRequest,
    { nowMs, newId, done }: { nowMs: number; newId: string; done: (answer: JoinAnswer) => void },
  ): void {
    const before = this.#members.get(memberId)!
    this.#answerJoin(before, KAFKA.FENCED_INSTANCE_ID)
    this.#answerSync(before, KAFKA.FENCED_INSTANCE_ID, nowMs)
    this.#members.delete(memberId)
    const member: Member = {
      ...before,
      ...request,
      memberId: newId,
      lastSeenMs: nowMs,
      joining: done,
      syncing: undefined,
    }
    this.#members.set(newId, member)
    if (this.#leader === memberId) this.#leader = newId
    const isSame = sameProtocols(before.protocols, request.protocols)
    if (this.state === 'Stable' && isSame) this.#answerJoin(member, KAFKA.NONE)
    else {
      this.#prepare(nowMs)
      this.tick(nowMs)
    }
  }

  #remove(memberId: string, code: number, nowMs: number): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#members.delete(memberId)
    this.#answerJoin(member, code)
    this.#answerSync(member, code, nowMs)
    this.#prepare(nowMs)
  }

  #prepare(nowMs: number): void {
    if (this.state === 'PreparingRebalance') return
    const wasEmpty = this.state === 'Empty'
    for (const member of this.#members.values())
      this.#answerSync(member, KAFKA.REBALANCE_IN_PROGRESS, nowMs)
    this.state = 'PreparingRebalance'
    this.#notBeforeMs = wasEmpty ? nowMs + this.#limits.initialDelayMs : nowMs
    this.#deadlineMs = nowMs + this.#rebalanceMs()
  }

  #rebalanceMs(): number {
    return Math.max(0, ...this.members.map((member) => member.rebalanceMs))
  }

  #tryComplete(nowMs: number): void {
    const isLate = nowMs >= this.#deadlineMs
    const isAwaited = this.members.some((member) => member.joining === undefined)
    if (nowMs < this.#notBeforeMs || (isAwaited && !isLate)) return
    for (const member of this.members)
      if (member.joining === undefined) this.#members.delete(member.memberId)
    this.generation += 1
    if (this.#members.size === 0) {
      this.state = 'Empty'
      this.protocol = ''
      this.#leader = ''
      return
    }
    this.state = 'CompletingRebalance'
    this.#deadlineMs = nowMs + this.#rebalanceMs()
    this.protocol = this.#vote()
    if (!this.#members.has(this.#leader)) this.#leader = this.members[0]!.memberId
    for (const member of this.#members.values()) {
      member.lastSeenMs = nowMs
      this.#answerJoin(member, KAFKA.NONE)
    }
  }

  /** Each member votes for the first of its protocols that all of them know. */
  #vote(): string {
    const votes = new Map<string, number>()
    for (const { protocols } of this.members) {
      const vote = protocols.find(({ name }) =>
        this.members.every((other) => other.protocols.some((one) => one.name === name)),
      )
      if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    return [...votes].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? ''
  }

  #answerJoin(member: Member, code: number): void {
    const { joining, memberId } = member
    member.joining = undefined
    const isLeader = memberId === this.#leader && code === KAFKA.NONE
    joining?.({
      code,
      generation: code === KAFKA.NONE ? this.generation : -1,
      protocol: code === KAFKA.NONE ? this.protocol : '',
      leader: code === KAFKA.NONE ? this.#leader : '',
      memberId,
      members: isLeader
        ? this.members.map((one) => ({
            memberId: one.memberId,
            instanceId: one.instanceId,
            metadata: this.metadataOf(one),
          }))
        : [],
    })
  }

  #answerSync(member: Member, code: number, nowMs: number): void {
    const { syncing } = member
    if (syncing === undefined) return
    member.syncing = undefined
    member.lastSeenMs = Math.max(member.lastSeenMs, nowMs)
    syncing({ code, assignment: code === KAFKA.NONE ? member.assignment : NOTHING })
  }
}

function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ name, metadata }, index) => name === b[index]!.name && metadata.equals(b[index]!.metadata),
    )
  )
}

const rebalancing = (): KafkaError =>
  new KafkaError(KAFKA.REBALANCE_IN_PROGRESS, 'the group is being rebalanced')

const unknownMember = (memberId: string): KafkaError =>
  new KafkaError(KAFKA.UNKNOWN_MEMBER_ID, `${memberId || 'an unnamed client'} is no member`)
