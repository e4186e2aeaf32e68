/** One known skeleton: its first message, and what was learned to vary in it. */
export interface Template {
  /** Hash of the skeleton it was made for: the same wherever and whenever it is met first. */
  id: string
  text: string
  /** Order of creation; the oldest of merged templates keeps its id. */
  order: number
  /** Epoch of its last use, for forgetting. */
  used: number
  /** Units that vary although they look constant. */
  blanks: number[]
  /** Units whose details vary. */
  varied: number[]
  /** Fine hashes seen; bounded. */
  fines: Set<number>
  /** Some of its places were learned to vary. */
  isMerged: boolean
  /** The template it was merged into. */
  parent: string | null
  rendered: string | null
}

/** Templates that are equal but for the word at one unit. */
interface Bucket {
  unit: number
  words: number[]
  members: string[]
}

type TemplateRow = [
  id: string,
  text: string,
  order: number,
  used: number,
  blanks: readonly number[],
  varied: readonly number[],
  fines: readonly number[],
  isMerged: boolean,
  parent: string | null,
]

export interface TemplateMinerState {
  version: 1
  order: number
  templates: TemplateRow[]
  /** Skeleton keys and the template each belongs to, as an index into `templates`. */
  skeletons: [key: number, template: number][]
  buckets: [key: number, unit: number, words: readonly number[], members: readonly number[]][]
  values: number[]
}

export const FINES_MAX = 16
const TEMPLATES_MAX = 1500
const SKELETONS_PER_TEMPLATE = 4
const BUCKETS_PER_TEMPLATE = 6
const VALUES_MAX = 2048
/** Characters of all templates together. */
const TEXT_CHARS_MAX = 500_000
/** Share of the templates that is forgotten at once, so that forgetting costs little per message. */
const FORGOTTEN_SHARE = 1 / 8
const EPOCH_LEARNED = 64

export interface Store {
  readonly templates: Map<string, Template>
  readonly skeletons: Map<number, string>
  readonly buckets: Map<number, Bucket>
  readonly values: Set<number>
  readonly templatesMax: number
  order: number
  /** Grows with every change of what a checkpoint would hold. */
  version: number
  find(key: number): Template | undefined
  root(id: string): Template | undefined
  insert(template: Template): void
  add(id: string, text: string, fine: number): Template
  remember(key: number, template: Template): void
  bucket(key: number, unit: number): Bucket
  addValue(word: number): void
  touch(id: string): void
  /** Forgets down to the caps; true when templates were forgotten. */
  trim(): boolean
}

export function createStore(templatesMax = TEMPLATES_MAX): Store {
  return new MemoryStore(templatesMax)
}

class MemoryStore implements Store {
  readonly templates = new Map<string, Template>()
  readonly skeletons = new Map<number, string>()
  readonly buckets = new Map<number, Bucket>()
  readonly values = new Set<number>()
  readonly templatesMax: number
  order = 0
  version = 0
  #textChars = 0
  /** Follows `skeletons`, with parents resolved: the hot path is one map read. */
  readonly #roots = new Map<number, Template>()

  constructor(templatesMax: number) {
    this.templatesMax = templatesMax
  }

  find(key: number): Template | undefined {
    let found = this.#roots.get(key)
    if (found === undefined) {
      const id = this.skeletons.get(key)
      if (id === undefined) return undefined
      found = this.root(id)
      if (found === undefined) return undefined
      this.#roots.set(key, found)
    } else if (found.parent !== null) {
      found = this.root(found.id) as Template
      this.#roots.set(key, found)
    }
    this.#use(found)
    return found
  }

  root(id: string): Template | undefined {
    let found = this.templates.get(id)
    while (found !== undefined && found.parent !== null) found = this.templates.get(found.parent)
    return found
  }

  add(id: string, text: string, fine: number): Template {
    const made: Template = {
      id,
      // A copy: a slice would keep a huge message alive as long as its template.
      text: ` ${text}`.slice(1),
      order: this.order++,
      used: Math.floor(this.order / EPOCH_LEARNED),
      blanks: [],
      varied: [],
      fines: new Set([fine]),
      isMerged: false,
      parent: null,
      rendered: null,
    }
    this.insert(made)
    return made
  }

  insert(template: Template): void {
    this.templates.set(template.id, template)
    this.#textChars += template.text.length
    this.version++
  }

  remember(key: number, template: Template): void {
    this.skeletons.set(key, template.id)
    this.version++
    this.#roots.delete(key)
    const max = this.templatesMax * SKELETONS_PER_TEMPLATE
    if (this.skeletons.size > max) this.#forgetSkeletons(max)
  }

  bucket(key: number, unit: number): Bucket {
    let bucket = this.buckets.get(key)
    if (bucket === undefined) {
      bucket = { unit, words: [], members: [] }
      this.buckets.set(key, bucket)
    }
    return bucket
  }

  addValue(word: number): void {
    if (this.values.size < VALUES_MAX) this.values.add(word)
  }

  touch(id: string): void {
    const found = this.root(id)
    if (found !== undefined) this.#use(found)
  }

  #use(template: Template): void {
    const epoch = Math.floor(this.order / EPOCH_LEARNED)
    if (template.used === epoch) return
    template.used = epoch
    this.version++
  }

  trim(): boolean {
    const isFull = this.templates.size > this.templatesMax || this.#textChars > TEXT_CHARS_MAX
    if (isFull) this.#forgetTemplates()
    this.#trimBuckets()
    return isFull
  }

  #trimBuckets(): void {
    const max = this.templatesMax * BUCKETS_PER_TEMPLATE
    if (this.buckets.size <= max) return
    let excess = this.buckets.size - Math.floor(max * (1 - FORGOTTEN_SHARE))
    for (const key of this.buckets.keys()) {
      if (excess-- <= 0) break
      this.buckets.delete(key)
    }
  }

  /** The oldest keys go; those a merge made come back by the template's own key. */
  #forgetSkeletons(max: number): void {
    let excess = this.skeletons.size - Math.floor(max * (1 - FORGOTTEN_SHARE))
    for (const [key, id] of this.skeletons) {
      if (excess <= 0) break
      if (this.root(id)?.isMerged) continue
      this.skeletons.delete(key)
      this.#roots.delete(key)
      excess--
    }
    for (const key of this.skeletons.keys()) {
      if (excess-- <= 0) break
      this.skeletons.delete(key)
      this.#roots.delete(key)
    }
  }

  #forgetTemplates(): void {
    const byUse = [...this.templates.values()].toSorted(
      (left, right) => lastUse(this, left) - lastUse(this, right) || left.order - right.order,
    )
    const forgotten = new Set(
      byUse.slice(0, Math.ceil(this.templates.size * FORGOTTEN_SHARE)).map(({ id }) => id),
    )
    // What was merged into a forgotten template goes with it.
    for (const template of byUse) {
      if (template.parent !== null && forgotten.has((this.root(template.id) as Template).id))
        forgotten.add(template.id)
    }
    for (const id of forgotten) {
      this.#textChars -= this.templates.get(id)?.text.length ?? 0
      this.templates.delete(id)
    }
    this.version++
    for (const [key, id] of this.skeletons) {
      if (!forgotten.has(id)) continue
      this.skeletons.delete(key)
      this.#roots.delete(key)
    }
    for (const [key, { members }] of this.buckets) {
      if (members.some((member) => forgotten.has(member))) this.buckets.delete(key)
    }
  }
}

function lastUse(store: Store, template: Template): number {
  return store.root(template.id)?.used ?? template.used
}

export function writeStore(store: Store): TemplateMinerState {
  const index = new Map<string, number>()
  const templates = [...store.templates.values()].map((template, at): TemplateRow => {
    index.set(template.id, at)
    const { id, text, order, used, blanks, varied, fines, isMerged, parent } = template
    return [id, text, order, used, [...blanks], [...varied], [...fines], isMerged, parent]
  })
  const indexOf = (id: string): number => index.get(id) ?? -1
  return {
    version: 1,
    order: store.order,
    templates,
    skeletons: [...store.skeletons].map(([key, id]) => [key, indexOf(id)]),
    buckets: [...store.buckets].map(([key, { unit, words, members }]) => [
      key,
      unit,
      [...words],
      members.map(indexOf),
    ]),
    values: [...store.values],
  }
}

export function readStore(state: TemplateMinerState, templatesMax?: number): Store {
  const store = createStore(templatesMax)
  store.order = state.order
  for (const [id, text, order, used, blanks, varied, fines, isMerged, parent] of state.templates) {
    store.insert({
      id,
      text,
      order,
      used,
      blanks: [...blanks],
      varied: [...varied],
      fines: new Set(fines),
      isMerged,
      parent,
      rendered: null,
    })
  }
  const idAt = (at: number): string => state.templates[at]?.[0] ?? ''
  for (const [key, template] of state.skeletons) store.skeletons.set(key, idAt(template))
  for (const [key, unit, words, members] of state.buckets)
    store.buckets.set(key, { unit, words: [...words], members: members.map(idAt) })
  for (const value of state.values) store.values.add(value)
  return store
}
