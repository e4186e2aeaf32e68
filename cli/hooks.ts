import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { parseMappings } from '#/api/hooks/mapping.ts'
import type { HookSettings } from '#/api/hooks/routes.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Config } from './settings.ts'

/** What hooks of other systems are told by the configuration. Fails with `config_invalid`. */
export function hookSettings(config: Config): HookSettings {
  const { githubWebhookSecret: githubSecret, sentryWebhookSecret: sentrySecret } = config
  const file = config.hookMappings
  if (file === undefined) return { githubSecret, sentrySecret, mappings: new Map() }
  try {
    // JSON is YAML too.
    const mappings = parseMappings(parseYaml(readFileSync(file, 'utf8')))
    return { githubSecret, sentrySecret, mappings }
  } catch (error) {
    if (isFaultlineError(error)) throw error
    throw new FaultlineError(
      'config_invalid',
      `the file of hook-mappings cannot be read: ${messageOf(error)}`,
      { path: 'hook-mappings', cause: error },
    )
  }
}
