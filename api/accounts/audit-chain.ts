import { hash } from 'node:crypto'
import type { AuditEntry } from '#/schemas/records.ts'

/** How many hashes back a process that begins to write may link: others wrote while it looked. */
const LINK_BACK_MAX = 1_000

type Unsealed = Omit<AuditEntry, 'hash' | 'previous_hash'>

/** Adds the link to the entry before and the hash over everything, the link included. */
export function seal(entry: Unsealed, previousHash: string): AuditEntry {
  const linked = { ...entry, previous_hash: previousHash }
  return { ...linked, hash: hashOf(linked) }
}

function hashOf(entry: Omit<AuditEntry, 'hash'>): string {
  const { previous_hash, writer, at, actor, action, target, result, detail } = entry
  // JSON of a list: no two different entries give the same text.
  const text = JSON.stringify([previous_hash, writer, at, actor, action, target, result, detail])
  return hash('sha256', text, 'hex')
}

/** One record as the log gave it. */
export interface AuditRecord {
  offset: number
  key: string
  timestampMs: number
  entry: AuditEntry
}

export interface ChainCheck {
  /** What is wrong with the next record; null when it fits. */
  next(record: AuditRecord): string | null
  readonly entries: number
  readonly writers: number
  readonly head: string
}

/**
 * Walks `audit.v1` from its beginning. Every process writes a chain of its own, whose first entry links to what lay in
 * the log when it began; so of processes that run one after the other it is a single chain, and of those that run
 * together a braid. Exchanged, changed, added and missing entries do not fit; only that the newest ones are missing
 * cannot be seen from the log alone, which is what the head is for.
 */
export function createChainCheck(): ChainCheck {
  const heads = new Map<string, string>()
  const recent: string[] = []
  let entries = 0
  let head = ''
  const isLink = (writer: string, link: string): boolean => {
    const own = heads.get(writer)
    if (own !== undefined) return own === link
    return entries === 0 ? link === '' : recent.includes(link)
  }
  return {
    get entries() {
      return entries
    },
    get writers() {
      return heads.size
    },
    get head() {
      return head
    },
    next({ key, timestampMs, entry }) {
      const what =
        hashOf(entry) !== entry.hash
          ? 'is not what was written: its hash is of other content'
          : !isLink(entry.writer, entry.previous_hash)
            ? 'does not follow the entry before: one is missing, added or exchanged'
            : key !== entry.actor || timestampMs !== entry.at
              ? 'lies under another key or time than it was written with'
              : null
      entries += 1
      head = entry.hash
      heads.set(entry.writer, entry.hash)
      recent.push(entry.hash)
      if (recent.length > LINK_BACK_MAX) recent.shift()
      return what
    },
  }
}
