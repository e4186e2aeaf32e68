import {
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  openSync,
  fsyncSync,
  closeSync,
} from 'node:fs'
import { join } from 'node:path'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import type { CompatibilityLevel } from './compatibility.ts'

export interface StoredVersion {
  id: number
  version: number
}

/** The whole registry as it lies on disk. Ids are given once and never again. */
export interface RegistryState {
  nextId: number
  /** Schema text by id; one text has one id however many subjects use it. */
  schemas: Record<string, string>
  /** Versions by subject, oldest first. */
  subjects: Record<string, StoredVersion[]>
  level: CompatibilityLevel
  levels: Record<string, CompatibilityLevel>
}

export interface RegistryStore {
  load(): RegistryState
  /** Whole or not at all, also when the process is killed meanwhile. */
  save(state: RegistryState): void
}

const FILE = 'registry.json'

function emptyRegistry(): RegistryState {
  return { nextId: 1, schemas: {}, subjects: {}, level: 'BACKWARD', levels: {} }
}

/** One JSON file in `dir`: written beside, flushed, then renamed over the old one. */
export function createFileStore(dir: string): RegistryStore {
  const path = join(dir, FILE)
  return {
    load() {
      mkdirSync(dir, { recursive: true })
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as RegistryState
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return emptyRegistry()
        throw new FaultlineError('log_corrupt', `${path} cannot be read.`, {
          remedy: 'Restore it from a backup: the records of the log name its ids.',
          cause: error,
        })
      }
    },
    save(state) {
      const next = `${path}.next`
      const file = openSync(next, 'w', 0o600)
      try {
        writeFileSync(file, `${JSON.stringify(state, undefined, 1)}\n`)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(next, path)
    },
  }
}

/** For tests and simulations. */
export function createMemoryStore(): RegistryStore {
  let saved = JSON.stringify(emptyRegistry())
  return {
    load: () => JSON.parse(saved) as RegistryState,
    save: (state) => {
      saved = JSON.stringify(state)
    },
  }
}
