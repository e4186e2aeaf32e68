import { openKeys } from '#/api/keys.ts'
import { systemClock } from '#/kernel/clock.ts'
import { openKit } from './open-kit.ts'
import { loadConfig } from './config.ts'
import { openStorage } from './engine.ts'
import { firstKey } from './first-key.ts'
import { SEED_PASSWORD, seedPeople } from './seed-people.ts'
import type { Command, Io } from './io.ts'
import type { Kit } from './kit.ts'
import { createLogger } from './logger.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { createTopics } from './processors.ts'
import { CONFIG_FILE_OPTION, CONFIG_OPTIONS } from './settings.ts'
import { packageVersion } from './version.ts'

const OPTIONS: readonly OptionSpec[] = [
  ...CONFIG_OPTIONS.filter(({ name }) =>
    /^(data-dir|retention-days|partitions|log-retention-days|(kafka|clickhouse|registry)-.*)$/.test(
      name,
    ),
  ),
  CONFIG_FILE_OPTION,
]

/** A command on the data folder of a stopped platform; a running one holds the lock and is named in the error. */
function maintenanceCommand(about: string, work: (kit: Kit, io: Io) => Promise<void>): Command {
  return async (args, io) => {
    const { given, help } = parseArguments(args, OPTIONS)
    if (help) {
      io.stdout.write(`${about}\n\n${describeOptions(OPTIONS)}\n`)
      return 0
    }
    const { config } = loadConfig({ ...given, 'clickhouse-port': given['clickhouse-port'] ?? 0 })
    const logger = createLogger({ stream: io.stderr, clock: systemClock, level: 'warn' })
    const closers: Kit['closers'] = []
    try {
      await work(await openKit({ config, logger, version: packageVersion() }, closers), io)
    } finally {
      for (const close of closers.toReversed()) await close()
    }
    return 0
  }
}

export const migrateCommand = maintenanceCommand(
  'Usage: faultline migrate [options]\n\nBrings the tables of a stopped platform to this version; a start does the same. Running it again changes nothing.',
  async (kit, io) => {
    await createTopics(kit)
    const { clickhouse } = await openStorage(kit)
    const rows = await clickhouse.query<{ number: number; name: string; applied_at: string }>(
      'SELECT number, name, applied_at FROM schema_migrations FINAL WHERE number > 0 ORDER BY number',
    )
    for (const { number, name, applied_at } of rows)
      io.stdout.write(`${String(number).padStart(4, '0')} ${name}  applied ${applied_at} UTC\n`)
  },
)

export const seedCommand = maintenanceCommand(
  `Usage: faultline seed [options]

Creates in the data folder of a stopped platform: an organisation, the default project with its first key, and one
person of each role, whose password lies in ${SEED_PASSWORD} of the data folder. Running it again changes nothing.
With people, nothing is read without a sign-in any more. For a running platform use \`faultline keys create\` and the
set-up link.`,
  async (kit, io) => {
    await createTopics(kit)
    const keys = await openKeys({ ...kit, clock: systemClock })
    try {
      const key = await firstKey(keys, kit.dataDir)
      const projects = keys.listProjects().map((project) => project.id)
      io.stdout.write(`projects: ${projects.join(', ')}\ningest key: ${key}\n`)
      const { emails, password } = await seedPeople(kit, keys)
      io.stdout.write(`people: ${emails.join(', ')}\npassword: ${password}\n`)
    } finally {
      await keys.close()
    }
  },
)
