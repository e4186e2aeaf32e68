/** Grouping on made-up systems, whose truth is known because it was made: a stand-in where no labelled data lies. */
import { createSeededRandom } from '#/kernel/random.ts'
import { createTemplateMiner } from '#/processors/domain/grouping/template-miner.ts'
import { MADE_SYSTEMS } from './made-systems.ts'
import { valuesOf } from './made-values.ts'

export interface MadeLine {
  message: string
  label: number
}

export interface MadeScore {
  system: string
  /** Share of lines in groups that hold exactly one template's lines. */
  groupAccuracy: number
  /** Harmonic mean of the shares of right groups among ours and among the true ones. */
  groupF1: number
  announcedAccuracy: number
  aliasedLater: number
  /** Templates that are not one group, each with an example of how it was read. */
  mistakes: string[]
}

export function madeLines(system: string, seed: number, count: number): MadeLine[] {
  const templates = MADE_SYSTEMS[system] ?? []
  const random = createSeededRandom(seed)
  const values = valuesOf(random)
  return Array.from({ length: count }, () => {
    // A few templates make most lines, as in real logs.
    const label = Math.min(random.int(templates.length), random.int(templates.length))
    return { message: templates[label]?.(values) ?? '', label }
  })
}

export function scoreSystem(system: string, seed: number, count = 2000): MadeScore {
  const lines = madeLines(system, seed, count)
  const miner = createTemplateMiner()
  const learned = lines.map(({ message }) => miner.learn(message))
  const groups = learned.map(({ id }) => miner.canonical(id))
  const settled = scoreGroups(lines, groups)
  const announced = learned.map((one) => one.announced)
  return {
    system,
    groupAccuracy: settled.accuracy,
    groupF1: settled.f1,
    announcedAccuracy: scoreGroups(lines, announced).accuracy,
    aliasedLater: groups.filter((id, at) => id !== announced[at]).length / count,
    mistakes: settled.wrong.map((label) => {
      const ids = new Set(groups.filter((_, at) => lines[at]?.label === label))
      return `${label}: ${[...ids].map((id) => miner.templateOf(id)).join('  |  ')}`
    }),
  }
}

export function scoreGroups(lines: readonly MadeLine[], groups: readonly string[]) {
  const truth = new Map<number, Set<string>>()
  const labels = new Map<string, Set<number>>()
  const sizes = new Map<number, number>()
  for (const [at, { label }] of lines.entries()) {
    const group = groups[at] ?? ''
    truth.set(label, (truth.get(label) ?? new Set()).add(group))
    labels.set(group, (labels.get(group) ?? new Set()).add(label))
    sizes.set(label, (sizes.get(label) ?? 0) + 1)
  }
  const isRight = (label: number): boolean => {
    const [group, ...others] = truth.get(label) ?? []
    return others.length === 0 && labels.get(group ?? '')?.size === 1
  }
  const right = [...truth.keys()].filter(isRight)
  const accuracy =
    right.reduce((sum, label) => sum + (sizes.get(label) ?? 0), 0) / Math.max(1, lines.length)
  const f1 = (2 * right.length) / (labels.size + truth.size)
  return { accuracy, f1, wrong: [...truth.keys()].filter((label) => !isRight(label)) }
}
