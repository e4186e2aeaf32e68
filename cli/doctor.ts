import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { readTopology } from './chain.ts'
import { configOf, effectiveSettings, loadConfig } from './config.ts'
import { runCheck, type Check, type Finding } from './doctor-check.ts'
import { machineChecks } from './doctor-machine.ts'
import { serviceChecks } from './doctor-services.ts'
import type { Command } from './io.ts'
import { describeOptions, parseArguments, type OptionSpec, type OptionValues } from './options.ts'
import { CONFIG_FILE_OPTION, CONFIG_OPTIONS, type Config } from './settings.ts'

const OPTIONS: readonly OptionSpec[] = [
  ...CONFIG_OPTIONS,
  CONFIG_FILE_OPTION,
  { name: 'json', type: 'flag', about: 'as JSON' },
]

const HELP = `Usage: faultline doctor [options]

Looks at everything a start needs and tells what is wrong and what to do: configuration, Node, data folder, disk,
memory, ports, brokers, ClickHouse, registry, clocks, language model, targets of notifications. It changes nothing.
With the options of \`faultline start\` it looks at what that start would. Exit code 1 when something is at fault.

${describeOptions(OPTIONS)}
`

const SIGNS = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' } as const

export const doctorCommand: Command = async (args, io) => {
  const { given, help } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  const findings = await examine(given)
  io.stdout.write(
    given['json'] === true ? `${JSON.stringify(findings)}\n` : findings.map(lineOf).join(''),
  )
  return findings.some(({ level }) => level === 'fault') ? 1 : 0
}

function lineOf({ name, level, detail, remedy }: Finding): string {
  const line = `${SIGNS[level]} ${name}: ${detail}\n`
  return remedy === '' ? line : `${line}          ${remedy}\n`
}

async function examine(given: OptionValues): Promise<readonly Finding[]> {
  const { config, finding } = configurationOf(given)
  const checks: readonly Check[] = [
    ...machineChecks(config),
    { name: 'topology', ask: async () => `${readTopology(config.topology).length} services` },
    ...serviceChecks(config),
  ]
  return [finding, ...(await Promise.all(checks.map((check) => runCheck(check, systemClock))))]
}

/** What is in force; where it cannot be read, that is a fault, and the rest is looked at by what can be read. */
function configurationOf(given: OptionValues): { config: Config; finding: Finding } {
  const name = 'configuration'
  try {
    const { config, settings } = loadConfig(given)
    const own = settings.filter(({ source }) => source !== 'default').length
    const detail = `${own} settings beside the defaults`
    return { config, finding: { name, level: 'ok', detail, remedy: '' } }
  } catch (error) {
    if (!(error instanceof FaultlineError)) throw error
    const path = error.path === undefined ? '' : ` (${error.path})`
    const finding: Finding = {
      name,
      level: 'fault',
      detail: `${error.message}${path}`,
      remedy: error.remedy ?? 'npx faultline config shows what is in force.',
    }
    return { config: readableConfig(given), finding }
  }
}

/** What can be used of it: the options of this command, else its data folder, and defaults. */
function readableConfig(given: OptionValues): Config {
  const dataDir = given['data-dir']
  const flags = typeof dataDir === 'string' ? { 'data-dir': dataDir } : {}
  try {
    return configOf(effectiveSettings({ flags: given, environment: {} }))
  } catch (error) {
    if (!(error instanceof FaultlineError)) throw error
    return configOf(effectiveSettings({ flags, environment: {} }))
  }
}
