/** What the parts of `npm run eval` share: where the labelled data lies, how a command is run, how figures are shown. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
export const SHARED = join(ROOT, '..', 'shared')

export type Figures = Readonly<Record<string, number>>
export type Row = readonly [
  measure: string,
  anchor: string,
  floor: string,
  goal: string,
  ours: string,
]

function node(args: readonly string[]): string {
  return execFileSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 29,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, FAULTLINE_BOOTED: '1' },
  })
}

export const faultline = (...args: string[]): string => node([join(ROOT, 'cli/boot.js'), ...args])
export const tool = (path: string, ...args: string[]): string =>
  node([join(SHARED, 'tools', path), ...args])
export const short = (value: number | undefined, digits = 3): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)
