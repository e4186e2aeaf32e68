import { readFileSync } from 'node:fs'

/** The kernel counts CPU time in hundredths of a second on every Linux we run on. */
const TICK_MS = 10

function cpuOf(statFile: string): { name: string; cpuMs: number } {
  const stat = readFileSync(statFile, 'utf8')
  const close = stat.lastIndexOf(')')
  const fields = stat.slice(close + 2).split(' ')
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS
  return { name: stat.slice(stat.indexOf('(') + 1, close), cpuMs }
}

/** User and system time of a process with all its threads, in ms. */
export function processCpuMs(pid: number): number {
  return cpuOf(`/proc/${pid}/stat`).cpuMs
}

/** Time of its main thread alone: the one that runs JavaScript. */
export function mainThreadCpuMs(pid: number): number {
  return cpuOf(`/proc/${pid}/task/${pid}/stat`).cpuMs
}

export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
}
