import type { Keys } from '#/api/keys.ts'
import type { DataDir } from './data-dir.ts'

export const DEFAULT_PROJECT = 'default'
const NAME = 'first key'

/** The default project's key for sending; made at the first start, kept in a file so that every start can print it. */
export async function firstKey(keys: Keys, dataDir: DataDir): Promise<string> {
  await keys.ensureProject({ id: DEFAULT_PROJECT, name: 'Default', actor: 'start' })
  const known = knownKey(keys, dataDir)
  if (known !== undefined) return known
  const { key } = await keys.createKey({
    project: DEFAULT_PROJECT,
    name: NAME,
    scopes: ['ingest'],
    actor: 'start',
  })
  dataDir.write('ingest-key', `${key}\n`)
  return key
}

/** The key in the file, while it is good. */
export function knownKey(keys: Keys, dataDir: DataDir): string | undefined {
  const known = dataDir.read('ingest-key')
  return known !== undefined && keys.verify(known) !== undefined ? known : undefined
}

/** Whether some process of the platform made the first key already. */
export function hasFirstKey(keys: Keys): boolean {
  const own = keys.listKeys(DEFAULT_PROJECT)
  return own.some((key) => key.name === NAME && key.revoked_at === null)
}
