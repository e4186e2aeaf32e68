import { NO_IDENTITY } from './api-txn.ts'
import type { DescribedTransaction, ProducerIdentity } from './api-txn.ts'

/** How a transaction ended. */
export type Decision = 'commit' | 'abort'

/**
 * How the last transaction of an id ended, while its markers may be missing somewhere. A new epoch makes the
 * coordinator forget it, so it is kept here until the markers are known to be there.
 */
export class PendingDecision {
  #value: Decision | undefined
  #last: ProducerIdentity = NO_IDENTITY
  #isInDoubt = false

  get value(): Decision | undefined {
    return this.#value
  }

  set(decision: Decision): void {
    this.#value = decision
  }

  /** Others may have had the id meanwhile. */
  doubt(): void {
    this.#isInDoubt = true
  }

  /** What the coordinator says before the id is taken. */
  learn({ state, ...now }: Omit<DescribedTransaction, 'error'>): void {
    if (this.#isInDoubt && !this.#isUntouched(state, now)) this.#value = undefined
    this.#isInDoubt = false
    this.#value ??= decisionOf(state)
  }

  /** The id was taken under this identity. */
  taken(identity: ProducerIdentity): void {
    this.#last = identity
  }

  /** All markers are there, or nothing can be done. */
  clear(): void {
    this.#value = undefined
  }

  /** The id was taken once more at most since we had it, and nothing was begun under it. */
  #isUntouched(state: string, { producerId, producerEpoch }: ProducerIdentity): boolean {
    const epochs = producerEpoch - this.#last.producerEpoch
    return state === 'Empty' && producerId === this.#last.producerId && epochs >= 0 && epochs <= 1
  }
}

/** In the coordinator's words. Undefined when nothing was begun since somebody took over, or nothing is known. */
function decisionOf(state: string): Decision | undefined {
  if (state === 'PrepareCommit' || state === 'CompleteCommit') return 'commit'
  return state === '' || state === 'Empty' ? undefined : 'abort'
}
