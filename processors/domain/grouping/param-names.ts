import type { TemplateParam } from './template-miner.ts'
import { createRecentMap } from './recent-map.ts'

export interface NamedParam {
  /** From the text before the value (`host=<*>`, `user <*>`), else `p1`, `p2`, …; unique in a template. */
  name: string
  type: string
  value: string
}

const NAME_CHARS_MAX = 40
const names = createRecentMap<string, readonly string[]>(512)

/** Names the parameters of a message by what its template says before them. */
export function nameParams(template: string, params: readonly TemplateParam[]): NamedParam[] {
  let known = names.get(template)
  if (known === undefined) {
    known = namesIn(template)
    names.set(template, known)
  }
  const found = known
  return params.map(({ type, value }, at) => ({ name: found[at] ?? `p${at + 1}`, type, value }))
}

function namesIn(template: string): string[] {
  const used = new Set<string>()
  const found: string[] = []
  let at = template.indexOf('<*>')
  while (at >= 0) {
    const wanted = nameBefore(template, at) ?? `p${found.length + 1}`
    let name = wanted
    for (let again = 2; used.has(name); again++) name = `${wanted}_${again}`
    used.add(name)
    found.push(name)
    at = template.indexOf('<*>', at + 3)
  }
  return found
}

/** The word before a blank, over `=`, `:`, quotes, brackets and one space. */
function nameBefore(template: string, blank: number): string | undefined {
  const before = template.slice(Math.max(0, blank - NAME_CHARS_MAX - 4), blank)
  const match = /([A-Za-z][\w.-]{0,39})\s?[=:#]?\s?["'[({</]?$/u.exec(before)
  return match?.[1]?.toLowerCase().replaceAll(/[^\da-z]+/gu, '_')
}
