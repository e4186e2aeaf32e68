import { loadConfig, shownValue } from './config.ts'
import type { Command } from './io.ts'
import { describeOptions, parseArguments, type OptionSpec } from './options.ts'
import { CONFIG_FILE_OPTION, CONFIG_OPTIONS } from './settings.ts'

const OPTIONS: readonly OptionSpec[] = [
  ...CONFIG_OPTIONS,
  CONFIG_FILE_OPTION,
  { name: 'json', type: 'flag', about: 'as JSON' },
]

export const configCommand: Command = async (args, io) => {
  const { given, help } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(
      `Usage: faultline config [options]\n\nPrints what is in force and where it came from: flag, environment, file or default.\n\n${describeOptions(OPTIONS)}\n`,
    )
    return 0
  }
  const settings = loadConfig(given).settings.map((setting) => ({
    ...setting,
    value: shownValue(setting),
  }))
  if (given['json'] === true) io.stdout.write(`${JSON.stringify(settings)}\n`)
  else
    for (const { name, value, source } of settings)
      io.stdout.write(`${name}: ${value ?? ''}  # ${source}\n`)
  return 0
}
