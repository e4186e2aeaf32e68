import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'

/** Releases the folder. */
export type Unlock = () => void

interface Holder {
  pid: number
  /** When the process started, in the kernel's own ticks; tells a reused pid from the holder. */
  started: string | undefined
}

/**
 * Claims the data folder for this process, or throws `data_dir_locked` naming who has it. A lock whose
 * process is gone (kill -9, power cut) is taken over.
 */
export function lockDataDir(dataDir: string): Unlock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'engine.lock')
  const own: Holder = { pid: process.pid, started: startOf(process.pid) }
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, JSON.stringify(own), { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error
      const holder = readHolder(path)
      if (holder !== undefined && isAlive(holder, own)) throw locked(dataDir, holder)
      rmSync(path, { force: true })
    }
  }
  throw new FaultlineError('data_dir_locked', `The lock ${path} cannot be taken.`)
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
    if (typeof value !== 'object' || value === null) return undefined
    const pid = 'pid' in value && typeof value.pid === 'number' ? value.pid : undefined
    const started = 'started' in value ? String(value.started) : undefined
    return pid === undefined ? undefined : { pid, started }
  } catch {
    // Torn by a power cut: nobody holds it.
    return undefined
  }
}

function isAlive(holder: Holder, own: Holder): boolean {
  if (holder.pid === own.pid) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false
  }
  const started = startOf(holder.pid)
  return started === undefined || holder.started === undefined || started === holder.started
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command in field 2 may hold spaces and brackets; fields are counted behind its last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
