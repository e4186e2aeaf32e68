import type { FingerprintRule } from './fingerprint-rules.ts'

/**
 * Where a person wants a fingerprint to belong: another one, itself (out of every group, whatever is learned), or
 * null, which leaves it to learning again.
 */
export interface Pin {
  fingerprint: string
  to: string | null
}

/** What a person decided about the groups of a project. Everything it changes is in it: nothing is looked up later. */
export interface GroupingDecision {
  id: string
  project: string
  /** 1, 2, 3 … in a project; a decision at or below the last one applied was applied already. */
  revision: number
  kind: 'merge' | 'split' | 'rules' | 'undo'
  actor: string
  at: number
  reason: string
  pins: readonly Pin[]
  /** All rules of the project from here on, the first that matches decides. */
  rules?: readonly FingerprintRule[]
  /** The decision this one takes back. */
  undoes?: string
}

export interface DecisionState {
  revision: number
  pins: [fingerprint: string, to: string][]
  rules: FingerprintRule[]
}

/** Pins of a project; the API refuses more, so that state stays bounded. */
export const PINS_MAX = 20_000
const STEPS_MAX = 8

/** The decisions of one project as they stand at one place of the log. */
export interface DecisionBook {
  readonly revision: number
  /** The same array until other rules are decided. */
  readonly rules: readonly FingerprintRule[]
  /** False when it was applied before. */
  apply(decision: GroupingDecision): boolean
  /** Whether a person decided where this one belongs; then what is learned about it says nothing. */
  isPinned(fingerprint: string): boolean
  /** Where an event belongs that would be `own` alone and was learned to belong to `learned`. */
  resolve(own: string, learned: string): string
  pinOf(fingerprint: string): string | null
  toJSON(): DecisionState
}

export function createDecisionBook(state?: DecisionState): DecisionBook {
  const pins = new Map(state?.pins)
  let rules: readonly FingerprintRule[] = state?.rules ?? []
  let revision = state?.revision ?? 0

  const follow = (fingerprint: string): string => {
    let at = fingerprint
    for (let step = 0; step < STEPS_MAX; step++) {
      const next = pins.get(at)
      if (next === undefined || next === at) break
      at = next
    }
    return at
  }
  return {
    get revision() {
      return revision
    },
    get rules() {
      return rules
    },
    apply(decision) {
      if (decision.revision <= revision) return false
      revision = decision.revision
      for (const { fingerprint, to } of decision.pins) {
        if (to === null) pins.delete(fingerprint)
        else if (pins.size < PINS_MAX || pins.has(fingerprint)) pins.set(fingerprint, to)
      }
      if (decision.rules !== undefined) rules = decision.rules
      return true
    },
    isPinned: (fingerprint) => pins.has(fingerprint),
    resolve(own, learned) {
      if (pins.size === 0) return learned
      return follow(pins.has(own) ? own : learned)
    },
    pinOf: (fingerprint) => pins.get(fingerprint) ?? null,
    toJSON: () => ({ revision, pins: [...pins], rules: [...rules] }),
  }
}
