import { openDetectorDesk, type DetectorDesk } from '#/api/detectors/desk.ts'
import { isStored } from '#/api/detectors/stored.ts'
import { startDetectorWatch } from '#/api/detectors/watch.ts'
import { systemClock } from '#/kernel/clock.ts'
import { EVENTS_SINK } from '#/processors/topology.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { Kit } from './kit.ts'

/** Detectors of the team, and this process's part in looking: of several processes one looks. */
export async function openDetectors(kit: Kit, reads: Reads): Promise<DetectorDesk> {
  const { log, logger, closers } = kit
  const onProblem = (error: unknown): void => logger.warn('a detector', { error })
  const deps = { ...kit, reads, clock: systemClock, onProblem }
  const desk = await openDetectorDesk(deps)
  closers.push(() => desk.close())
  const watch = await startDetectorWatch({
    ...deps,
    book: desk.book,
    isStored: (timeMs) => isStored(log, EVENTS_SINK, timeMs),
  })
  closers.push(() => watch.close())
  return desk
}
