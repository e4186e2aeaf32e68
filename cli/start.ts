import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'
import { compose, type Platform } from './compose.ts'
import { loadConfig } from './config.ts'
import { playDemo } from './demo.ts'
import type { Command, Io } from './io.ts'
import { sayLastWords } from './last-words.ts'
import { createLogger } from './logger.ts'
import { describeOptions, parseArguments, type OptionSpec, type OptionValues } from './options.ts'
import { shopTopology } from './scenario/world.ts'
import { rolesOf, type Role } from './roles.ts'
import { CONFIG_FILE_OPTION, CONFIG_OPTIONS, type Config } from './settings.ts'
import { packageVersion } from './version.ts'

const OPTIONS: readonly OptionSpec[] = [
  ...CONFIG_OPTIONS,
  CONFIG_FILE_OPTION,
  { name: 'demo', type: 'flag', about: 'play a seeded outage of a small shop' },
  { name: 'seed', type: 'number', default: 1, min: 0, about: 'which demo' },
  { name: 'json', type: 'flag', about: 'print one line of JSON once everything serves' },
]

const HELP = `Usage: faultline start [options]

Runs the platform in this process: log, ClickHouse, processors, API and dashboard; or, with --role, a part of it
against Kafka and ClickHouse by URL.
Ctrl-C stops it in order; what was acknowledged is safe either way.

${describeOptions(OPTIONS)}

Every option is also an environment variable (--data-dir is FAULTLINE_DATA_DIR) and a line of faultline.yaml.
`

function banner(platform: Platform, isDemo: boolean): string {
  const { roles, url, clickhouseUrl, registryUrl, kafka, ingestKey, setupUrl } = platform
  const isPart = !['ingest', 'api'].every((role) => roles.includes(role as Role))
  const addresses = [
    ...(isPart ? [['Roles', roles.join(', ')]] : []),
    [roles.includes('api') ? 'Dashboard' : 'Health', roles.includes('api') ? url : `${url}/health`],
    ...(clickhouseUrl === null ? [] : [['ClickHouse', clickhouseUrl]]),
    ['Registry', registryUrl],
    ...(kafka === null ? [] : [['Kafka', kafka]]),
    ['API', `${url}/docs`],
    ...(setupUrl === null ? [] : [['First account', setupUrl]]),
  ].map(([name = '', value = '']) => `  ${name.padEnd(15)}${value}`)
  return `
  Faultline is up.

${addresses.join('\n')}
${roles.includes('ingest') ? sendHint(url, ingestKey) : ''}${isPart ? '' : dataHint(isDemo)}
  Ctrl-C stops.
`
}

function sendHint(url: string, key: string | null): string {
  const event = `{"event_type":"error","service":"checkout","message":"payment 4711 timed out after 3000 ms","error_type":"TimeoutError"}`
  return `
  Send an event:

  curl -X POST ${url}/v1/events -H 'content-type: application/json' \\
    -H 'x-api-key: ${key ?? 'KEY'}' \\
    -d '${event}'
${key === null ? '\n  For a KEY: `npx faultline keys create --url` with the address of a process with role api.\n' : ''}`
}

function dataHint(isDemo: boolean): string {
  return isDemo
    ? '\n  A demo outage is playing: watch the dashboard.\n'
    : '\n  No data at hand? `npm start -- --demo` plays an outage, or run `npx faultline load --scenario bad-deploy` beside this.\n'
}

/** Resolves at the first SIGINT or SIGTERM; a second one a second later ends the process at once. */
function stopRequested(io: Io): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined
    const onSignal = (signal: NodeJS.Signals): void => {
      const nowMs = systemClock.monotonicMs()
      if (firstMs === undefined) {
        firstMs = nowMs
        resolve(signal)
      } else if (nowMs - firstMs > 1000) {
        // A terminal and the launcher may both deliver the same Ctrl-C; only a later one is meant as force.
        io.stderr.write('stopped without waiting\n')
        process.exit(1)
      }
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  })
}

async function run(config: Config, given: OptionValues, io: Io): Promise<number> {
  const logger = createLogger({ stream: io.stderr, clock: systemClock, level: config.logLevel })
  sayLastWords(logger)
  const stopping = stopRequested(io)
  const isJson = given['json'] === true
  const platform = await compose({
    config,
    logger,
    version: packageVersion(),
    // The demo's shop knows itself; a platform of one's own says so in a file.
    ...(given['demo'] === true && config.topology === undefined
      ? { topology: shopTopology() }
      : {}),
    onStep: (text) => void (isJson || io.stderr.write(`… ${text}\n`)),
  })
  const demo = new AbortController()
  if (isJson) {
    const { roles, url, clickhouseUrl, registryUrl, kafka, ingestKey } = platform
    const line = {
      ready: true,
      roles,
      url,
      clickhouse_url: clickhouseUrl,
      kafka,
      registry_url: registryUrl,
      ingest_key: ingestKey,
      setup_url: platform.setupUrl,
    }
    io.stdout.write(`${JSON.stringify(line)}\n`)
  } else io.stdout.write(banner(platform, given['demo'] === true))
  const playing =
    given['demo'] === true
      ? playDemo(platform, { seed: Number(given['seed'] ?? 1), logger, signal: demo.signal })
      : Promise.resolve()
  const signal = await stopping
  if (!isJson) io.stderr.write(`\n${signal}: stopping …\n`)
  demo.abort()
  await playing
  await platform.stop()
  if (!isJson) io.stderr.write('stopped; everything acknowledged is on disk\n')
  return 0
}

export const startCommand: Command = async (args, io) => {
  const { given, help, positional } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  if (positional.length > 0)
    throw new FaultlineError('usage', `start takes no argument: ${positional.join(' ')}`)
  const { config } = loadConfig(given)
  if (given['demo'] === true && !rolesOf(config).isWhole)
    throw new FaultlineError('usage', '--demo plays in one process that does everything', {
      remedy: 'Leave out --role, or send traffic with `npx faultline load --url`.',
    })
  try {
    return await run(config, given, io)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOSPC') throw error
    throw new FaultlineError('disk_full', `the disk that holds ${config.dataDir} is full`, {
      cause: error,
      remedy: 'free some space, or name a folder on another disk with --data-dir',
    })
  }
}
