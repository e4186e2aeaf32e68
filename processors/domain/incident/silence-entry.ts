import type { ConfigEntry } from '#/schemas/records.ts'
import type { Silence } from './silence.ts'

const SILENCE_KIND = 'silence'

/** A silence as config.v1 keeps it, with what became of it. */
export interface KeptSilence {
  silence: Silence
  /** When it was decided, wall clock. */
  atMs: number
  /** Somebody took it back before its end. */
  removed: { atMs: number; actor: string } | null
  /** The last step is among the actions; until then it is written there again after a crash. */
  isPlaced: boolean
}

export function entryOfSilence(kept: KeptSilence): ConfigEntry {
  const { silence, atMs, removed } = kept
  return {
    kind: SILENCE_KIND,
    id: `${silence.project}/${silence.id}`,
    at: removed?.atMs ?? atMs,
    actor: removed?.actor ?? silence.actor,
    value: JSON.stringify(kept),
  }
}

/** undefined for other entries. */
export function readSilence(entry: ConfigEntry): KeptSilence | undefined {
  return entry.kind === SILENCE_KIND ? (JSON.parse(entry.value) as KeptSilence) : undefined
}
