import type { CollabAccess } from '#/api/collab/access.ts'
import { startEngineBridge } from '#/api/collab/engine-bridge.ts'
import { startClaims } from '#/api/collab/claims.ts'
import { openGateway, type Refused } from '#/api/collab/gateway.ts'
import { openLogBus } from '#/api/collab/presence-bus.ts'
import { startSequencer } from '#/api/collab/sequencer.ts'
import type { CollabParts } from '#/api/collab/socket.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { Kit } from './kit.ts'

export interface CollabOptions {
  access: CollabAccess
  audit: ((note: Refused) => void) | undefined
}

/** Rooms of this process, and its part in deciding: of several processes one owns each partition of the commands. */
export async function openCollab(
  kit: Kit,
  options: CollabOptions,
  reads: Reads,
): Promise<CollabParts> {
  const { log, schemaIds, registry, logger, closers, config } = kit
  const onProblem = (error: unknown): void => logger.warn('a room', { error })
  const deps = { log, schemaIds, registry, clock: systemClock, onProblem }
  // The embedded log belongs to one process, so there is nobody else to tell.
  const bus = config.kafkaBrokers === undefined ? undefined : await openLogBus(deps)
  const gateway = await openGateway({ ...deps, random: systemRandom, bus, audit: options.audit })
  closers.push(() => gateway.close())
  const sequencer = await startSequencer(deps)
  closers.push(() => sequencer.close())
  const bridge = await startEngineBridge(deps)
  closers.push(() => bridge.close())
  const claims = startClaims({
    ...deps,
    reads,
    book: gateway.rooms.book,
    owned: () => sequencer.owned(),
    submit: async (submitted) => void (await gateway.execute(submitted)),
  })
  closers.push(() => claims.close())
  return { gateway, access: options.access }
}
