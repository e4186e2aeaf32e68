import type { CompatibilityLevel } from './compatibility.ts'
import type { RegistryState, RegistryStore, StoredVersion } from './registry-store.ts'

/** The registry's memory. Every change is on disk before it is visible, so that no id is ever given twice. */
export interface SchemaTable {
  subjects(): readonly string[]
  /** Oldest first; undefined when the subject is unknown. */
  versions(subject: string): readonly StoredVersion[] | undefined
  textOf(id: number): string | undefined
  /** Adds a version and gives its id: the id the same text already has, else the next one. */
  add(subject: string, text: string): number
  level(subject?: string): CompatibilityLevel | undefined
  setLevel(level: CompatibilityLevel, subject?: string): void
}

export function createSchemaTable(store: RegistryStore): SchemaTable {
  const loaded = store.load()
  let { nextId, level } = loaded
  // Maps, because a subject may be called `constructor`.
  const texts = new Map(Object.entries(loaded.schemas).map(([id, text]) => [Number(id), text]))
  const ids = new Map([...texts].map(([id, text]) => [text, id]))
  const subjects = new Map(Object.entries(loaded.subjects))
  const levels = new Map(Object.entries(loaded.levels))

  function save(change: Partial<RegistryState>): void {
    store.save({
      nextId,
      level,
      schemas: Object.fromEntries(texts),
      subjects: Object.fromEntries(subjects),
      levels: Object.fromEntries(levels),
      ...change,
    })
  }

  return {
    subjects: () => [...subjects.keys()].toSorted(),
    versions: (subject) => subjects.get(subject),
    textOf: (id) => texts.get(id),
    add(subject, text) {
      const id = ids.get(text) ?? nextId
      const earlier = subjects.get(subject) ?? []
      const versions = [...earlier, { id, version: (earlier.at(-1)?.version ?? 0) + 1 }]
      const following = Math.max(nextId, id + 1)
      save({
        nextId: following,
        schemas: Object.fromEntries([...texts, [id, text]]),
        subjects: Object.fromEntries([...subjects, [subject, versions]]),
      })
      nextId = following
      texts.set(id, text)
      ids.set(text, id)
      subjects.set(subject, versions)
      return id
    },
    level: (subject) => (subject === undefined ? level : levels.get(subject)),
    setLevel(next, subject) {
      if (subject === undefined) {
        save({ level: next })
        level = next
        return
      }
      save({ levels: Object.fromEntries([...levels, [subject, next]]) })
      levels.set(subject, next)
    },
  }
}
