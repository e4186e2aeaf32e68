import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { checkConfig } from './config-checks.ts'
import { shownNotify } from './notify-config.ts'
import {
  checkValue,
  unknownName,
  type OptionSpec,
  type OptionValue,
  type OptionValues,
} from './options.ts'
import { CONFIG_OPTIONS, type Config } from './settings.ts'

export type ConfigSource = 'flag' | 'environment' | 'file' | 'default'

export interface EffectiveSetting {
  name: string
  value: OptionValue
  source: ConfigSource
}

export interface ConfigInputs {
  flags: OptionValues
  environment: Readonly<Record<string, string | undefined>>
  /** Text of the configuration file and its path, when there is one. */
  file?: { path: string; text: string } | undefined
}

const PREFIX = 'FAULTLINE_'
// Read by other parts of the command line, so known here: none of them is a setting of the platform.
const OTHER_VARIABLES = ['FAULTLINE_KEY', 'FAULTLINE_URL', 'FAULTLINE_CONFIG', 'FAULTLINE_BOOTED']

export function environmentName(option: string): string {
  return PREFIX + option.replaceAll('-', '_').toUpperCase()
}

function fromEnvironment(environment: ConfigInputs['environment']): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>()
  const known = new Map<string, OptionSpec>(
    CONFIG_OPTIONS.map((spec) => [environmentName(spec.name), spec]),
  )
  for (const [name, raw] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || OTHER_VARIABLES.includes(name)) continue
    // Compose files hand on variables that nobody set as empty ones.
    if (raw === undefined || raw === '') continue
    const spec = known.get(name)
    if (spec === undefined)
      throw unknownName('environment variable', name, [...known.keys(), ...OTHER_VARIABLES])
    values.set(spec.name, checkValue(spec, raw, name))
  }
  return values
}

function fromFile(file: ConfigInputs['file']): Map<string, OptionValue> {
  const values = new Map<string, OptionValue>()
  if (file === undefined) return values
  let content: unknown
  try {
    content = parseYaml(file.text)
  } catch (error) {
    throw new FaultlineError(
      'config_invalid',
      `${file.path} is not valid YAML: ${messageOf(error)}`,
      { cause: error },
    )
  }
  if (content === null) return values
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new FaultlineError(
      'config_invalid',
      `${file.path} must hold lines of the form name: value`,
    )
  }
  const known = new Map<string, OptionSpec>(CONFIG_OPTIONS.map((spec) => [spec.name, spec]))
  for (const [name, raw] of Object.entries(content)) {
    const spec = known.get(name)
    if (spec === undefined) throw unknownName(`setting in ${file.path}:`, name, [...known.keys()])
    // The one section of the file; everything else is a line.
    if (name === 'notify' && typeof raw === 'object' && raw !== null) {
      values.set(name, JSON.stringify(raw))
      continue
    }
    values.set(name, checkValue(spec, raw, `${file.path}: ${name}`))
  }
  return values
}

/** Every setting with where it came from. Flags win over the environment, that over the file, that over defaults. */
export function effectiveSettings(inputs: ConfigInputs): EffectiveSetting[] {
  const environment = fromEnvironment(inputs.environment)
  const file = fromFile(inputs.file)
  return CONFIG_OPTIONS.map((spec: OptionSpec) => {
    const { name } = spec
    if (inputs.flags[name] !== undefined)
      return { name, value: inputs.flags[name], source: 'flag' as const }
    if (environment.has(name))
      return { name, value: environment.get(name), source: 'environment' as const }
    if (file.has(name)) return { name, value: file.get(name), source: 'file' as const }
    return { name, value: spec.default, source: 'default' as const }
  })
}

/** Reads the configuration file named by `--config`, FAULTLINE_CONFIG, or ./faultline.yaml where it exists. */
export function readConfigFile(path: string | undefined): ConfigInputs['file'] {
  const file = path ?? (existsSync('faultline.yaml') ? 'faultline.yaml' : undefined)
  if (file === undefined) return undefined
  try {
    return { path: file, text: readFileSync(file, 'utf8') }
  } catch (error) {
    throw new FaultlineError(
      'config_invalid',
      `the configuration file ${file} cannot be read: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** The checked, frozen configuration; secrets are read from their files. */
export function configOf(settings: readonly EffectiveSetting[]): Config {
  const values = new Map(settings.map(({ name, value }) => [name, value]))
  for (const { name } of CONFIG_OPTIONS.filter((spec) => 'secret' in spec)) {
    const file = values.get(`${name}-file`)
    values.delete(`${name}-file`)
    if (typeof file === 'string') values.set(name, secretIn(file, name, values.get(name)))
  }
  const config: Record<string, OptionValue> = {}
  for (const [name, value] of values) {
    config[name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  config['dataDir'] = resolve(String(config['dataDir']))
  const checked = Object.freeze(config) as unknown as Config
  checkConfig(checked)
  return checked
}

function secretIn(file: string, name: string, given: OptionValue): string {
  const wrong = (what: string, cause?: unknown): FaultlineError =>
    new FaultlineError('config_invalid', what, { path: `${name}-file`, cause })
  if (given !== undefined) throw wrong(`${name} and ${name}-file are both given`)
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw wrong(`the file of ${name} cannot be read: ${messageOf(error)}`, error)
  }
  if (text === '') throw wrong(`the file of ${name} is empty: ${file}`)
  return text
}

/** What may be shown of a value: secrets and passwords inside addresses are not. */
export function shownValue({ name, value }: EffectiveSetting): OptionValue {
  const spec: OptionSpec | undefined = CONFIG_OPTIONS.find((known) => known.name === name)
  if (value === undefined || spec === undefined) return value
  if (spec.secret === true) return MASK
  if (name === 'notify') return shownNotify(String(value))
  return spec.isAddress === true ? withoutPassword(String(value)) : value
}

const MASK = '****'

/** An address as it may be shown. */
export function withoutPassword(address: string): string {
  const url = URL.parse(address)
  if (url === null) return MASK
  if (url.password !== '') url.password = MASK
  return url.href
}

/** Reads flags, environment and file into one configuration; the only place that knows the environment. */
export function loadConfig(flags: OptionValues): { config: Config; settings: EffectiveSetting[] } {
  const file = readConfigFile(
    typeof flags['config'] === 'string' ? flags['config'] : process.env['FAULTLINE_CONFIG'],
  )
  const settings = effectiveSettings({ flags, environment: process.env, file })
  return { config: configOf(settings), settings }
}

/** A variable that commands read beside the settings. */
export function environmentValue(
  name: 'FAULTLINE_KEY' | 'FAULTLINE_URL' | 'FAULTLINE_OPERATOR_TOKEN',
): string | undefined {
  const value = process.env[name]
  return value === '' ? undefined : value
}
