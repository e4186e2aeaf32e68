import { hash } from 'node:crypto'
import { openConfigTopic } from '#/api/config-topic.ts'
import type { ConfigTopicDeps } from '#/api/config-topic.ts'
import { isSameHash, secretHash } from '#/api/key-format.ts'
import type { ApiKey } from '#/api/keys.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { randomSecret } from '#/kernel/random.ts'
import type { ConfigEntry } from '#/schemas/records.ts'

/** What a Sentry SDK is configured with. It may only send, so it may be read again, unlike an API key. */
export interface Dsn {
  project: string
  /** Named for events that do not say their service themselves; empty when the DSN is the whole project's. */
  service: string
  /** The number SDKs put into the path. */
  projectNumber: string
  /** 32 hexadecimal digits. */
  publicKey: string
  created_at: number
  revoked_at: number | null
}

export interface Dsns {
  /** The project's DSN, made when there is none yet. Fails with `conflict` at the bound. */
  dsnOf(wish: { project: string; service?: string; actor?: string }): Promise<Dsn>
  /** A new one instead of those there are, which stop working. */
  rotate(wish: { project: string; service?: string; actor?: string }): Promise<Dsn>
  /** The live DSN with this key and number, as a key that may send and nothing else. */
  verify(publicKey: string, projectNumber: string): { dsn: Dsn; key: ApiKey } | undefined
  close(): Promise<void>
}

const KIND = 'dsn'
const KEY = /^[0-9a-f]{32}$/
const KEY_BYTES = 16
/** 13 hexadecimal digits are the most a double holds exactly, and SDKs want a number. */
const NUMBER_DIGITS = 12
/** DSNs that work, of a project: whoever may read can ask for one, and each is an entry for ever. */
export const DSNS_MAX = 200

/** DSNs, kept in the compacted configuration topic beside the keys. Two processes may each make one: both then work. */
export async function openDsns(deps: ConfigTopicDeps): Promise<Dsns> {
  const { clock } = deps
  const byKey = new Map<string, Dsn>()
  const topic = await openConfigTopic(deps, (entry) => apply(byKey, entry))

  const live = (project: string, service: string): Dsn[] =>
    [...byKey.values()]
      .filter((dsn) => dsn.project === project && dsn.service === service)
      .filter((dsn) => dsn.revoked_at === null)
      .toSorted((a, b) => a.created_at - b.created_at || (a.publicKey < b.publicKey ? -1 : 1))

  async function make(wish: { project: string; service?: string; actor?: string }): Promise<Dsn> {
    const { project, service = '', actor } = wish
    const held = [...byKey.values()].filter(
      (dsn) => dsn.project === project && dsn.revoked_at === null,
    )
    if (held.length >= DSNS_MAX)
      throw new FaultlineError('conflict', `The project has ${DSNS_MAX} DSNs already.`, {
        path: 'service',
        remedy: 'Use the project’s own DSN, and name the service in a tag.',
      })
    const at = clock.nowMs()
    const publicKey = randomSecret(KEY_BYTES)
    const dsn = { project, service, created_at: at, revoked_at: null }
    await topic.write([entryOf(publicKey, { at, actor, value: dsn })])
    return byKey.get(publicKey) as Dsn
  }

  return {
    async dsnOf(wish) {
      return live(wish.project, wish.service ?? '')[0] ?? make(wish)
    },
    async rotate(wish) {
      const before = live(wish.project, wish.service ?? '')
      const made = await make(wish)
      const at = clock.nowMs()
      const revoked = before.map(({ publicKey, project, service, created_at: createdAt }) => {
        const value = { project, service, created_at: createdAt, revoked_at: at }
        return entryOf(publicKey, { at, actor: wish.actor, value })
      })
      if (revoked.length > 0) await topic.write(revoked)
      return made
    },
    verify(publicKey, projectNumber) {
      if (!KEY.test(publicKey)) return undefined
      const dsn = byKey.get(publicKey)
      if (dsn === undefined || dsn.revoked_at !== null) return undefined
      if (!isSameHash(secretHash(dsn.projectNumber), secretHash(projectNumber))) return undefined
      return { dsn, key: keyOf(dsn) }
    },
    close: () => topic.close(),
  }
}

/** The same number for the same project in every process. */
export function projectNumberOf(project: string): string {
  return String(Number.parseInt(hash('sha256', project, 'hex').slice(0, NUMBER_DIGITS), 16))
}

type Stored = Omit<Dsn, 'publicKey' | 'projectNumber'>

function apply(byKey: Map<string, Dsn>, entry: ConfigEntry): void {
  if (entry.kind !== KIND) return
  const stored = JSON.parse(entry.value) as Stored
  const projectNumber = projectNumberOf(stored.project)
  byKey.set(entry.id, { ...stored, publicKey: entry.id, projectNumber })
}

function entryOf(
  id: string,
  { at, actor = 'system', value }: { at: number; actor: string | undefined; value: Stored },
): ConfigEntry {
  return { kind: KIND, id, at, actor, value: JSON.stringify(value) }
}

function keyOf({ publicKey, project, service, created_at: createdAt }: Dsn): ApiKey {
  return {
    id: `dsn-${publicKey.slice(0, 12)}`,
    project,
    name: service === '' ? 'DSN' : `DSN of ${service}`,
    scopes: ['ingest'],
    created_at: createdAt,
    revoked_at: null,
    last_used_at: null,
  }
}
