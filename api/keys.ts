import { FaultlineError } from '#/kernel/errors.ts'
import type { KeyView, ProjectView } from '#/schemas/accounts.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import { openConfigTopic } from './config-topic.ts'
import type { ConfigTopic, ConfigTopicDeps } from './config-topic.ts'
import { isSameHash, keyIdOf, makeKey, secretHash } from './key-format.ts'
import { PROJECT_NAME } from './project-name.ts'

export const SCOPES = ['ingest', 'read', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A key as it is shown, with scopes that exist. */
export interface ApiKey extends KeyView {
  scopes: readonly Scope[]
}

export interface Keys {
  /** The key text is shown this once: only its SHA-256 is stored. Fails with `invalid_request`. */
  createKey(wish: {
    project: string
    name: string
    scopes: readonly Scope[]
    actor?: string
  }): Promise<{ key: string; info: ApiKey }>
  /** Newest first. */
  listKeys(project?: string): readonly ApiKey[]
  keyOf(id: string): ApiKey | undefined
  /** Fails with `not_found`. Revoking twice changes nothing. */
  revokeKey(wish: { id: string; actor?: string }): Promise<ApiKey>
  /** The live key this text is, or undefined; notes its use. */
  verify(key: string): ApiKey | undefined

  /** Creates the project unless it is there. */
  ensureProject(wish: { id: string; name: string; actor?: string }): Promise<ProjectView>
  listProjects(): readonly ProjectView[]
  /** Writes what is pending and stops. */
  close(): Promise<void>
}

interface StoredKey {
  info: ApiKey
  hash: string
}

/** How often uses are written: a key used 10,000 times a second costs one record a minute. */
const USE_WRITE_MS = 60_000

/** Keys and projects, kept in the compacted configuration topic and in memory. */
export async function openKeys(deps: ConfigTopicDeps): Promise<Keys> {
  const { clock } = deps
  const keys = new Map<string, StoredKey>()
  const projects = new Map<string, ProjectView>()
  const used = new Map<string, number>()
  const stop = new AbortController()
  const topic = await openConfigTopic(deps, (entry) => applyEntry({ keys, projects }, entry))

  const keeping = keepUses(deps, topic, { used, signal: stop.signal })

  return {
    async createKey(wish) {
      checkName(wish.project, 'project')
      if (wish.scopes.length === 0) throw wrong('scopes', 'A key needs at least one scope.')
      const { id, key } = makeKey()
      const at = clock.nowMs()
      const value = {
        project: wish.project,
        name: wish.name.slice(0, 200),
        scopes: wish.scopes,
        hash: secretHash(key),
        created_at: at,
        revoked_at: null,
      }
      await topic.write([entryOf('api_key', id, at, value, wish.actor)])
      return { key, info: infoOf(keys, id) }
    },
    listKeys: (project) =>
      [...keys.values()]
        .map((stored) => stored.info)
        .filter((info) => project === undefined || info.project === project)
        .toSorted((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1)),
    keyOf: (id) => keys.get(id)?.info,
    async revokeKey({ id, actor }) {
      const stored = keys.get(id)
      if (stored === undefined) throw new FaultlineError('not_found', `There is no key ${id}.`)
      if (stored.info.revoked_at === null) {
        const at = clock.nowMs()
        const { last_used_at: _, id: __, ...rest } = stored.info
        const value = { ...rest, hash: stored.hash, revoked_at: at }
        await topic.write([entryOf('api_key', id, at, value, actor)])
      }
      return infoOf(keys, id)
    },
    verify(key) {
      const id = keyIdOf(key)
      const stored = id === undefined ? undefined : keys.get(id)
      if (stored === undefined || stored.info.revoked_at !== null) return undefined
      if (!isSameHash(secretHash(key), stored.hash)) return undefined
      stored.info.last_used_at = clock.nowMs()
      used.set(stored.info.id, stored.info.last_used_at)
      return stored.info
    },
    async ensureProject({ id, name, actor }) {
      checkName(id, 'project')
      if (!projects.has(id)) {
        const at = clock.nowMs()
        await topic.write([entryOf('project', id, at, { name, created_at: at }, actor)])
      }
      return projects.get(id) as ProjectView
    },
    listProjects: () => [...projects.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    async close() {
      stop.abort()
      await keeping
      await topic.close()
    },
  }
}

/** Writes the latest use of each key once a minute, and a last time when told to stop. */
async function keepUses(
  deps: ConfigTopicDeps,
  topic: ConfigTopic,
  state: { used: Map<string, number>; signal: AbortSignal },
): Promise<void> {
  while (!state.signal.aborted) {
    await deps.clock.sleep(USE_WRITE_MS, state.signal)
    const entries = [...state.used].map(([id, at]) => entryOf('api_key_use', id, at, { at }))
    state.used.clear()
    if (entries.length === 0) continue
    await topic.write(entries).catch((error: unknown) => deps.onProblem?.(error))
  }
}

/** Later entries win. Uses are entries of their own, so that noting one can never undo a revocation. */
function applyEntry(
  state: { keys: Map<string, StoredKey>; projects: Map<string, ProjectView> },
  entry: ConfigEntry,
): void {
  const { keys, projects } = state
  if (entry.kind === 'project') {
    projects.set(entry.id, {
      id: entry.id,
      ...(JSON.parse(entry.value) as Omit<ProjectView, 'id'>),
    })
  } else if (entry.kind === 'api_key') {
    const { hash, ...rest } = JSON.parse(entry.value) as Omit<ApiKey, 'id'> & { hash: string }
    const lastUsedAt = keys.get(entry.id)?.info.last_used_at ?? null
    keys.set(entry.id, { hash, info: { ...rest, id: entry.id, last_used_at: lastUsedAt } })
  } else if (entry.kind === 'api_key_use') {
    const { at } = JSON.parse(entry.value) as { at: number }
    const info = keys.get(entry.id)?.info
    if (info !== undefined) info.last_used_at = Math.max(info.last_used_at ?? 0, at)
  }
}

function entryOf(kind: string, id: string, at: number, value: object, actor = 'system') {
  return { kind, id, at, actor, value: JSON.stringify(value) }
}

function infoOf(keys: ReadonlyMap<string, StoredKey>, id: string): ApiKey {
  return (keys.get(id) as StoredKey).info
}

function checkName(name: string, path: string): void {
  if (!PROJECT_NAME.test(name))
    throw wrong(path, `${path} must be 1 to 64 of A-Z, a-z, 0-9, _ . and -.`)
}

function wrong(path: string, detail: string): FaultlineError {
  return new FaultlineError('invalid_request', detail, { path })
}
