import { renderTemplate } from './template-text.ts'
import { blankedHash, hashUnits, skeletonId, skeletonKey, type Skeleton } from './skeleton.ts'
import { createScan, MIXED, scanMessage, VARIABLE_TYPES, WORD, type Scan } from './token-scan.ts'

export interface TemplateParam {
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
  params: TemplateParam[]
  /** Ids that were merged by this message. */
  aliases?: TemplateAlias[]
}

export interface TemplateMinerOptions {
  /** Skeletons kept; the ones seen longest ago are forgotten first. */
  skeletonsMax?: number
}

export interface TemplateMiner {
  learn(message: string): LearnedTemplate
  /** The canonical id `id` belongs to now. */
  canonical(id: string): string
  /** The template of a canonical id as it is now. */
  templateOf(id: string): string | undefined
  /** Grows whenever a learned message changes what an earlier one would answer now. */
  readonly revision: number
  toJSON(): TemplateMinerState
}

/** One known skeleton: its first message, and what was learned to vary in it. */
interface Template {
  id: string
  text: string
  /** Token indexes that vary although they look constant. */
  blanks: number[]
  fines: Set<number>
  /** Mixed tokens whose digits were seen to differ. */
  varied: number[]
  listsVary: boolean
  parent: string | null
  rendered: string | null
}

interface Bucket {
  words: number[]
  members: string[]
  root: string | null
}

export interface TemplateMinerState {
  version: 1
  templates: [
    id: string,
    text: string,
    blanks: number[],
    varied: number[],
    lists: boolean,
    fines: number[],
    parent: string | null,
  ][]
  skeletons: [key: number, id: string][]
  buckets: [key: number, words: number[], members: string[], root: string | null][]
}

const FINES_MAX = 64
const MERGE_WORDS_MIN = 4

export function createTemplateMiner(_options: TemplateMinerOptions = {}): TemplateMiner {
  return new Miner()
}

export function restoreTemplateMiner(
  state: TemplateMinerState,
  _options: TemplateMinerOptions = {},
): TemplateMiner {
  const miner = new Miner()
  miner.restore(state)
  return miner
}

class Miner implements TemplateMiner {
  revision = 0
  readonly #templates = new Map<string, Template>()
  readonly #skeletons = new Map<number, Template>()
  readonly #buckets = new Map<number, Bucket>()
  readonly #scan = createScan()
  readonly #hash: Skeleton = { a: 0, b: 0 }
  readonly #blanked: Skeleton = { a: 0, b: 0 }

  learn(message: string): LearnedTemplate {
    const scan = this.#scan
    scanMessage(scan, message)
    hashUnits(scan, this.#hash)
    const known = this.#skeletons.get(skeletonKey(this.#hash))
    if (known !== undefined) {
      const root = this.#root(known)
      this.#learnFine(root, scan)
      return this.#result(root, scan, root.id)
    }
    return this.#learnUnseen(scan)
  }

  canonical(id: string): string {
    const template = this.#templates.get(id)
    return template === undefined ? id : this.#root(template).id
  }

  templateOf(id: string): string | undefined {
    const template = this.#templates.get(id)
    if (template === undefined) return undefined
    const root = this.#root(template)
    return (root.rendered ??= renderTemplate(root))
  }

  #result(
    root: Template,
    scan: Scan,
    announced: string,
    aliases?: TemplateAlias[],
  ): LearnedTemplate {
    const params: TemplateParam[] = []
    for (let at = 0; at < scan.count; at++) {
      const kind = scan.kind[at] as number
      if (kind <= MIXED && !root.blanks.includes(at)) continue
      params.push({
        type: VARIABLE_TYPES[kind] as string,
        value: scan.text.slice(scan.start[at], scan.end[at]),
      })
    }
    root.rendered ??= renderTemplate(root)
    const result = { template: root.rendered, id: root.id, announced, params }
    return aliases === undefined || aliases.length === 0 ? result : { ...result, aliases }
  }

  #root(template: Template): Template {
    let root = template
    while (root.parent !== null) root = this.#templates.get(root.parent) as Template
    return root
  }

  #learnFine(root: Template, scan: Scan): void {
    if (root.fines.has(scan.fine) || root.fines.size >= FINES_MAX) return
    root.fines.add(scan.fine)
    this.revision++
    root.rendered = null
  }

  #learnUnseen(scan: Scan): LearnedTemplate {
    const id = skeletonId(this.#hash)
    const skeleton = { ...this.#hash }
    const joined = this.#findMerged(scan, skeleton)
    if (joined !== undefined) {
      this.#skeletons.set(skeletonKey(skeleton), joined)
      return this.#result(joined, scan, joined.id)
    }
    const template: Template = {
      id,
      text: scan.text,
      blanks: [],
      fines: new Set([scan.fine]),
      varied: [],
      listsVary: false,
      parent: null,
      rendered: null,
    }
    this.#templates.set(id, template)
    this.#skeletons.set(skeletonKey(skeleton), template)
    const aliases = this.#joinBuckets(template, scan, skeleton)
    return this.#result(this.#root(template), scan, id, aliases)
  }

  #findMerged(scan: Scan, skeleton: Skeleton): Template | undefined {
    for (let at = 0; at < scan.count; at++) {
      if ((scan.kind[at] as number) > MIXED) continue
      const bucket = this.#buckets.get(skeletonKey(blankedHash(scan, at, skeleton, this.#blanked)))
      if (bucket?.root != null) return this.#root(this.#templates.get(bucket.root) as Template)
    }
    return undefined
  }

  #joinBuckets(template: Template, scan: Scan, skeleton: Skeleton): TemplateAlias[] {
    const aliases: TemplateAlias[] = []
    const words = countWords(scan)
    if (words < 3) return aliases
    for (let at = 0; at < scan.count; at++) {
      if ((scan.kind[at] as number) > MIXED) continue
      const key = skeletonKey(blankedHash(scan, at, skeleton, this.#blanked))
      let bucket = this.#buckets.get(key)
      if (bucket === undefined) {
        bucket = { words: [], members: [], root: null }
        this.#buckets.set(key, bucket)
      }
      bucket.words.push(scan.unitA[scan.unit[at] as number] as number)
      bucket.members.push(template.id)
      if (bucket.members.length >= MERGE_WORDS_MIN) {
        this.#merge(bucket, at, aliases)
        break
      }
    }
    return aliases
  }

  #merge(bucket: Bucket, token: number, aliases: TemplateAlias[]): void {
    this.revision++
    const oldest = this.#root(this.#templates.get(bucket.members[0] as string) as Template)
    for (const member of bucket.members) {
      const root = this.#root(this.#templates.get(member) as Template)
      if (root === oldest) continue
      root.parent = oldest.id
      aliases.push({ from: root.id, to: oldest.id })
    }
    if (!oldest.blanks.includes(token)) oldest.blanks.push(token)
    oldest.rendered = null
    bucket.root = oldest.id
    bucket.words = []
    bucket.members = []
  }

  toJSON(): TemplateMinerState {
    return {
      version: 1,
      templates: [...this.#templates.values()].map((template) => [
        template.id,
        template.text,
        template.blanks,
        template.varied,
        template.listsVary,
        [...template.fines],
        template.parent,
      ]),
      skeletons: [...this.#skeletons].map(([key, template]) => [key, template.id]),
      buckets: [...this.#buckets].map(([key, bucket]) => [
        key,
        bucket.words,
        bucket.members,
        bucket.root,
      ]),
    }
  }

  restore(state: TemplateMinerState): void {
    for (const [id, text, blanks, varied, listsVary, fines, parent] of state.templates) {
      this.#templates.set(id, {
        id,
        text,
        blanks: [...blanks],
        varied: [...varied],
        listsVary,
        fines: new Set(fines),
        parent,
        rendered: null,
      })
    }
    for (const [key, id] of state.skeletons)
      this.#skeletons.set(key, this.#templates.get(id) as Template)
    for (const [key, words, members, root] of state.buckets)
      this.#buckets.set(key, { words: [...words], members: [...members], root })
  }
}

function countWords(scan: Scan): number {
  let words = 0
  for (let at = 0; at < scan.count; at++) if (scan.kind[at] === WORD) words++
  return words
}
