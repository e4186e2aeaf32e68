import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/**
 * What Maven fetches, in a cache that outlives the repository: the jars of a pom, or the content of one archive. A
 * changed pom gets a folder of its own, so nobody ever runs with half of an old set.
 */
export interface JarSet {
  folder: string
  /** Goal and options of Maven, without the folder it fills. */
  goal: readonly string[]
}

const FETCH_MS_MAX = 300_000
const SAY_EVERY_FILES = 20

function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? ''
  return join(base === '' ? join(homedir(), '.cache') : base, 'faultline')
}

/** The jars a pom names, with what they need. */
export function jarsOf(pom: string): JarSet {
  const text = readFileSync(pom, 'utf8')
  const field = (name: string): string =>
    new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1] ?? 'unknown'
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return {
    folder: join(cacheFolder(), `${field('artifactId')}-${field('version')}-${hash}`),
    goal: ['-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'],
  }
}

/** The content of an archive, by group, artifact, version, type and classifier. */
export function archiveOf(artifact: string): JarSet {
  const [, name = '', version = ''] = artifact.split(':')
  return {
    folder: join(cacheFolder(), `${name}-${version}`),
    goal: ['dependency:unpack', `-Dartifact=${artifact}`],
  }
}

/** Kafka: broker, command line tools, Java clients. */
export const KAFKA_JARS = jarsOf(join(import.meta.dirname, 'pom.xml'))

export function haveJars(jars: JarSet): boolean {
  return existsSync(jars.folder)
}

/** Makes sure they are there and answers the folder. Two processes may do this at once: the later one's copy is dropped. */
export async function fetchJars(
  { folder, goal }: JarSet,
  onProgress: (text: string) => void = () => undefined,
): Promise<string> {
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const draft = mkdtempSync(`${folder}.draft-`)
  onProgress(`fetching ${basename(folder)} through Maven; this happens once`)
  try {
    await runMaven([...goal, `-DoutputDirectory=${draft}`], { workIn: draft, onProgress })
    rmSync(join(draft, 'target'), { recursive: true, force: true })
    if (!existsSync(folder)) renameSync(draft, folder)
  } catch (error) {
    // Somebody else was faster: theirs is as good.
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return folder
}

function runMaven(
  args: readonly string[],
  { workIn, onProgress }: { workIn: string; onProgress: (text: string) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('mvn', ['-B', ...args], {
      // Maven leaves notes in its folder about what it unpacked; found again, it would do nothing.
      cwd: workIn,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: FETCH_MS_MAX,
    })
    let told = ''
    let files = 0
    const hear = (part: string): void => {
      told = (told + part).slice(-8192)
      const before = files
      files += part.match(/Downloaded from|Copying /g)?.length ?? 0
      if (Math.floor(files / SAY_EVERY_FILES) > Math.floor(before / SAY_EVERY_FILES))
        onProgress(`  … ${files} files`)
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`mvn ${args.join(' ')} ended with ${code}:\n${told}`))
    })
  })
}
