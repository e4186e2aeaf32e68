import { enableCompileCache } from 'node:module'
import { compose } from '#/cli/compose.ts'
import { loadConfig } from '#/cli/config.ts'
import { CONFIG_OPTIONS } from '#/cli/settings.ts'
import { createLogger } from '#/cli/logger.ts'
import { parseArguments } from '#/cli/options.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { SinkOptions } from '#/processors/stages/sink.ts'

/**
 * The platform as `faultline start --json` runs it, with sinks the test chooses: other batch sizes at each start,
 * or no intent, which is the negative control. Takes the options of `start`, and `--sink` with JSON.
 */
enableCompileCache()
const args = process.argv.slice(3)
const [, sinkText = '{}'] = args.splice(args.indexOf('--sink'), 2)
const json = { name: 'json', type: 'flag', about: 'as start has it' } as const
const { config } = loadConfig(parseArguments(args, [...CONFIG_OPTIONS, json]).given)
const stopping = new Promise<void>((resolve) => process.once('SIGINT', () => resolve()))
const platform = await compose({
  config,
  logger: createLogger({ stream: process.stderr, clock: systemClock, level: 'warn' }),
  version: 'chaos',
  onStep: () => undefined,
  sink: JSON.parse(sinkText) as Pick<SinkOptions, 'rowsMax' | 'delayMs' | 'intent'>,
})
const { url, clickhouseUrl, ingestKey } = platform
const ready = { ready: true, url, clickhouse_url: clickhouseUrl, ingest_key: ingestKey }
process.stdout.write(`${JSON.stringify(ready)}\n`)
await stopping
await platform.stop()
