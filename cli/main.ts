import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { Command, Io } from './io.ts'
import { unknownName } from './options.ts'

interface CommandEntry {
  about: string
  load(): Promise<Command>
  hidden?: boolean
}

/** Every command; loaded only when asked for, so that `--help` is quick. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  start: {
    about: 'run the platform: log, ClickHouse, processors, API, dashboard',
    load: async () => (await import('./start.ts')).startCommand,
  },
  ingest: {
    about: 'send a file or a pipe of events or plain logs',
    load: async () => (await import('./ingest.ts')).ingestCommand,
  },
  deploy: {
    about: 'tell that a service runs a new version',
    load: async () => (await import('./deploy.ts')).deployCommand,
  },
  load: {
    about: 'generate seeded traffic with known outages',
    load: async () => (await import('./load.ts')).loadCommand,
  },
  group: {
    about: 'group log lines or stack traces of a file, without a platform',
    load: async () => (await import('./group.ts')).groupCommand,
  },
  detect: {
    about: 'find anomalies in a series of a file, without a platform',
    load: async () => (await import('./detect.ts')).detectCommand,
  },
  backtest: {
    about: 'run recorded events through detection, without a platform',
    load: async () => (await import('./backtest.ts')).backtestCommand,
  },
  topics: {
    about: 'the topics, their keys, schemas and retention',
    load: async () => (await import('./topics.ts')).topicsCommand,
  },
  lag: {
    about: 'how far each processor is behind',
    load: async () => (await import('./operate.ts')).lagCommand,
  },
  dlq: {
    about: 'list, show and re-drive dead letters',
    load: async () => (await import('./operate.ts')).dlqCommand,
  },
  replay: {
    about: 'process recorded telemetry again from a point in the log',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  explain: {
    about: 'how an incident or event came to be, and whether the log says the same',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  keys: {
    about: 'create, list and revoke API keys',
    load: async () => (await import('./operate.ts')).keysCommand,
  },
  rules: {
    about: 'list, preview and save fingerprint rules',
    load: async () => (await import('./rules.ts')).rulesCommand,
  },
  silences: {
    about: 'mute issues and services for a while: add, list, remove',
    load: async () => (await import('./silences.ts')).silencesCommand,
  },
  detectors: {
    about: 'detectors that are a SELECT of your own: back-test, save, on, off',
    load: async () => (await import('./detector-commands.ts')).detectorsCommand,
  },
  audit: {
    about: 'who was let in, who was refused, who changed what; whether that is what was written',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  'post-mortem': {
    about: 'an incident’s post-mortem as a file that proves itself: export, verify',
    load: async () => (await import('./post-mortem.ts')).postMortemCommand,
  },
  drill: {
    about: 'a recorded incident played to trainees in a sandbox: start, list, end, report',
    load: async () => (await import('./drill/command.ts')).drillCommand,
  },
  migrate: {
    about: 'bring the tables of a stopped platform to this version',
    load: async () => (await import('./maintain.ts')).migrateCommand,
  },
  seed: {
    about: 'create organisation, project, key and people to begin with',
    load: async () => (await import('./maintain.ts')).seedCommand,
  },
  doctor: {
    about: 'look at everything a start needs: what is wrong, and what to do',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  backup: {
    about: 'copy log, schemas and keys of a running or stopped platform',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  restore: {
    about: 'put a backup into a new data folder and make its tables again',
    load: async () => (await import('./restore.ts')).restoreCommand,
  },
  config: {
    about: 'print the effective configuration and where each value came from',
    load: async () => (await import('./show-config.ts')).configCommand,
  },
  dev: {
    about: 'tools for working on Faultline itself',
    load: async () => (await import('./dev.ts')).devCommand,
    hidden: true,
  },
}

const HELP = `Faultline: a stream-processing analytics engine for incidents.

Usage: npx faultline COMMAND [options]

Commands:
${Object.entries(COMMANDS)
  .filter(([, entry]) => entry.hidden !== true)
  .map(([name, entry]) => `  ${name.padEnd(9)} ${entry.about}`)
  .join('\n')}

npx faultline COMMAND --help tells about one of them.
`

/** One line for what is wrong, one for what to do about it. */
export function explainFailure(error: unknown): string {
  if (error instanceof FaultlineError) {
    const place = error.path === undefined ? '' : ` (${error.path})`
    const remedy = error.remedy === undefined ? '' : `\n  ${error.remedy}`
    return `faultline: ${error.message}${place} [${error.code}]${remedy}\n`
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  return `faultline: this is a bug, please report it:\n${stack}\n`
}

/** Runs one command line and answers its exit code. */
export async function run(args: string[], io: Io): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io[name === undefined ? 'stderr' : 'stdout'].write(HELP)
    return name === undefined ? 2 : 0
  }
  try {
    const entry = COMMANDS[name]
    if (entry === undefined)
      throw unknownName(
        'command',
        name,
        Object.keys(COMMANDS).filter((known) => known !== 'dev'),
      )
    const command = await entry.load()
    return await command(rest, io)
  } catch (error) {
    io.stderr.write(explainFailure(error))
    return error instanceof FaultlineError && error.code === 'usage' ? 2 : 1
  }
}

/** How long something that a command left open may keep the process after its end. */
const LEFT_OPEN_MS = 10_000

export async function main(args: string[]): Promise<number> {
  // A reader that closes its end early (`| head`) ends us quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
  })
  // Whoever read our log is gone, or its disk is full: no reason for a platform to end.
  process.stderr.on('error', () => undefined)
  const code = await run(args, {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  })
  // A start that was refused once stayed for ever, deaf to Ctrl-C.
  setTimeout(() => process.exit(code), LEFT_OPEN_MS).unref()
  return code
}
