import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { FaultlineError } from '#/kernel/errors.ts'
import { Meta } from './embedded-meta.ts'

/** Raised when older code could not read what newer code writes. */
const FORMAT = 'faultline-log 1'

const SQLITE_BUSY = 5

/** Refuses a folder of another version with `data_dir_version`; marks a new one. */
export function checkFormat(dir: string): void {
  const path = `${dir}/log-format`
  if (!existsSync(path)) {
    writeFileSync(path, `${FORMAT}\n`)
    return
  }
  const found = readFileSync(path, 'utf8').trim().slice(0, 100)
  if (found === FORMAT) return
  throw new FaultlineError('data_dir_version', `${dir} holds '${found}', this is '${FORMAT}'`, {
    remedy: 'start the version that wrote it, or use another data folder',
  })
}

/** The process id in the lock file, where there is one. */
export function lockHolder(dir: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(`${dir}/lock`, 'utf8'), 10)
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function isBusy(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === SQLITE_BUSY
  )
}

/**
 * Opens meta.db, whose exclusive lock of the operating system decides who owns the folder: it falls with its
 * process, so a lock file left by a dead one is simply taken over, even if its pid belongs to somebody else by
 * now. The lock file only says who it is. Fails with `data_dir_locked`.
 */
export function openLocked(dir: string): Meta {
  let meta: Meta
  try {
    meta = new Meta(`${dir}/meta.db`)
  } catch (error) {
    if (!isBusy(error)) throw error
    const holder = lockHolder(dir)
    const who = holder === undefined ? 'another process' : `process ${holder}`
    throw new FaultlineError('data_dir_locked', `${dir} is in use by ${who}`, {
      remedy: 'stop that process, or choose another --data-dir',
      cause: error,
    })
  }
  writeFileSync(`${dir}/lock`, `${process.pid}\n`)
  return meta
}

export function unlock(dir: string): void {
  rmSync(`${dir}/lock`, { force: true })
}
