/**
 * Prometheus' text format 0.0.4, read as strictly as promtool does: what is wrong with a page of metrics, as sentences.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
interface Family {
  type: string
  help: boolean
  /** Series, and for histograms what is known of each. */
  seen: Set<string>
  buckets: Map<string, { le: number; value: number }[]>
  sums: Set<string>
  counts: Map<string, number>
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])
const SUFFIX = /_(bucket|sum|count)$/

export function problemsOf(text: string): string[] {
  const reader = new Reader()
  if (!text.endsWith('\n')) reader.problems.push('the last line does not end')
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) reader.line(line, index + 1)
  reader.end()
  return reader.problems
}

class Reader {
  readonly problems: string[] = []
  readonly #families = new Map<string, Family>()
  readonly #done = new Set<string>()
  #current = ''

  line(line: string, number: number): void {
    const tell = (what: string): void => void this.problems.push(`line ${number}: ${what}`)
    if (line === '') return tell('is empty')
    if (line.startsWith('# ')) return this.#comment(line, tell)
    if (line.startsWith('#')) return tell('is a comment without a space')
    return this.#sample(line, tell)
  }

  #comment(line: string, tell: (what: string) => void): void {
    const [, keyword = '', name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === '') return tell('is neither HELP nor TYPE')
    if (!NAME.test(name)) return tell(`${name} is no name of a metric`)
    const family = this.#family(name, tell)
    if (keyword === 'HELP') {
      if (family.help) tell(`${name} has two helps`)
      family.help = true
      return
    }
    if (family.type !== '') tell(`${name} has two types`)
    if (family.seen.size > 0) tell(`${name} has its type behind its samples`)
    if (!TYPES.has(rest)) tell(`${rest} is no type`)
    family.type = rest
    if (rest === 'counter' && !name.endsWith('_total'))
      tell(`the counter ${name} does not end in _total`)
  }

  /** Lines of one metric stand together. */
  #family(name: string, tell: (what: string) => void): Family {
    if (name !== this.#current) {
      if (this.#done.has(name)) tell(`${name} stands in two places`)
      this.#done.add(this.#current)
      this.#current = name
    }
    let family = this.#families.get(name)
    if (family === undefined)
      this.#families.set(
        name,
        (family = {
          type: '',
          help: false,
          seen: new Set(),
          buckets: new Map(),
          sums: new Set(),
          counts: new Map(),
        }),
      )
    return family
  }

  #sample(line: string, tell: (what: string) => void): void {
    const [, name = '', inner, value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (!NAME.test(name)) return tell('is no sample')
    const labels = inner === undefined ? [] : labelsOf(inner)
    if (labels === undefined) return tell(`labels of ${name} cannot be read`)
    const number = value === '+Inf' ? Infinity : Number(value)
    if (Number.isNaN(number) && value !== 'NaN') return tell(`${value} is no number`)
    const base = name.replace(SUFFIX, '')
    const isPart = this.#families.get(base)?.type === 'histogram' && base !== name
    const family = this.#family(isPart ? base : name, tell)
    if (family.type === '') tell(`${name} has no type`)
    if (!family.help) tell(`${name} has no help`)
    if (family.type === 'histogram' && !isPart) tell(`the histogram ${name} has a bare sample`)
    if (family.type === 'counter' && !(number >= 0)) tell(`the counter ${name} is ${value}`)
    const names = labels.map(([label]) => label)
    if (new Set(names).size !== names.length) tell(`${name} has a label twice`)
    const key = `${name}{${labels
      .map((label) => label.join('='))
      .toSorted()
      .join()}}`
    if (family.seen.has(key)) tell(`${key} is there twice`)
    family.seen.add(key)
    if (isPart) notePart(family, { suffix: SUFFIX.exec(name)?.[1] ?? '', labels, number }, tell)
  }

  end(): void {
    for (const [name, { type, buckets, sums, counts }] of this.#families) {
      if (type !== 'histogram') continue
      for (const [key, all] of buckets)
        this.#histogram(`${name}{${key}}`, { all, count: counts.get(key), hasSum: sums.has(key) })
    }
  }

  #histogram(
    name: string,
    {
      all,
      count,
      hasSum,
    }: { all: { le: number; value: number }[]; count: number | undefined; hasSum: boolean },
  ): void {
    const last = all.at(-1)
    if (last?.le !== Infinity) this.problems.push(`${name} has no bucket +Inf at its end`)
    if (count === undefined || count !== last?.value)
      this.problems.push(`${name} counts otherwise than its buckets`)
    if (!hasSum) this.problems.push(`${name} has no sum`)
    for (const [index, { le, value }] of all.entries()) {
      const before = all[index - 1]
      if (before !== undefined && (le <= before.le || value < before.value))
        this.problems.push(`${name} falls at ${le}`)
    }
  }
}

function notePart(
  family: Family,
  part: { suffix: string; labels: readonly (readonly [string, string])[]; number: number },
  tell: (what: string) => void,
): void {
  const { suffix, labels, number } = part
  const rest = labels.filter(([label]) => label !== 'le')
  const key = rest
    .map((label) => label.join('='))
    .toSorted()
    .join()
  const le = labels.find(([label]) => label === 'le')?.[1]
  if (suffix === 'sum') family.sums.add(key)
  else if (suffix === 'count') family.counts.set(key, number)
  else if (le === undefined) tell('a bucket has no le')
  else {
    const bound = le === '+Inf' ? Infinity : Number(le)
    const known = family.buckets.get(key) ?? []
    known.push({ le: bound, value: number })
    family.buckets.set(key, known)
  }
}

function labelsOf(text: string): [string, string][] | undefined {
  const labels: [string, string][] = []
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text)
    if (match === null) return undefined
    labels.push([match[1] ?? '', match[2] ?? ''])
  }
  return labels
}
