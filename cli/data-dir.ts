import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FaultlineError, messageOf, systemErrorCode } from '#/kernel/errors.ts'
import { randomSecret } from '#/kernel/random.ts'

/** What lies in the data folder besides the log and the tables. */
export interface DataDir {
  readonly path: string
  /** A secret that stays the same from start to start; readable by the owner alone. */
  secret(name: string): string
  write(name: string, text: string): void
  read(name: string): string | undefined
  remove(name: string): void
}

const OWNER_ONLY = 0o600

/** Opens or makes the folder. Fails in words when it cannot be used. */
export function openDataDir(path: string): DataDir {
  // Making folders there does not fail, it never ends.
  if (/^\/(?:proc|sys)(?:\/|$)/.test(path)) {
    throw new FaultlineError(
      'config_invalid',
      `the data folder ${path} cannot be used: it lies in a file system of the kernel`,
      {
        remedy: 'name another folder with --data-dir',
      },
    )
  }
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    const code = systemErrorCode(error) === 'ENOSPC' ? 'disk_full' : 'config_invalid'
    throw new FaultlineError(code, `the data folder ${path} cannot be made: ${messageOf(error)}`, {
      cause: error,
      remedy: 'name another folder with --data-dir',
    })
  }
  const write = (name: string, text: string): void => {
    // Renamed into place, so that a killed start never leaves half a secret.
    const temporary = join(path, `.${name}.new`)
    writeFileSync(temporary, text, { mode: OWNER_ONLY })
    renameSync(temporary, join(path, name))
  }
  const read = (name: string): string | undefined =>
    existsSync(join(path, name)) ? readFileSync(join(path, name), 'utf8').trim() : undefined
  return {
    path,
    read,
    write,
    remove: (name) => rmSync(join(path, name), { force: true }),
    secret(name) {
      const known = read(name)
      if (known !== undefined && known !== '') return known
      const fresh = randomSecret(24)
      write(name, `${fresh}\n`)
      return fresh
    },
  }
}
