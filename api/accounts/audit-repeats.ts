import type { Clock } from '#/kernel/clock.ts'
import type { AuditNote } from './audit.ts'

const WINDOW_MS = 60_000
/** Different denials within a minute; the rest is counted as one. */
const KINDS_MAX = 1_000
const OTHERS = 'others'

/** Keeps somebody who is refused ten thousand times a second from filling the disk with it. */
export function createRepeats(clock: Clock, push: (note: AuditNote) => void) {
  const seen = new Map<string, { note: AuditNote; more: number }>()
  const stop = new AbortController()
  let isCounting = false

  const flush = (): void => {
    for (const { note, more } of seen.values())
      if (more > 0) push({ ...note, detail: { ...note.detail, repeated: more } })
    seen.clear()
  }
  const count = async (): Promise<void> => {
    isCounting = true
    await clock.sleep(WINDOW_MS, stop.signal)
    isCounting = false
    flush()
  }
  return {
    note(note: AuditNote): void {
      const key = JSON.stringify([note.actor, note.action, note.target, note.result])
      const known = seen.get(key) ?? (seen.size >= KINDS_MAX ? seen.get(OTHERS) : undefined)
      if (known !== undefined) {
        known.more += 1
        return
      }
      const isFull = seen.size >= KINDS_MAX
      const kept = isFull ? { ...note, actor: OTHERS, target: OTHERS } : note
      seen.set(isFull ? OTHERS : key, { note: kept, more: 0 })
      push(kept)
      if (!isCounting) void count()
    },
    close(): void {
      flush()
      stop.abort()
    },
  }
}
