import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { ReplayState } from '#/api/ports.ts'
import { compose } from './compose.ts'
import { loadConfig } from './config.ts'
import type { Io } from './io.ts'
import { createLogger } from './logger.ts'
import { operatorOf, type Ask } from './operate.ts'
import { createProgress } from './progress.ts'
import { packageVersion } from './version.ts'

const SINKS = ['events-sink', 'derived-sink']
const PATH = '/api/operator/replay'
const POLL_MS = 200
const FREE_PORTS = { port: 0, 'clickhouse-port': 0, 'registry-port': 0, 'kafka-port': 0 }

type Tables = ReplayState['tables']

/**
 * Fills the tables of a data folder from its log: the sinks read it from the beginning. Answers rows and hash of each
 * table before and after.
 */
export async function rebuildTables(dataDir: string, io: Io): Promise<Tables> {
  const { config } = loadConfig({ 'data-dir': dataDir, host: '127.0.0.1', ...FREE_PORTS })
  const logger = createLogger({ stream: io.stderr, clock: systemClock, level: 'warn' })
  const platform = await compose({
    // Sinks alone, and no clock: what the log holds goes into the tables, and nothing new comes of it.
    config: { ...config, kafkaBrokers: undefined, role: 'sink,api' },
    logger,
    version: packageVersion(),
    onStep: (text) => io.stderr.write(`${text}\n`),
  })
  try {
    const ask = operatorOf({ url: platform.url, 'data-dir': dataDir })
    const tables = new Map<string, Tables[string]>()
    for (const group of SINKS) {
      await ask('POST', PATH, { group, resetTo: 'earliest' })
      const state = await follow(ask, io)
      if (state.phase !== 'done')
        throw new FaultlineError('internal', `${group} ended as ${state.phase}: ${state.error}`, {
          remedy: `Start the platform and run: faultline replay --group ${group} --reset-to earliest`,
        })
      for (const [name, table] of Object.entries(state.tables)) tables.set(name, table)
    }
    return Object.fromEntries(tables)
  } finally {
    await platform.stop()
  }
}

async function follow(ask: Ask, io: Io): Promise<ReplayState> {
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit: 'records' })
  for (;;) {
    const state = (await ask('GET', PATH)) as ReplayState
    if (!state.running) {
      progress.finish(`${state.group}: ${state.records.toLocaleString('en')} records`)
      return state
    }
    progress.update({ done: state.records, total: state.total, items: state.records })
    await systemClock.sleep(POLL_MS)
  }
}
