/** A stack's frames from the throw outwards, without noise, recursion collapsed. */
export interface FrameSequence {
  /** Hash of the first n frames and the exception's type, for n = 1, 2, … */
  prefixes: readonly number[]
  /** It is long enough to have been cut off. */
  isLong: boolean
  /** And it does not end where threads begin. */
  isOpen: boolean
}

/** Fingerprints are listed once and referred to by index; -1 is a prefix that decides nothing. */
export interface StackPrefixState {
  fingerprints: string[]
  roots: [fingerprint: number, root: number][]
  inside: [prefix: number, root: number][]
  ends: [prefix: number, root: number][]
}

/**
 * Recognises stacks that were cut off. Loggers limit the number of frames, so one bug comes with long and
 * short stacks: a stack that is the beginning of a known one belongs to its group, and a longer one to the
 * group of the beginning seen before. A beginning that leads to two groups decides nothing.
 */
export interface StackPrefixes {
  /**
   * The group of the stack with this fingerprint: its own, or the one it was found to be part of. `isNew`
   * the first time, until the fingerprint is forgotten.
   */
  resolve(fingerprint: string, sequence: FrameSequence): { root: string; isNew: boolean }
  /** Grows with every change of the state. */
  readonly version: number
  toJSON(): StackPrefixState
}

const ROOTS_MAX = 2048
const PREFIXES_MAX = 12_288
const PREFIX_LENGTH_MAX = 48
const AMBIGUOUS = ''

export function createStackPrefixes(state?: StackPrefixState): StackPrefixes {
  const nameAt = (at: number): string => state?.fingerprints[at] ?? AMBIGUOUS
  const roots = new Map(state?.roots.map(([own, root]) => [nameAt(own), nameAt(root)] as const))
  const inside = new Map(state?.inside.map(([prefix, root]) => [prefix, nameAt(root)] as const))
  const ends = new Map(state?.ends.map(([prefix, root]) => [prefix, nameAt(root)] as const))
  let version = 0
  return {
    resolve(fingerprint, sequence) {
      const known = roots.get(fingerprint)
      if (known !== undefined) return { root: known, isNew: false }
      const root = find(inside, ends, sequence) ?? fingerprint
      put(roots, fingerprint, root, ROOTS_MAX)
      learn(inside, ends, sequence, root)
      version++
      return { root, isNew: true }
    },
    get version() {
      return version
    },
    toJSON: () => writePrefixes(roots, inside, ends),
  }
}

function writePrefixes(
  roots: ReadonlyMap<string, string>,
  inside: PrefixMap,
  ends: PrefixMap,
): StackPrefixState {
  const index = new Map<string, number>([[AMBIGUOUS, -1]])
  const fingerprints: string[] = []
  const at = (fingerprint: string): number => {
    const known = index.get(fingerprint)
    if (known !== undefined) return known
    index.set(fingerprint, fingerprints.length)
    return fingerprints.push(fingerprint) - 1
  }
  return {
    fingerprints,
    roots: [...roots].map(([own, root]) => [at(own), at(root)]),
    inside: [...inside].map(([prefix, root]) => [prefix, at(root)]),
    ends: [...ends].map(([prefix, root]) => [prefix, at(root)]),
  }
}

type PrefixMap = Map<number, string>

function find(inside: PrefixMap, ends: PrefixMap, sequence: FrameSequence): string | undefined {
  const { prefixes, isLong } = sequence
  const whole = prefixes.at(-1)
  if (whole === undefined) return undefined
  const longer = isLong ? inside.get(whole) : undefined
  if (longer !== undefined && longer !== AMBIGUOUS) return longer
  for (let at = Math.min(prefixes.length, PREFIX_LENGTH_MAX) - 1; at >= 0; at--) {
    const prefix = prefixes[at] as number
    const shorter = ends.get(prefix)
    if (shorter === undefined) continue
    // Found its longer stack: a second, different one is another group.
    ends.set(prefix, AMBIGUOUS)
    return shorter === AMBIGUOUS ? undefined : shorter
  }
  return undefined
}

function learn(inside: PrefixMap, ends: PrefixMap, sequence: FrameSequence, root: string): void {
  const { prefixes, isOpen } = sequence
  const length = Math.min(prefixes.length, PREFIX_LENGTH_MAX)
  for (let at = 0; at < length - 1; at++) note(inside, prefixes[at] as number, root)
  const whole = prefixes[length - 1]
  if (isOpen && whole !== undefined) note(ends, whole, root)
}

function note(map: PrefixMap, prefix: number, root: string): void {
  const known = map.get(prefix)
  if (known === undefined) put(map, prefix, root, PREFIXES_MAX)
  else if (known !== root) map.set(prefix, AMBIGUOUS)
}

/** Keeps at most `max` entries; the oldest goes first. */
function put<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  if (map.size >= max) {
    const oldest = map.keys().next()
    if (!oldest.done) map.delete(oldest.value)
  }
  map.set(key, value)
}
