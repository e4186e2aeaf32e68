import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openDataDir, type DataDir } from '#/cli/data-dir.ts'
import type { DrillPlan } from '#/processors/domain/drill/plan.ts'
import type { DrillView } from '#/schemas/drill-view.ts'

/** What is known about one drill beside its record. */
export interface KeptDrill {
  view: DrillView
  plan: DrillPlan
}

export interface DrillStore {
  /** Oldest first. */
  readonly all: readonly KeptDrill[]
  nextId(): number
  save(drill: KeptDrill): void
  saveRecord(id: number, text: string): void
  record(id: number): string | undefined
  /** Where the sandbox of a drill keeps everything. */
  sandboxDir(id: number): string
  dropSandbox(id: number): void
  /** As if it had never been. */
  drop(id: number): void
}

/** Of the data folder. */
export const DRILLS = 'drills'
/** The oldest goes with its record when there are more. */
const KEPT_MAX = 100
const STATE = 'drill.json'
const RECORD = 'record.jsonl'

/** Drills of this data folder. Nothing of them is in the platform's log: a drill leaves that as it was. */
export function openDrillStore(
  dir: string,
  onProblem: (error: unknown) => void = () => undefined,
): DrillStore {
  const folderOf = (id: number): string => join(dir, String(id))
  const folders = new Map<number, DataDir>()
  const openFolder = (id: number): DataDir => {
    const known = folders.get(id) ?? openDataDir(folderOf(id))
    folders.set(id, known)
    return known
  }
  const all = new Map<number, KeptDrill>()
  const ids = idsIn(dir)
  for (const id of ids) {
    const kept = readState(openFolder(id), onProblem)
    if (kept !== undefined) all.set(id, kept)
  }
  const drop = (id: number): void => {
    all.delete(id)
    folders.delete(id)
    rmSync(folderOf(id), { recursive: true, force: true })
  }
  const sorted = (): KeptDrill[] => [...all.values()].toSorted((a, b) => a.view.id - b.view.id)
  return {
    get all() {
      return sorted()
    },
    nextId: () => Math.max(0, ...ids, ...all.keys()) + 1,
    save(drill) {
      const { id } = drill.view
      all.set(id, drill)
      openFolder(id).write(STATE, `${JSON.stringify(drill)}\n`)
      for (const { view } of sorted().slice(0, -KEPT_MAX)) drop(view.id)
    },
    saveRecord: (id, text) => openFolder(id).write(RECORD, text),
    record(id) {
      const text = openFolder(id).read(RECORD)
      // Reading trims; the last line ends as it was written.
      return text === undefined ? undefined : `${text}\n`
    },
    drop,
    sandboxDir: (id) => join(folderOf(id), 'sandbox'),
    dropSandbox: (id) => rmSync(join(folderOf(id), 'sandbox'), { recursive: true, force: true }),
  }
}

function idsIn(dir: string): number[] {
  const names = existsSync(dir) ? readdirSync(dir) : []
  return names.filter((name) => /^\d{1,9}$/.test(name)).map(Number)
}

/**
 * What stays of the drills of a data folder that are over, as paths in it: these files do not change any more. One that
 * runs has a log and tables of its own, which are not looked at.
 */
export function filesOfEndedDrills(dataDir: string): { path: string; bytes: number }[] {
  const kept = idsIn(join(dataDir, DRILLS)).flatMap((id) => {
    const folder = openDataDir(join(dataDir, DRILLS, String(id)))
    const state = readState(folder, () => undefined)?.view.state
    return state === 'ended' || state === 'failed'
      ? [STATE, RECORD].map((name) => join(DRILLS, String(id), name))
      : []
  })
  return kept
    .filter((path) => existsSync(join(dataDir, path)))
    .map((path) => ({ path, bytes: statSync(join(dataDir, path)).size }))
}

/** A file that cannot be read costs this drill, never the start of the platform. */
function readState(folder: DataDir, onProblem: (error: unknown) => void): KeptDrill | undefined {
  try {
    const text = folder.read(STATE)
    return text === undefined ? undefined : (JSON.parse(text) as KeptDrill)
  } catch (error) {
    onProblem(error)
    return undefined
  }
}
