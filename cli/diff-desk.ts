import type { DiffState, DiffWish, Operations } from '#/api/ports.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { openDiffHistory } from './diff-history.ts'
import type { Kit } from './kit.ts'
import { diffReplay } from './replay-diff.ts'
import { parseRules, type Rules } from './rules-file.ts'
import { rulesInForce } from './rules-in-force.ts'
import { createSingleWork } from './single-work.ts'

export type DiffDesk = Pick<Operations, 'startDiff' | 'diffState' | 'cancelDiff' | 'diffs'>

const NEVER: DiffState = {
  running: false,
  phase: '',
  project: '',
  from: 0,
  to: 0,
  records: 0,
  total: 0,
  error: '',
  diff: null,
}
const MINUTE_MS = 60_000
const WITHOUT_MAX = 20

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Runs one comparison at a time beside live work; the last ones are known to every process. */
export async function openDiffDesk(kit: Kit): Promise<DiffDesk> {
  const onProblem = (error: unknown): void => kit.logger.warn('a comparison', { error })
  const history = await openDiffHistory({ ...kit, clock: systemClock, onProblem })
  const comparisons = createSingleWork('a comparison', NEVER)
  kit.closers.push(async () => {
    await comparisons.cancel()
    await history.close()
  })
  return {
    async startDiff(wish) {
      const parsed = parse(wish)
      const { project, from, to } = wish
      return comparisons.start({
        about: { project, from, to },
        run: async ({ signal, onProgress }) => ({
          diff: await diffReplay(
            { log: kit.log, clock: systemClock, schemas: schemasOf(kit), breathe },
            {
              ...parsed,
              project,
              base: await rulesInForce(kit, project),
              fromMs: from,
              toMs: to,
              historyMs: wish.history_min * MINUTE_MS,
              signal,
              onProgress,
            },
          ),
        }),
        async ended(state) {
          await history.add(wish, state, systemClock.nowMs()).catch(onProblem)
          return {}
        },
      })
    },
    diffState: comparisons.state,
    diffs: (project) => history.list(project),
    cancelDiff: comparisons.cancel,
  }
}

interface Parsed {
  changed: Rules
  without: readonly { field: string; value: string }[]
}

function parse({ rules, without, from, to }: DiffWish): Parsed {
  if (from >= to)
    throw new FaultlineError('invalid_request', 'from must be before to', { path: 'from' })
  if (without.length > WITHOUT_MAX)
    throw new FaultlineError('invalid_request', `at most ${WITHOUT_MAX}`, { path: 'without' })
  const pairs = without.map((text) => {
    const cut = text.indexOf('=')
    if (cut > 0) return { field: text.slice(0, cut), value: text.slice(cut + 1) }
    throw new FaultlineError('invalid_request', `without takes field=value, not ${text}`, {
      path: 'without',
      remedy: 'for example release=v2.4.1',
    })
  })
  return { changed: parseRules(rules), without: pairs }
}

function schemasOf({ schemaIds, registry }: Kit) {
  return { ids: schemaIds, registry }
}
