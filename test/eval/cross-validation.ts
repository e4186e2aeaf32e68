/**
 * Leave one system out: for each system the evidence a variable takes is chosen on the others and scored on it. What
 * a new system can expect, as far as numbers go; the words of the rules themselves were seen by all.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createTemplateMiner } from '#/processors/domain/grouping/template-miner.ts'
import { SHARED, short, type Row } from './kit.ts'
import { scoreGroups, type MadeLine } from './made.ts'

const FACTORS = [0.5, 0.75, 1, 1.5, 2]
const LABELLED = '_2k.log_structured_corrected.csv'

interface TruthReader {
  csvObjects(file: string): Readonly<Record<string, string>>[]
}

interface Scores {
  accuracy: number
  f1: number
}

function scoreWith(lines: readonly MadeLine[], evidenceFactor: number): Scores {
  const miner = createTemplateMiner({ evidenceFactor })
  const ids = lines.map(({ message }) => miner.learn(message).id)
  const groups = ids.map((id) => miner.canonical(id))
  return scoreGroups(lines, groups)
}

async function readSystems(): Promise<Map<string, MadeLine[]>> {
  const path = pathToFileURL(join(SHARED, 'tools/grouping/lib.mjs')).href
  const reader = (await import(path)) as TruthReader
  const folder = join(SHARED, 'data/loghub')
  const systems = new Map<string, MadeLine[]>()
  for (const system of readdirSync(folder).toSorted()) {
    const file = join(folder, system, `${system}${LABELLED}`)
    if (!existsSync(file) || readFileSync(file, 'utf8') === '') continue
    const numbers = new Map<string, number>()
    const lines = reader.csvObjects(file).map(({ Content: message = '', EventId: event = '' }) => {
      const label = numbers.get(event) ?? numbers.size
      numbers.set(event, label)
      return { message, label }
    })
    systems.set(system, lines)
  }
  return systems
}

export async function leftOutRows(): Promise<Row[]> {
  const systems = await readSystems()
  const table = new Map(
    [...systems].map(([system, lines]) => [
      system,
      FACTORS.map((factor) => scoreWith(lines, factor)),
    ]),
  )
  const left = [...table].map(([system, own]) => {
    const others = [...table].filter(([name]) => name !== system)
    const worth = FACTORS.map((_, at) =>
      others.reduce((sum, [, scores]) => sum + both(scores[at]), 0),
    )
    return { system, ...(own[worth.indexOf(Math.max(...worth))] ?? { accuracy: 0, f1: 0 }) }
  })
  const mean = (of: (one: Scores) => number): number =>
    left.reduce((sum, one) => sum + of(one), 0) / Math.max(1, left.length)
  const worst = left.toSorted((one, other) => one.accuracy - other.accuracy)[0]
  const ours = `${short(mean((one) => one.accuracy))}/${short(mean((one) => one.f1))}`
  return [
    ['messages, evidence chosen on the other systems: GA / FGA', '–', '.975/.945', '–', ours],
    [
      'messages, worst system left out: GA',
      '–',
      '–',
      '–',
      `${short(worst?.accuracy)} (${worst?.system ?? ''})`,
    ],
  ]
}

const both = (scores: Scores | undefined): number => (scores?.accuracy ?? 0) + (scores?.f1 ?? 0)
