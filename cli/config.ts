import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import {
  checkValue,
  unknownName,
  type OptionSpec,
  type OptionValue,
  type OptionValues,
} from './options.ts'

/** Every setting of a running platform. Flags, FAULTLINE_* variables and faultline.yaml share these names. */
export const CONFIG_OPTIONS = [
  {
    name: 'host',
    type: 'text',
    default: '127.0.0.1',
    value: 'address',
    about: 'address to listen on; anything but loopback needs --read-access keys',
  },
  {
    name: 'read-access',
    type: 'text',
    default: 'open',
    choices: ['open', 'keys'],
    value: 'who',
    about: 'open: whoever reaches the page reads; keys: only with a key of scope read',
  },
  {
    name: 'project',
    type: 'text',
    default: 'default',
    value: 'project',
    about: 'project that pages show, and reads without a key',
  },
  {
    name: 'allowed-hosts',
    type: 'text',
    value: 'names',
    about: 'host names beside loopback it answers under, separated by commas',
  },
  {
    name: 'port',
    type: 'number',
    default: 3000,
    min: 0,
    max: 65535,
    about: 'API and dashboard; 0 takes a free one',
  },
  {
    name: 'clickhouse-port',
    type: 'number',
    default: 8123,
    min: 0,
    max: 65535,
    about: "ClickHouse's HTTP protocol on loopback",
  },
  {
    name: 'registry-port',
    type: 'number',
    default: 8081,
    min: 0,
    max: 65535,
    about: 'schema registry on loopback',
  },
  {
    name: 'kafka-port',
    type: 'number',
    default: 9092,
    min: 0,
    max: 65535,
    about: "reserved for Kafka's protocol; not served by this version",
  },
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'where the log and the tables live',
  },
  {
    name: 'role',
    type: 'text',
    default: 'all',
    choices: ['all'],
    value: 'role',
    about: 'which part to run; this version runs all in one process',
  },
  {
    name: 'partitions',
    type: 'number',
    // In one process more of them share the same core and make smaller, dearer inserts (25 against 16 µs an event).
    default: 1,
    min: 1,
    max: 64,
    about: 'partitions of the telemetry topics; may be raised later, never lowered',
  },
  {
    name: 'log-retention-days',
    type: 'number',
    default: 7,
    min: 0.01,
    about: 'how long telemetry stays in the log',
  },
  {
    name: 'retention-days',
    type: 'number',
    default: 30,
    min: 1,
    max: 3650,
    about: 'how long telemetry stays in ClickHouse',
  },
  {
    name: 'durability',
    type: 'text',
    default: 'write',
    choices: ['write', 'fsync'],
    value: 'mode',
    about: 'write survives a killed process, fsync a power cut',
  },
  {
    name: 'ingest-rate',
    type: 'number',
    default: 100_000,
    min: 1,
    value: 'events/s',
    about: 'events per second and key before 429',
  },
  {
    name: 'lag-max',
    type: 'number',
    default: 5_000_000,
    min: 1000,
    value: 'records',
    about: 'ingest answers 429 when processors are further behind',
  },
  {
    name: 'resolve-after-min',
    type: 'number',
    default: 30,
    min: 1,
    value: 'minutes',
    about: 'an incident without activity resolves itself',
  },
  {
    name: 'clickhouse-memory-mb',
    type: 'number',
    default: 700,
    min: 256,
    value: 'MB',
    about: 'memory the embedded ClickHouse may use',
  },
  {
    name: 'topology',
    type: 'text',
    value: 'file',
    about: 'services, their criticality and what they call, as JSON',
  },
  {
    name: 'log-level',
    type: 'text',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    value: 'level',
    about: 'what goes to stderr',
  },
] as const satisfies readonly OptionSpec[]

export interface Config {
  host: string
  readAccess: 'open' | 'keys'
  project: string
  allowedHosts: string | undefined
  port: number
  clickhousePort: number
  registryPort: number
  kafkaPort: number
  dataDir: string
  role: string
  partitions: number
  logRetentionDays: number
  retentionDays: number
  durability: 'write' | 'fsync'
  ingestRate: number
  lagMax: number
  resolveAfterMin: number
  clickhouseMemoryMb: number
  topology: string | undefined
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

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
    if (!name.startsWith(PREFIX) || raw === undefined || OTHER_VARIABLES.includes(name)) continue
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

/** The checked, frozen configuration. */
export function configOf(settings: readonly EffectiveSetting[]): Config {
  const config: Record<string, OptionValue> = {}
  for (const { name, value } of settings) {
    config[name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] = value
  }
  config['dataDir'] = resolve(String(config['dataDir']))
  return Object.freeze(config) as unknown as Config
}

/** Reads flags, environment and file into one configuration; the only place that knows the environment. */
export function loadConfig(flags: OptionValues): { config: Config; settings: EffectiveSetting[] } {
  const file = readConfigFile(
    typeof flags['config'] === 'string' ? flags['config'] : process.env['FAULTLINE_CONFIG'],
  )
  const settings = effectiveSettings({ flags, environment: process.env, file })
  return { config: configOf(settings), settings }
}

/** A variable of the command line that is not a setting of the platform. */
export function environmentValue(name: 'FAULTLINE_KEY' | 'FAULTLINE_URL'): string | undefined {
  const value = process.env[name]
  return value === '' ? undefined : value
}
