import {
  contextOf,
  KNOWN_VALUES_MIN,
  strengthAt,
  wordsNeeded,
  type Context,
} from './merge-rules.ts'
import { createScan, MIXED, VARIABLE_TYPES, type Scan } from './scan.ts'
import { blankedHash, hashUnits, skeletonId, skeletonKey, type Skeleton } from './skeleton.ts'
import { renderTemplate, variedUnits } from './template-text.ts'
import {
  createStore,
  FINES_MAX,
  readStore,
  writeStore,
  type Store,
  type Template,
  type TemplateMinerState,
} from './template-store.ts'
import { scanMessage } from './token-scan.ts'

export type { TemplateMinerState } from './template-store.ts'

export interface TemplateParam {
  /** One of VARIABLE_TYPES. */
  type: string
  value: string
}

export interface TemplateAlias {
  from: string
  to: string
}

export interface LearnedTemplate {
  /** The message with `<*>` for everything that varies. */
  template: string
  /** Current canonical id: 16 lower-case hex characters. */
  id: string
  /** The id on arrival, before this message could merge anything. */
  announced: string
  /** The id its skeleton was first met under, whatever was merged since. */
  own: string
  params: TemplateParam[]
  /** Ids that were merged by this message. */
  aliases?: TemplateAlias[]
}

export interface TemplateMinerOptions {
  /** Templates kept; the ones used longest ago are forgotten first. */
  templatesMax?: number
  /** Multiplies how many distinct words make a variable; 1. What it is worth is asked by `npm run eval`. */
  evidenceFactor?: number
}

export interface TemplateMiner {
  learn(message: string): LearnedTemplate
  /** The canonical id `id` belongs to now; `id` itself when it is not known. */
  canonical(id: string): string
  /** The id and every id that was merged into its template before. */
  membersOf(id: string): readonly string[]
  /** Marks the template as used, as learning one of its messages again would. */
  touch(id: string): void
  /** The template of an id as it is now. */
  templateOf(id: string): string | undefined
  /** Grows whenever a message changes what an earlier one would be answered now. */
  readonly revision: number
  /** Grows with every change of the state: a checkpoint of the same version can be spared. */
  readonly version: number
  toJSON(): TemplateMinerState
}

/** An online miner: the same messages in the same order give the same answers and the same state. */
export function createTemplateMiner(options: TemplateMinerOptions = {}): TemplateMiner {
  return new Miner(createStore(options.templatesMax), options.evidenceFactor)
}

export function restoreTemplateMiner(
  state: TemplateMinerState,
  options: TemplateMinerOptions = {},
): TemplateMiner {
  return new Miner(readStore(state, options.templatesMax), options.evidenceFactor)
}

/** Blanks one template can gain by merging. */
const MERGE_DEPTH_MAX = 3
/** Places two of which are tried together when one does not tell. */
const PAIRED_TOKENS_MAX = 12
/** Tokens of a message whose words can be learned to vary. */
const LEARNED_TOKENS_MAX = 48

class Miner implements TemplateMiner {
  revision = 0
  readonly #store: Store
  readonly #evidenceFactor: number
  readonly #scan = createScan()
  readonly #hash: Skeleton = { a: 0, b: 0 }
  readonly #blanked: Skeleton = { a: 0, b: 0 }
  readonly #paired: Skeleton = { a: 0, b: 0 }

  constructor(store: Store, evidenceFactor = 1) {
    this.#store = store
    this.#evidenceFactor = evidenceFactor
  }

  get version(): number {
    return this.#store.version
  }

  learn(message: string): LearnedTemplate {
    const scan = this.#scan
    scanMessage(scan, message)
    hashUnits(scan, this.#hash)
    const key = skeletonKey(this.#hash)
    const known = this.#store.find(key)
    if (known === undefined) return this.#learnUnseen(scan)
    this.#learnDetails(known, scan)
    // Only what was merged can have another beginning: the rest is spared the look-up.
    const own = known.isMerged ? (this.#store.skeletons.get(key) ?? known.id) : known.id
    return this.#result(known, scan, { announced: known.id, own })
  }

  canonical(id: string): string {
    return this.#store.root(id)?.id ?? id
  }

  membersOf(id: string): readonly string[] {
    const members = [id]
    // What was merged into a member was merged after it was made: one pass in the order of making is not enough.
    for (let at = 0; at < members.length; at++)
      for (const { id: other, parent } of this.#store.templates.values())
        if (parent === members[at]) members.push(other)
    return members
  }

  touch(id: string): void {
    this.#store.touch(id)
  }

  templateOf(id: string): string | undefined {
    const root = this.#store.root(id)
    return root === undefined ? undefined : (root.rendered ??= renderTemplate(root))
  }

  toJSON(): TemplateMinerState {
    return writeStore(this.#store)
  }

  #result(
    root: Template,
    scan: Scan,
    { announced, own }: { announced: string; own: string },
    aliases: readonly TemplateAlias[] = [],
  ): LearnedTemplate {
    const params: TemplateParam[] = []
    const { blanks, varied } = root
    for (let at = 0; at < scan.count; at++) {
      const kind = scan.kind[at] as number
      if (kind <= MIXED) {
        const unit = scan.unit[at] as number
        if (!blanks.includes(unit) && !varied.includes(unit)) continue
      }
      params.push({
        type: VARIABLE_TYPES[kind] as string,
        value: scan.text.slice(scan.start[at], scan.end[at]),
      })
    }
    root.rendered ??= renderTemplate(root)
    const result = { template: root.rendered, id: root.id, announced, own, params }
    return aliases.length === 0 ? result : { ...result, aliases: [...aliases] }
  }

  /** The skeleton is known; what it hides may still be new. */
  #learnDetails(root: Template, scan: Scan): void {
    if (root.fines.has(scan.fine) || root.fines.size >= FINES_MAX) return
    root.fines.add(scan.fine)
    this.#store.version++
    const varied = variedUnits(root.text, scan).filter((unit) => !root.varied.includes(unit))
    if (varied.length === 0) return
    root.varied.push(...varied)
    this.#changed(root)
  }

  #changed(root: Template): void {
    root.rendered = null
    this.#store.version++
    this.revision++
  }

  #learnUnseen(scan: Scan): LearnedTemplate {
    const skeleton = { ...this.#hash }
    const key = skeletonKey(skeleton)
    const context = contextOf(scan)
    const joined = this.#join(scan, skeleton, context)
    if (joined !== undefined) {
      this.#store.remember(key, joined)
      this.#learnDetails(joined, scan)
      return this.#result(joined, scan, { announced: joined.id, own: joined.id })
    }
    const id = skeletonId(skeleton)
    const template = this.#store.add(id, scan.text, scan.fine)
    this.#store.remember(key, template)
    const aliases: TemplateAlias[] = []
    // Words stood where this message has a variable.
    const words = this.#store.buckets.get(key)
    if (words !== undefined) this.#merge([...words.members, id], words.unit, key, aliases)
    this.#joinBuckets(template, scan, skeleton, context, aliases, 0)
    if (this.#store.trim()) this.revision++
    const root = this.#store.root(id) ?? template
    return this.#result(root, scan, { announced: id, own: id }, aliases)
  }

  /** A known template that has a variable where this message has one word, or two. */
  #join(scan: Scan, skeleton: Skeleton, context: Context): Template | undefined {
    const count = Math.min(scan.count, LEARNED_TOKENS_MAX)
    for (let at = 0; at < count; at++) {
      const strength = strengthAt(scan, at, context)
      if (strength === 'none') continue
      const found = this.#store.find(skeletonKey(blankedHash(scan, at, skeleton, this.#blanked)))
      if (found !== undefined) return this.#blank(found, scan, [at])
    }
    return scan.count <= PAIRED_TOKENS_MAX ? this.#joinPair(scan, skeleton, context) : undefined
  }

  #joinPair(scan: Scan, skeleton: Skeleton, context: Context): Template | undefined {
    for (let first = 0; first < scan.count; first++) {
      if (strengthAt(scan, first, context) !== 'strong') continue
      blankedHash(scan, first, skeleton, this.#blanked)
      for (let second = first + 1; second < scan.count; second++) {
        if (strengthAt(scan, second, context) !== 'strong') continue
        const key = skeletonKey(blankedHash(scan, second, this.#blanked, this.#paired))
        const found = this.#store.find(key)
        if (found?.isMerged) return this.#blank(found, scan, [first, second])
      }
    }
    return undefined
  }

  #blank(root: Template, scan: Scan, tokens: readonly number[]): Template {
    for (const token of tokens) {
      const unit = scan.unit[token] as number
      this.#store.addValue(scan.unitA[unit] as number)
      if (root.blanks.includes(unit)) continue
      root.blanks.push(unit)
      this.#changed(root)
    }
    return root
  }

  /** Puts the skeleton among its siblings, once for each word it has. */
  #joinBuckets(
    template: Template,
    scan: Scan,
    skeleton: Skeleton,
    context: Context,
    aliases: TemplateAlias[],
    depth: number,
  ): void {
    const count = Math.min(scan.count, LEARNED_TOKENS_MAX)
    for (let at = 0; at < count; at++) {
      const strength = strengthAt(scan, at, context)
      const unit = scan.unit[at] as number
      if (strength === 'none' || this.#isBlank(template, unit)) continue
      const blanked = { ...blankedHash(scan, at, skeleton, this.#blanked) }
      const key = skeletonKey(blanked)
      const bucket = this.#store.bucket(key, unit)
      const word = scan.unitA[unit] as number
      if (bucket.words.includes(word)) continue
      bucket.words.push(word)
      bucket.members.push(template.id)
      const areKnownValues =
        strength === 'strong' &&
        bucket.words.length >= KNOWN_VALUES_MIN &&
        bucket.words.every((one) => this.#store.values.has(one))
      if (
        !areKnownValues &&
        bucket.words.length < this.#evidenceFactor * wordsNeeded(scan, at, strength)
      )
        continue
      for (const value of bucket.words) this.#store.addValue(value)
      const root = this.#merge(bucket.members, unit, key, aliases)
      if (root !== undefined && depth < MERGE_DEPTH_MAX)
        this.#joinBuckets(root, scan, blanked, context, aliases, depth + 1)
      return
    }
  }

  #isBlank(template: Template, unit: number): boolean {
    const root = this.#store.root(template.id) ?? template
    return root.blanks.includes(unit)
  }

  /** All members become one template: the oldest keeps its id. */
  #merge(
    members: readonly string[],
    unit: number,
    key: number,
    aliases: TemplateAlias[],
  ): Template | undefined {
    const roots = new Set<Template>()
    for (const member of members) {
      const root = this.#store.root(member)
      if (root !== undefined) roots.add(root)
    }
    const oldest = [...roots].toSorted((left, right) => left.order - right.order)[0]
    if (oldest === undefined) return undefined
    for (const root of roots) {
      if (root === oldest) continue
      root.parent = oldest.id
      for (const other of root.blanks) if (!oldest.blanks.includes(other)) oldest.blanks.push(other)
      for (const other of root.varied) if (!oldest.varied.includes(other)) oldest.varied.push(other)
      aliases.push({ from: root.id, to: oldest.id })
    }
    if (!oldest.blanks.includes(unit)) oldest.blanks.push(unit)
    oldest.isMerged = true
    this.#store.buckets.delete(key)
    this.#store.remember(key, oldest)
    this.#changed(oldest)
    return oldest
  }
}
