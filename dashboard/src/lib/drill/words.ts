/** What is said about drills. Pure. */
import { drillSpan, type DrillMoment, type DrillView } from '#lib/contract.ts'
import { grouped } from '#lib/format.ts'

/** Where other pages of the same installation are: an address of their own, or another port of this host. */
export function addressBeside(
  here: { protocol: string; hostname: string },
  { url, port }: { url: string; port: number },
): string {
  return url === '' ? `${here.protocol}//${here.hostname}:${port}` : url.replace(/\/$/, '')
}

export const isRunning = ({ state }: DrillView): boolean =>
  state === 'preparing' || state === 'playing' || state === 'grace'

/** How far it is, in a few words. */
export function progressOf(drill: DrillView, now: number): string {
  const { state, started_at: started, played_at: played, closes_at: closes } = drill
  if (state === 'preparing' || started === 0) return 'is being prepared'
  if (now < started) return `begins in ${drillSpan(started - now)}`
  if (state === 'playing' && now < played)
    return `${drillSpan(now - started)} of ${drillSpan(played - started)}, ${grouped(drill.played)} of ${grouped(drill.events)} events`
  if (state === 'playing' || state === 'grace')
    return `all is played; it closes in ${drillSpan(Math.max(0, closes - now))}`
  return drill.why
}

/** The moment of the record that is played now. */
export function recordedNow(drill: DrillView, now: number): number {
  const { started_at: started, from, to, speed } = drill
  return Math.min(to, from + Math.max(0, now - started) * speed)
}

export function drillsTitle(drills: readonly DrillView[], now: number): string {
  const running = drills.find((drill) => isRunning(drill))
  if (running !== undefined)
    return `Drill ${running.id}, incident #${running.incident_number} at ${running.speed}×: ${progressOf(running, now)}.`
  return drills.length === 0 ? 'There was no drill yet.' : 'No drill is running.'
}

/** `3 min 5 s, Ann`; who did it is left out where the platform did. */
export function momentText(moment: DrillMoment | null, by: 'after' | 'story' = 'after'): string {
  if (moment === null) return 'never'
  return moment.by === '' ? drillSpan(moment[by]) : `${drillSpan(moment[by])}, ${moment.by}`
}

/** What stood out, in one sentence. */
export function reportTitle(pairs: {
  both: readonly unknown[]
  only_recorded: readonly unknown[]
  only_drill: readonly unknown[]
}): string {
  const { both, only_recorded: missed, only_drill: fresh } = pairs
  if (both.length + missed.length + fresh.length === 0) return 'Neither side made a card.'
  return `${both.length} cards in both, ${missed.length} only in the real incident, ${fresh.length} only in the drill.`
}
