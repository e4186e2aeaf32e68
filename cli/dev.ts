import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FaultlineError } from '#/kernel/errors.ts'
import type { Command, Io } from './io.ts'
import { unknownName } from './options.ts'
import { runTests, vitestArguments } from './run-tests.ts'

const ROOT = join(import.meta.dirname, '..')
const bin = (name: string): string => join(ROOT, 'node_modules', '.bin', name)

/** Runs a tool to its end with our streams; answers its exit code. Ctrl-C reaches it by itself. */
function tool(command: string, args: readonly string[], cwd = ROOT): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: 'inherit' })
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

const node = (path: string, args: readonly string[]): Promise<number> =>
  tool(process.execPath, [join(ROOT, path), ...args])

/** The dashboard's generated types, formatter, linter, types, dashboard, dead code, unit tests: in this order, ending at the first that fails. */
async function check(args: readonly string[], io: Io): Promise<number> {
  const steps: [string, () => Promise<number>][] = [
    ['svelte-kit sync', () => tool(bin('svelte-kit'), ['sync'], join(ROOT, 'dashboard'))],
    ['oxfmt', () => tool(bin('oxfmt'), ['--check'])],
    ['oxlint', () => tool(bin('oxlint'), ['--type-aware'])],
    ['tsc', () => tool(bin('tsc'), ['-p', '.'])],
    [
      'svelte-check',
      () => tool(bin('svelte-check'), ['--tsconfig', './tsconfig.json'], join(ROOT, 'dashboard')),
    ],
    ['knip', () => tool(bin('knip'), [])],
    ['unit tests', () => tool(process.execPath, vitestArguments(['--project', 'unit']))],
  ]
  const chosen = args.includes('--fast') ? steps.slice(0, 6) : steps
  for (const [name, step] of chosen) {
    io.stderr.write(`› ${name}\n`)
    const code = await step()
    if (code !== 0) {
      io.stderr.write(`check failed at ${name}\n`)
      return code
    }
  }
  return 0
}

async function script(path: string, args: readonly string[]): Promise<number> {
  if (!existsSync(join(ROOT, path))) throw new FaultlineError('usage', `${path} is not there`)
  return node(path, args)
}

const TOOLS: Readonly<Record<string, (args: string[], io: Io) => Promise<number>>> = {
  test: runTests,
  // boot.js has built the dashboard by now, if its sources changed.
  build: () => Promise.resolve(0),
  check,
  bench: (args) => script('test/bench/main.ts', args),
  chaos: (args) => script('test/chaos/main.ts', args),
  kafka: (args) => script('test/kafka/main.ts', args),
  eval: (args) => script('test/eval/main.ts', args),
  'fuzz-collab': (args) => script('test/collab/main.ts', args),
  rows: (args) => script('test/rows.ts', args),
  screenshots: (args) => script('test/screenshots/main.ts', args),
  generate: async (args) =>
    (await script('schemas/generate.ts', args)) || script('test/docs.ts', args),
}

export const devCommand: Command = async (args, io) => {
  const [name = '', ...rest] = args
  const run = TOOLS[name]
  if (run === undefined) throw unknownName('tool', name, Object.keys(TOOLS))
  return run(rest, io)
}
