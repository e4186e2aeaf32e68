import { FaultlineError } from '#/kernel/errors.ts'
import { partitionKey } from '#/processors/log/assignment.ts'
import type { TopicPartition } from '#/processors/log/port.ts'

/** Epochs of the partitions a commit names, at the time it was made. */
export interface Claim {
  epochs: readonly { key: string; epoch: number }[]
}

/** What one member owns, with an epoch per partition that every fence raises. */
export class Ownership {
  readonly #name: string
  #owned: readonly TopicPartition[] = []
  readonly #keys = new Set<string>()
  readonly #epochs = new Map<string, number>()
  #isMember = true

  constructor(name: string) {
    this.#name = name
  }

  list(): readonly TopicPartition[] {
    return this.#owned
  }

  has(tp: TopicPartition): boolean {
    return this.#keys.has(partitionKey(tp))
  }

  give(partitions: readonly TopicPartition[]): void {
    for (const tp of partitions) this.#keys.add(partitionKey(tp))
    this.#owned = [...this.#owned, ...partitions]
  }

  fence(partitions: readonly TopicPartition[]): void {
    for (const key of partitions.map(partitionKey)) {
      this.#keys.delete(key)
      this.#epochs.set(key, (this.#epochs.get(key) ?? 0) + 1)
    }
    this.#owned = this.#owned.filter((tp) => this.#keys.has(partitionKey(tp)))
  }

  /** The member is out: nothing passes any more. */
  end(): void {
    this.fence(this.#owned)
    this.#isMember = false
  }

  /** What a commit may rest on; fails with `stale_owner`. */
  claim(partitions: readonly TopicPartition[]): Claim {
    if (!this.#isMember) throw this.#stale('is no longer a member')
    return {
      epochs: partitions.map((tp) => {
        const key = partitionKey(tp)
        if (!this.#keys.has(key)) throw this.#stale(`does not own ${key} (any more)`)
        return { key, epoch: this.#epochs.get(key) ?? 0 }
      }),
    }
  }

  holds({ epochs }: Claim): boolean {
    if (!this.#isMember) return false
    return epochs.every(
      ({ key, epoch }) => this.#keys.has(key) && (this.#epochs.get(key) ?? 0) === epoch,
    )
  }

  #stale(what: string): FaultlineError {
    return new FaultlineError('stale_owner', `${this.#name} ${what}`)
  }
}
