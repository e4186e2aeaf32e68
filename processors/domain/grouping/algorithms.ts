import {
  createGrouper,
  restoreGrouper,
  type Grouped,
  type Grouper,
  type GrouperState,
} from './fingerprint.ts'
import type { TemplateAlias } from './template-miner.ts'

/** One way of grouping. A change that gives other fingerprints is another one, and the one before stays in the code. */
export interface Algorithm {
  version: number
  create(): Grouper
  restore(state: GrouperState): Grouper
}

/** State as it is stored: of one algorithm, or of two that run side by side. */
export interface StoredGrouper {
  algorithm: number
  state: GrouperState
  before?: { algorithm: number; state: GrouperState }
  /** What fingerprints of `algorithm` are called: the issues the one before had opened. */
  names?: [own: string, name: string][]
}

export interface Algorithms {
  /** Version of the one that groups. */
  newest: number
  create(): Grouper
  /** Of an older version, or without a number from before there were any, it goes on beside the newest one. Fails when the version is not in the code any more. */
  restore(stored: StoredGrouper | GrouperState): Grouper
  store(grouper: Grouper): StoredGrouper
}

const FIRST: Algorithm = {
  version: 1,
  create: () => createGrouper(),
  restore: (state) => restoreGrouper(state),
}

/** The ways of grouping this version knows. */
export const ALGORITHMS = createAlgorithms([FIRST])

/** Oldest first; the last one groups. */
export function createAlgorithms(known: readonly Algorithm[]): Algorithms {
  const newest = known.at(-1) ?? FIRST
  const of = (version: number): Algorithm => {
    const found = known.find((one) => one.version === version)
    if (found === undefined) throw new RangeError(`there is no way of grouping ${version} any more`)
    return found
  }
  return {
    newest: newest.version,
    create: () => newest.create(),
    restore(given) {
      const stored = 'state' in given ? given : { algorithm: FIRST.version, state: given }
      const { algorithm, state, before, names }: StoredGrouper = stored
      if (algorithm === newest.version) {
        const now = newest.restore(state)
        if (before === undefined) return now
        const older = of(before.algorithm).restore(before.state)
        return new SideBySide({ now, older, before: before.algorithm, names: names ?? [] })
      }
      // Whatever stood before that one, its issues are what the older one calls them by now.
      const older = of(algorithm).restore(state)
      return new SideBySide({ now: newest.create(), older, before: algorithm, names: [] })
    },
    store(grouper) {
      const algorithm = newest.version
      if (!(grouper instanceof SideBySide)) return { algorithm, state: grouper.snapshot() }
      const { now, older, before, names } = grouper
      return {
        algorithm,
        state: now.snapshot(),
        before: { algorithm: before, state: older.snapshot() },
        names: [...names],
      }
    },
  }
}

const NAMES_MAX = 8192

interface Sides {
  now: Grouper
  older: Grouper
  /** Version of `older`. */
  before: number
  names: Iterable<[string, string]>
}

/**
 * Two ways of grouping beside each other. What the newer one calls a group is an alias of the issue the older one had
 * for it, so that an upgrade opens no new issues; two issues of the older one that are one to the newer are merged.
 */
class SideBySide implements Grouper {
  readonly now: Grouper
  readonly older: Grouper
  readonly before: number
  readonly names: Map<string, string>
  #namesVersion = 0

  constructor({ now, older, before, names }: Sides) {
    this.now = now
    this.older = older
    this.before = before
    this.names = new Map(names)
  }

  group(input: Parameters<Grouper['group']>[0]): Grouped {
    const grouped = this.now.group(input)
    const earlier = this.older.group(input)
    // What a rule or a code decides is the same in every version.
    if (grouped.fingerprint === earlier.fingerprint) return grouped
    const aliases: TemplateAlias[] = [...(earlier.aliases ?? [])]
    const own = grouped.fingerprint
    const known = this.names.get(own)
    if (known === undefined) {
      this.#remember(own, earlier.fingerprint)
      aliases.push({ from: own, to: earlier.fingerprint })
    } else if (known !== earlier.fingerprint && !this.names.has(earlier.fingerprint)) {
      this.#remember(earlier.fingerprint, known)
      aliases.push({ from: earlier.fingerprint, to: known })
    }
    const fingerprint = this.names.get(own) ?? earlier.fingerprint
    const { aliases: _, ...rest } = grouped
    return {
      ...rest,
      fingerprint,
      // The older name of what it is alone: decisions of people were made about that.
      own: earlier.own,
      reason: `${grouped.reason} Called what version ${this.before} of grouping called it.`,
      ...(aliases.length === 0 ? {} : { aliases }),
    }
  }

  #remember(own: string, name: string): void {
    if (this.names.size >= NAMES_MAX) {
      const oldest = this.names.keys().next()
      if (oldest.done !== true) this.names.delete(oldest.value)
    }
    this.names.set(own, name)
    this.#namesVersion++
  }

  use(rules: Parameters<Grouper['use']>[0]): void {
    this.now.use(rules)
    this.older.use(rules)
  }

  get version(): number {
    return this.now.version + this.older.version + this.#namesVersion
  }

  snapshot(): GrouperState {
    return this.now.snapshot()
  }
}
