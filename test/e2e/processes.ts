import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'

/** Real processes: starting, watching and ending them. Everything is addressed by pid. */
export const ROOT = join(import.meta.dirname, '../..')
export const FAULTLINE = join(import.meta.dirname, 'faultline.ts')

/** What a process gets of the environment: nothing that could configure it. */
export const BARE_ENVIRONMENT = {
  PATH: join(ROOT, 'node_modules', '.bin'),
  TMPDIR: tmpdir(),
  NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compile'),
}

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Spawned {
  child: ChildProcess
  pid: number
  stdout(): string
  stderr(): string
  finished: Promise<Finished>
}

const KEPT_BYTES_MAX = 4 << 20

export interface SpawnWish {
  /** Another program than the command line. */
  script?: string
  input?: string | Buffer
  environment?: Readonly<Record<string, string>>
  cwd?: string
}

/** Starts a script of ours with this Node. */
export function spawnNode(args: readonly string[], wish: SpawnWish = {}): Spawned {
  const child = spawn(process.execPath, [wish.script ?? FAULTLINE, ...args], {
    cwd: wish.cwd ?? tmpdir(),
    env: { ...BARE_ENVIRONMENT, ...wish.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      texts[name] = (texts[name] + part).slice(-KEPT_BYTES_MAX)
    })
  }
  child.stdin.on('error', () => undefined)
  if (wish.input !== undefined) child.stdin.end(wish.input)
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }))
  })
  finished.catch(() => undefined)
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    finished,
  }
}

/** One command to its end. */
export async function faultline(args: readonly string[], wish: SpawnWish = {}): Promise<Finished> {
  return spawnNode(args, { input: '', ...wish }).finished
}

/** Whether the process runs; one that ended and was not yet collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

/** Children and their children, as the kernel sees them now. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      parents.set(parent, [...(parents.get(parent) ?? []), Number(name)])
    } catch {
      // Gone between the listing and the look.
    }
  }
  const found: number[] = []
  for (let next = [pid]; next.length > 0;) {
    next = next.flatMap((one) => parents.get(one) ?? [])
    found.push(...next)
  }
  return found
}

export interface WaitOptions {
  what: string
  withinMs?: number
  everyMs?: number
}

/** Asks until there is an answer; a failure says what was waited for and what was seen last. */
export async function waitFor<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { what, withinMs = 20_000, everyMs = 50 }: WaitOptions,
): Promise<T> {
  const startedMs = systemClock.monotonicMs()
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
      last = answer
    } catch (error) {
      last = error
    }
    if (systemClock.monotonicMs() - startedMs > withinMs)
      throw new Error(`waited ${withinMs} ms for ${what}; last: ${String(last)}`, { cause: last })
    await systemClock.sleep(everyMs)
  }
}
