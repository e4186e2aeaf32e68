import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import type { Clock } from '#/kernel/clock.ts'
import type { FaultlineError } from '#/kernel/errors.ts'
import { systemRandom } from '#/kernel/random.ts'
import { retry } from '#/kernel/retry.ts'
import type { ForkEngine } from './engine-child.ts'
import { startEngine } from './start-engine.ts'
import type { StartEngineOptions } from './start-engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'faultline-child-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A process that says what an engine says, without one. */
const SERVING = join(folder, 'serving.mjs')
writeFileSync(
  SERVING,
  `process.on('message', ({ type }) => {
    if (type === 'start') process.send({ type: 'ready', port: 1, pid: process.pid, forgotten: [] })
    else process.exit(0)
  })
  process.on('disconnect', () => process.exit(0))`,
)

/** Backoff passes at once; the patience with a process that starts stays. */
const hurried: Clock = {
  ...systemClock,
  sleep: (durationMs, signal) =>
    systemClock.sleep(durationMs > 60_000 ? durationMs : Math.min(durationMs, 1), signal),
}

function isGone(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
}

/** Killed between its birth and the first word to it; the parent does not see the end before it speaks. */
const stillborn = (child: ChildProcess): ChildProcess => {
  const { pid = 0 } = child
  process.kill(pid, 'SIGKILL')
  while (!isGone(pid)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  return child
}

type Birth = 'stillborn' | 'no process' | 'refused' | 'lives'

/** Births in this order; all that come later live. */
function births(...order: Birth[]): { fork: ForkEngine; count(): number } {
  let count = 0
  const forkNext: ForkEngine = (_main, args, wish) => {
    const birth = order[count] ?? 'lives'
    count += 1
    if (birth === 'refused') throw new Error('spawn ENOMEM')
    if (birth === 'no process')
      return fork(SERVING, args, { ...wish, execPath: join(folder, 'nothing-here') })
    const child = fork(SERVING, args, wish)
    return birth === 'stillborn' ? stillborn(child) : child
  }
  return { fork: forkNext, count: () => count }
}

const start = (options: Partial<StartEngineOptions>) =>
  startEngine({
    dataDir: folder,
    port: 0,
    secrets: { internal: 'a', reader: 'b' },
    clock: hurried,
    ...options,
  })

async function until(what: () => boolean): Promise<void> {
  await retry(async () => expect(what()).toBe(true), {
    clock: systemClock,
    random: systemRandom,
    attemptsMax: 400,
    delayFirstMs: 25,
    delayMaxMs: 25,
    isRetryable: () => true,
  })
}

// An error event without a listener ends the process: vitest reports it, and the run fails.
describe('a process that dies before it can be told anything', () => {
  it('[CH17] at the start: another one is tried', async () => {
    const order = births('stillborn', 'no process', 'refused')
    const engine = await start({ fork: order.fork })
    expect(order.count()).toBe(4)
    await engine.stop()
  })

  it('[CH17] after a kill: the platform goes on, and so do the attempts', async () => {
    const order = births('lives', ...Array.from({ length: 17 }, (): Birth => 'stillborn'))
    const reasons: string[] = []
    const down: FaultlineError[] = []
    const engine = await start({
      fork: order.fork,
      onRestart: (reason) => reasons.push(reason),
      onDown: (error) => down.push(error),
    })
    const first = engine.pid ?? 0
    process.kill(first, 'SIGKILL')
    await until(() => engine.pid !== undefined && engine.pid !== first)
    expect(order.count()).toBe(19)
    expect(engine.restarts).toBe(18)
    expect(reasons[0]).toBe('SIGKILL')
    expect(reasons[1]).toContain('ended while starting: SIGKILL')
    expect(down.map(({ code, message }) => [code, message.slice(0, 35)])).toEqual([
      ['engine_failed', 'ClickHouse ended 8 times in a row; '],
      ['engine_failed', 'ClickHouse ended 16 times in a row;'],
    ])
    await engine.stop()
  })

  it('[CH17] no process at all, or a fork that is refused: the reason stands in words', async () => {
    const order = births('lives', 'no process', 'refused')
    const reasons: string[] = []
    const engine = await start({ fork: order.fork, onRestart: (reason) => reasons.push(reason) })
    const first = engine.pid ?? 0
    process.kill(first, 'SIGKILL')
    await until(() => engine.pid !== undefined && engine.pid !== first)
    expect(reasons.slice(1).join('\n')).toMatch(/ENOENT[\s\S]*could not be started: spawn ENOMEM/)
    await engine.stop()
  })

  it('[CH19] stop, asked while the process is already gone', async () => {
    let last: ChildProcess | undefined
    const engine = await start({
      fork: (_main, args, wish) => (last = fork(SERVING, args, wish)),
    })
    if (last !== undefined) stillborn(last)
    await engine.stop()
    expect(engine.pid).toBeUndefined()
  })
})
