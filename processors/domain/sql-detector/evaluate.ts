import { compares } from '#/schemas/compares.ts'
import type { DetectorSign, DetectorSpec } from '#/schemas/detector-view.ts'
import { DETECTOR_LIMITS } from './spec.ts'

/** What the SELECT said of one group in one window. */
export interface GroupValue {
  service: string
  environment: string
  name: string
  value: number
}

export interface Window {
  fromMs: number
  toMs: number
}

export interface OpenFiring {
  /** The window that began the row of windows it fired with. */
  startedAtMs: number
  firedAtMs: number
  peak: number
}

interface GroupState {
  /** Values of the windows before, newest last; 0 where the group had no row. */
  recent: number[]
  row: number
  open: OpenFiring | null
}

/** Plain data: kept in the log, so that another process goes on where this one stopped. */
export interface DetectorState {
  windows: number
  groups: Record<string, GroupState>
}

/** What became of a group in a window. */
export interface Outcome {
  kind: 'fired' | 'goes_on' | 'ended'
  group: Omit<GroupValue, 'value'>
  open: OpenFiring
  value: number
  usual: number | null
}

export const emptyState = (): DetectorState => ({ windows: 0, groups: {} })

/** Windows lie at multiples of their length, so that a back-test and live work look at the same ones. */
export function windowFrom(atMs: number, windowMin: number): Window {
  const lengthMs = windowMin * 60_000
  const fromMs = Math.floor(atMs / lengthMs) * lengthMs
  return { fromMs, toMs: fromMs + lengthMs }
}

/** Windows whose values say what is usual; they fire nothing. */
export function learn(state: DetectorState, spec: DetectorSpec, rows: readonly GroupValue[]): void {
  advance(state, spec, rows, () => undefined)
}

/** One window further. Groups without a row end what they had; the same rows give the same outcomes. */
export function step(
  state: DetectorState,
  spec: DetectorSpec,
  { window, rows }: { window: Window; rows: readonly GroupValue[] },
): Outcome[] {
  const outcomes: Outcome[] = []
  advance(state, spec, rows, (key, group, row) => {
    const usual = usualOf(group, spec, state.windows)
    const holds = row !== undefined && isBeyond(row.value, spec, usual)
    const outcome = holds ? onHold(group, spec, { window, value: row.value }) : onRest(group)
    const value = row?.value ?? 0
    if (outcome !== undefined) outcomes.push({ ...outcome, group: groupOf(key), value, usual })
  })
  return outcomes
}

type Visit = (key: string, group: GroupState, row: GroupValue | undefined) => void

function advance(
  state: DetectorState,
  spec: DetectorSpec,
  rows: readonly GroupValue[],
  visit: Visit,
): void {
  const kept = spec.usual?.windows ?? 0
  const byKey = new Map<string, GroupValue>()
  for (const row of rows.slice(0, DETECTOR_LIMITS.rows)) byKey.set(keyOf(row), row)
  for (const key of byKey.keys())
    state.groups[key] ??= {
      recent: Array.from({ length: Math.min(state.windows, kept) }, () => 0),
      row: 0,
      open: null,
    }
  for (const key of Object.keys(state.groups).toSorted()) {
    const group = state.groups[key]!
    const row = byKey.get(key)
    visit(key, group, row)
    group.recent = kept === 0 ? [] : [...group.recent, row?.value ?? 0].slice(-kept)
    // Nothing is remembered of it: it may as well never have been.
    const isBlank = group.row === 0 && group.recent.every((value) => value === 0)
    if (row === undefined && isBlank) delete state.groups[key]
  }
  state.windows += 1
}

function onHold(
  group: GroupState,
  { in_a_row: needed, window_min: minutes, sign }: DetectorSpec,
  { window, value }: { window: Window; value: number },
): Pick<Outcome, 'kind' | 'open'> | undefined {
  group.row += 1
  if (group.open !== null) {
    const { peak } = group.open
    group.open.peak = isUpward(sign) ? Math.max(peak, value) : Math.min(peak, value)
    return { kind: 'goes_on', open: { ...group.open } }
  }
  if (group.row < needed) return undefined
  const startedAtMs = window.toMs - needed * minutes * 60_000
  group.open = { startedAtMs, firedAtMs: window.toMs, peak: value }
  return { kind: 'fired', open: { ...group.open } }
}

function onRest(group: GroupState): Pick<Outcome, 'kind' | 'open'> | undefined {
  group.row = 0
  const { open } = group
  group.open = null
  return open === null ? undefined : { kind: 'ended', open }
}

/** Null until as many windows were seen as it is the mean of, and where nothing usual is asked. */
function usualOf(group: GroupState, { usual }: DetectorSpec, windows: number): number | null {
  if (usual === null || windows < usual.windows) return null
  const sum = group.recent.reduce((total, value) => total + value, 0)
  return sum / usual.windows
}

function isBeyond(value: number, spec: DetectorSpec, usual: number | null): boolean {
  if (!compares(value, spec.sign, spec.value)) return false
  if (spec.usual === null) return true
  return usual !== null && compares(value, spec.sign, spec.usual.times * usual)
}

export function isUpward(sign: DetectorSign): boolean {
  return sign === '>' || sign === '>='
}

function keyOf({ service, environment, name }: GroupValue): string {
  return JSON.stringify([service, environment, name])
}

function groupOf(key: string): Omit<GroupValue, 'value'> {
  const [service = '', environment = '', name = ''] = JSON.parse(key) as string[]
  return { service, environment, name }
}
