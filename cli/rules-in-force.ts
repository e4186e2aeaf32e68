import { createDecisionBook } from '#/processors/domain/grouping/decisions.ts'
import { loadDecisionsBefore } from '#/processors/stages/grouping-decision.ts'
import type { Kit } from './kit.ts'
import type { Rules } from './rules-file.ts'

const MINUTE_MS = 60_000

/** What holds now: decided rules of the project, the topology file and the settings of this platform. */
export async function rulesInForce(
  kit: Pick<Kit, 'log' | 'schemaIds' | 'registry' | 'topology' | 'config'>,
  project: string,
): Promise<Rules> {
  const book = createDecisionBook()
  const sources = { log: kit.log, schemas: { ids: kit.schemaIds, registry: kit.registry } }
  for (const decision of await loadDecisionsBefore(sources, 0, Infinity))
    if (decision.project === project) book.apply(decision)
  return {
    fingerprintRules: book.rules,
    topology: kit.topology,
    policy: { quietMs: kit.config.resolveAfterMin * MINUTE_MS },
  }
}
