import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'

/**
 * Names the process that forked the engine. Asked for later, the parent of an engine whose platform was killed
 * meanwhile would be the system's first process, which never ends.
 */
export const PARENT_VARIABLE = 'FAULTLINE_ENGINE_PARENT'

/** Releases the folder. */
export type Unlock = () => void

interface ProcessMark {
  pid: number
  /** When the process started, in the kernel's own ticks; tells a reused pid from the holder. */
  started: string | undefined
}

interface Holder extends ProcessMark {
  /** Who forked it: when that one is gone, the holder is on its way out. */
  parent: ProcessMark | undefined
}

/** An orphan finishes its running statements for 10 s; then it is ended, which is safe. */
const ORPHAN_MS_MAX = 12_000
const KILLED_MS_MAX = 3_000
const LOOK_MS = 20

/**
 * Claims the data folder for this process, or throws `data_dir_locked` naming who has it. A lock whose
 * process is gone (kill -9, power cut) is taken over; one whose process lost its platform is waited for.
 */
export async function lockDataDir(dataDir: string, clock: Clock): Promise<Unlock> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'engine.lock')
  const own: Holder = {
    ...markOf(process.pid),
    parent: markOf(Number(process.env[PARENT_VARIABLE] ?? process.ppid)),
  }
  const startedMs = clock.monotonicMs()
  for (;;) {
    try {
      writeFileSync(path, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error
    }
    const holder = readHolder(path)
    if (holder === undefined || holder.pid === own.pid || !isAlive(holder)) {
      rmSync(path, { force: true })
      continue
    }
    const waitedMs = clock.monotonicMs() - startedMs
    const isOrphan = holder.parent !== undefined && !isAlive(holder.parent)
    if (!isOrphan || waitedMs > ORPHAN_MS_MAX + KILLED_MS_MAX) throw locked(dataDir, holder)
    if (waitedMs > ORPHAN_MS_MAX) process.kill(holder.pid, 'SIGKILL')
    await clock.sleep(LOOK_MS)
  }
}

function locked(dataDir: string, holder: Holder): FaultlineError {
  return new FaultlineError(
    'data_dir_locked',
    `Process ${holder.pid} already runs ClickHouse in ${dataDir}.`,
    { remedy: `Stop process ${holder.pid}, or choose another data folder.` },
  )
}

function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const mark = markIn(value)
    if (mark === undefined) return undefined
    return { ...mark, parent: markIn((value as { parent?: unknown }).parent) }
  } catch {
    // Torn by a power cut: nobody holds it.
    return undefined
  }
}

function markIn(value: unknown): ProcessMark | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const pid = 'pid' in value && typeof value.pid === 'number' ? value.pid : undefined
  const started = 'started' in value ? String(value.started) : undefined
  return pid === undefined ? undefined : { pid, started }
}

function markOf(pid: number): ProcessMark {
  return { pid, started: statOf(pid)?.started }
}

function isAlive({ pid, started }: ProcessMark): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false
  }
  const now = statOf(pid)
  // In a container nobody may ever collect an orphan that ended. One that was killed while its threads wrote is a
  // zombie too, but holds ClickHouse's own lock until the last of them is gone.
  if (now?.state === 'Z') return threadCount(pid) > 1
  return now === undefined || started === undefined || now.started === started
}

function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

/** Fields 3 and 22 of /proc/PID/stat (proc(5)); undefined where there is no /proc. */
function statOf(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command in field 2 may hold spaces and brackets; fields are counted behind its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', started: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
