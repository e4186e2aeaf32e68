import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Log } from '#/processors/log/port.ts'
import type { AuditVerdict, AuditView } from '#/schemas/accounts.ts'
import { encode } from '#/schemas/codec.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { seal } from './audit-chain.ts'
import { lastHash, readAudit, verifyAudit } from './audit-reading.ts'
import { createRepeats } from './audit-repeats.ts'
import { newId } from './secrets.ts'

export interface AuditNote {
  /** `user:…`, `key:…`, `owner`, `address:…`, `system`. */
  actor: string
  /** A closed set of words: `login`, `refresh`, `logout`, `access`, `user.change`, `key.create`, `command` … */
  action: string
  target?: string
  result: 'done' | 'denied' | 'failed'
  /** Small, and never a secret. */
  detail?: Readonly<Record<string, unknown>>
}

export interface Audit {
  /** For changes: durable when it resolves. Fails as the log does; the entry is tried again all the same. */
  record(note: AuditNote): Promise<void>
  /** For what may come a thousand times a second: the first is written, repetitions within a minute are counted. */
  note(note: AuditNote): void
  /** Newest first, before this offset. */
  page(wish: { before: number | null; limit: number }): Promise<readonly AuditView[]>
  /** Reads everything again; `head` is a hash that was the last one at some time, empty for none. */
  verify(head: string): Promise<AuditVerdict>
  /** Writes what is pending and stops. */
  close(): Promise<void>
}

export interface AuditDeps {
  log: Log
  clock: Clock
  schemaIds: SchemaIds
  registry: SchemaRegistry
  onProblem?: ((error: unknown) => void) | undefined
}

const TP = { topic: TOPICS.audit.name, partition: 0 }
const PENDING_MAX = 10_000
const BATCH_MAX = 500
const DETAIL_CHARS_MAX = 4_000
const TARGET_CHARS_MAX = 300
const RETRY_MS = 1_000

interface Pending {
  at: number
  note: AuditNote
  done: { resolve(): void; reject(error: unknown): void } | undefined
}

/** This process's chain in `audit.v1`; one loop writes it, so that entries link in the order they were made. */
export function openAudit(deps: AuditDeps): Audit {
  const { clock } = deps
  const stop = new AbortController()
  const append = createChainWriter(deps)
  const queue = createQueue(clock)
  const repeats = createRepeats(clock, (note) => queue.push(note))

  const flush = async (): Promise<void> => {
    const batch = queue.first(BATCH_MAX)
    try {
      await append(batch)
    } catch (error) {
      for (const one of batch) {
        one.done?.reject(error)
        one.done = undefined
      }
      throw error
    }
    queue.drop(batch.length)
    for (const { done } of batch) done?.resolve()
  }
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      if (queue.isEmpty()) {
        await queue.filled()
        continue
      }
      try {
        await flush()
      } catch (error) {
        deps.onProblem?.(error)
        await clock.sleep(RETRY_MS, stop.signal)
      }
    }
  }
  const running = run()
  return {
    record: (note) => new Promise<void>((resolve, reject) => queue.push(note, { resolve, reject })),
    note: (note) => repeats.note(note),
    page: (wish) => readAudit(deps, wish),
    verify: (head) => verifyAudit(deps, head),
    async close() {
      repeats.close()
      stop.abort()
      queue.wake()
      await running
      try {
        while (!queue.isEmpty()) await flush()
      } catch (error) {
        deps.onProblem?.(error)
      }
    },
  }
}

/** What waits to be written; bounded, and what does not fit is counted in an entry of its own. */
function createQueue(clock: Clock) {
  let pending: Pending[] = []
  let lost = 0
  let wake: (() => void) | undefined
  return {
    isEmpty: () => pending.length === 0,
    push(note: AuditNote, done?: Pending['done']): void {
      if (pending.length >= PENDING_MAX) {
        lost += 1
        done?.reject(
          new FaultlineError('overloaded', 'The audit trail cannot be written.', {
            remedy: 'See whether the log answers.',
          }),
        )
        return
      }
      pending.push({ at: clock.nowMs(), note, done })
      wake?.()
    },
    first(countMax: number): readonly Pending[] {
      if (lost > 0) {
        const detail = { entries: lost }
        const note = { actor: 'system', action: 'audit.lost', result: 'failed', detail } as const
        pending.push({ at: clock.nowMs(), note, done: undefined })
        lost = 0
      }
      return pending.slice(0, countMax)
    },
    drop(count: number): void {
      pending = pending.slice(count)
    },
    async filled(): Promise<void> {
      await new Promise<void>((resolve) => (wake = resolve))
      wake = undefined
    },
    wake: (): void => wake?.(),
  }
}

/** Seals entries one behind the other and appends them as one. */
function createChainWriter(deps: AuditDeps): (batch: readonly Pending[]) => Promise<void> {
  let writer = newId()
  let head: string | undefined
  return async (batch) => {
    try {
      let link = head ?? (await lastHash(deps))
      const records = batch.map(({ at, note }) => {
        const entry = seal(entryOf(note, { at, writer }), link)
        link = entry.hash
        return {
          key: Buffer.from(entry.actor, 'utf8'),
          value: encode('AuditEntry', deps.schemaIds.AuditEntry, entry),
          timestampMs: at,
        }
      })
      await deps.log.append([{ ...TP, records }])
      head = link
    } catch (error) {
      // Whether it came to lie in the log is not known: a new chain links to whatever is there.
      writer = newId()
      head = undefined
      throw error
    }
  }
}

function entryOf(note: AuditNote, by: { at: number; writer: string }) {
  const detail = JSON.stringify(note.detail ?? {})
  return {
    at: by.at,
    writer: by.writer,
    actor: note.actor.slice(0, TARGET_CHARS_MAX),
    action: note.action,
    target: (note.target ?? '').slice(0, TARGET_CHARS_MAX),
    result: note.result,
    detail: detail.length <= DETAIL_CHARS_MAX ? detail : JSON.stringify({ cut: true }),
  }
}
