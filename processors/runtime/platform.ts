import { createStageRunner } from './supervisor.ts'
import type { StageRunner, StageStatus, SupervisorDeps } from './supervisor.ts'
import type { Stage } from './stage.ts'

/** The whole chain, running. */
export interface Supervisor {
  start(): Promise<void>
  /** Drains and stops every stage; first those nobody feeds. */
  stop(): Promise<void>
  /** Health of every stage, and their lag in the metrics. */
  status(): Promise<readonly StageStatus[]>
  runner(stage: string): StageRunner
  /**
   * Records waiting in front of the stage that is furthest behind, as of at most a second ago. The door answers 429
   * past its bound; the log itself has room for much more.
   */
  pressure(): number
}

const SAMPLE_MS = 1000

export function createSupervisor(stages: readonly Stage[], deps: SupervisorDeps): Supervisor {
  const runners = new Map(stages.map((stage) => [stage.name, createStageRunner(stage, deps)]))
  const sampling = new AbortController()
  let sampled = Promise.resolve()
  let pressure = 0
  const status = async (): Promise<readonly StageStatus[]> => {
    const all = await Promise.all([...runners.values()].map((runner) => runner.status()))
    pressure = Math.max(0, ...all.map(({ lag }) => lag))
    return all
  }
  const sample = async (): Promise<void> => {
    while (!sampling.signal.aborted) {
      await status()
      await deps.clock.sleep(SAMPLE_MS, sampling.signal)
    }
  }
  return {
    async start() {
      for (const runner of runners.values()) await runner.start()
      // A log that does not answer is told by the stages themselves; the last known pressure stands.
      sampled = sample().catch(() => undefined)
    },
    async stop() {
      sampling.abort()
      await sampled
      for (const runner of runners.values()) await runner.stop()
    },
    status,
    runner(stage) {
      const found = runners.get(stage)
      if (found === undefined) throw new RangeError(`there is no stage ${stage}`)
      return found
    },
    pressure: () => pressure,
  }
}
