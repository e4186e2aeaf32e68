import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { archiveOf, fetchJars } from './jars.ts'
import { QUICK_JVM } from './java.ts'
import { freePorts } from './ports.ts'

/** A schema registry of somebody else's, in memory. The last line that runs on Java 17; 3.3 wants 21. */
export const APICURIO = archiveOf('io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all')

export interface RunningRegistry extends AsyncDisposable {
  /** Where it speaks Confluent's interface. */
  readonly url: string
}

const READY_MS_MAX = 90_000

export async function startApicurio(): Promise<RunningRegistry> {
  const folder = await fetchJars(APICURIO)
  const jar = readdirSync(folder).find((name) => name.endsWith('-runner.jar'))
  if (jar === undefined) throw new Error(`there is no runner in ${folder}`)
  const [port = 0] = await freePorts()
  const child = spawn('java', ['-Xmx384m', ...QUICK_JVM, '-jar', join(folder, jar)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let told = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (told = (told + part).slice(-8192)))
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true
      resolve()
    }
    child.on('error', end)
    child.on('exit', end)
  })
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  const untilMs = systemClock.monotonicMs() + READY_MS_MAX
  while (!(await answers(`${url}/subjects`))) {
    if (!isOver && systemClock.monotonicMs() < untilMs) await systemClock.sleep(100)
    else {
      await stop()
      throw new Error(`Apicurio did not start:\n${told}`)
    }
  }
  return { url, [Symbol.asyncDispose]: stop }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
