import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { isFaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import { registerAll } from '#/schemas/register.ts'
import { createConfluentRegistry, type ConfluentOptions } from '#/schemas/registry-confluent.ts'
import { openEmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import type { EmbeddedRegistry } from '#/schemas/registry-embedded.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import type { Config } from './settings.ts'

export interface Schemas {
  registry: SchemaRegistry
  /** The same, where it lies in the data folder and is served from here. */
  embeddedRegistry: EmbeddedRegistry | undefined
  schemaIds: SchemaIds
}

const WAIT = { attemptsMax: 20, delayFirstMs: 250, delayMaxMs: 5_000 }

/** Opens the registry the configuration names and registers today's schemas; several may do so at once. */
export async function openSchemas(config: Config): Promise<Schemas> {
  if (config.registryUrl === undefined) {
    const embedded = openEmbeddedRegistry({ dir: join(config.dataDir, 'registry') })
    const schemaIds = await registerAll(embedded)
    return { registry: embedded, embeddedRegistry: embedded, schemaIds }
  }
  const registry = createConfluentRegistry(registryAt(config.registryUrl, config))
  // A registry that starts together with us may take a while; what it refuses, it refuses at once.
  const schemaIds = await retry(() => registerAll(registry), {
    ...WAIT,
    clock: systemClock,
    random: systemRandom,
    isRetryable: (error) => isFaultlineError(error, 'storage_unavailable'),
  })
  return { registry, embeddedRegistry: undefined, schemaIds }
}

/** The address without user and password, and these beside it. */
export function registryAt(
  address: string,
  { registryPassword }: Pick<Config, 'registryPassword'>,
): Pick<ConfluentOptions, 'url' | 'auth'> {
  const url = new URL(address)
  const { username } = url
  const secret = registryPassword ?? decodeURIComponent(url.password)
  url.username = ''
  url.password = ''
  const auth = { username: decodeURIComponent(username), password: secret }
  return { url: url.href.replace(/\/$/, ''), ...(username === '' ? {} : { auth }) }
}
