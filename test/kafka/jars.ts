import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * Jars of a pom, copied by Maven into a cache that outlives the repository. A changed pom gets a folder of its own, so
 * nobody ever runs with half of an old set.
 */
export interface JarOptions {
  /** Path of the pom.xml; its artifactId and version name the folder. */
  pom?: string
  onProgress?: (text: string) => void
}

export const KAFKA_POM = join(import.meta.dirname, 'pom.xml')
const FETCH_MS_MAX = 300_000
const SAY_EVERY_FILES = 20

export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? ''
  return join(base === '' ? join(homedir(), '.cache') : base, 'faultline')
}

/** Where the jars of a pom lie, or will lie. */
export function jarFolder(pom = KAFKA_POM): string {
  const text = readFileSync(pom, 'utf8')
  const field = (name: string): string =>
    new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1] ?? 'unknown'
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return join(cacheFolder(), `${field('artifactId')}-${field('version')}-${hash}`)
}

export function haveJars(pom = KAFKA_POM): boolean {
  return existsSync(jarFolder(pom))
}

/** Makes sure the jars are there and answers their folder. Two processes may do this at once: the later one's copy is dropped. */
export async function fetchJars(options: JarOptions = {}): Promise<string> {
  const pom = options.pom ?? KAFKA_POM
  const folder = jarFolder(pom)
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const draft = mkdtempSync(`${folder}.draft-`)
  const say = options.onProgress ?? (() => undefined)
  say(`fetching ${basename(folder)} through Maven; this happens once`)
  try {
    await copyDependencies({ pom, into: draft, say })
    if (!existsSync(folder)) renameSync(draft, folder)
  } catch (error) {
    // Somebody else was faster: theirs is as good.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}

function copyDependencies(wish: {
  pom: string
  into: string
  say: (text: string) => void
}): Promise<void> {
  const args = ['-B', '-f', wish.pom, 'dependency:copy-dependencies']
  args.push(`-DoutputDirectory=${wish.into}`, '-DincludeScope=runtime')
  return new Promise((resolve, reject) => {
    const child = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: FETCH_MS_MAX })
    let told = ''
    let files = 0
    const hear = (part: string): void => {
      told = (told + part).slice(-8192)
      const before = files
      files += part.match(/Downloaded from|Copying /g)?.length ?? 0
      if (Math.floor(files / SAY_EVERY_FILES) > Math.floor(before / SAY_EVERY_FILES))
        wish.say(`  … ${files} files`)
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`Maven could not fetch ${wish.pom} (exit ${code}):\n${told}`))
    })
  })
}
