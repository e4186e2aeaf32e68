import { parseArgs } from 'node:util'
import { startBroker } from './broker.ts'
import { whyNoBroker } from './java.ts'

const HELP = `Runs a real Kafka in the foreground until Ctrl-C: one KRaft node on loopback.

Usage: npm run kafka -- [options]

  --port NUMBER    port of the broker (default 19092; 0 takes a free one)
  --data-dir PATH  keeps topics and offsets there (default: a fresh folder, removed at the end)
  --heap MB        memory of the broker (default 512)
  --help           this text

The first run fetches the jars through Maven into $XDG_CACHE_HOME/faultline (or ~/.cache/faultline).
Needs Java 17 or later, and Maven for the first run.
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '19092' },
      'data-dir': { type: 'string' },
      heap: { type: 'string', default: '512' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const numbers = { '--port': Number(values.port), '--heap': Number(values.heap) }
  for (const [name, value] of Object.entries(numbers))
    if (!Number.isInteger(value) || value < 0 || value > 65_535)
      throw new Error(`${name} takes a whole number from 0 to 65535`)
  const missing = whyNoBroker()
  if (missing !== undefined) throw new Error(missing)
  const say = (text: string): void => void process.stderr.write(`${text}\n`)
  say('starting Kafka …')
  const broker = await startBroker({
    port: numbers['--port'],
    heapMb: numbers['--heap'],
    onProgress: say,
    ...(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }),
  })
  process.stdout.write(`${broker.brokers.join(',')}\n`)
  say(`Kafka serves at ${broker.brokers.join(',')} (process ${broker.pid}); Ctrl-C stops it.`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve())
  })
  say('stopping Kafka …')
  await broker.stop()
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`kafka: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
