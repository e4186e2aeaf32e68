import { FaultlineError } from '#/kernel/errors.ts'
import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import { GATE_MS } from '#/processors/domain/sql-detector/backtest.ts'
import { EARLY_WARNING_ID } from '#/processors/domain/sql-detector/early-warning.ts'
import {
  BACKTEST_KIND,
  DETECTOR_KINDS,
  entryOfBacktest,
  entryOfDetector,
  type KeptDetector,
} from '#/processors/domain/sql-detector/entry.ts'
import { DETECTOR_LIMITS, specId } from '#/processors/domain/sql-detector/spec.ts'
import type { DetectorBacktestState, DetectorSpec, DetectorView } from '#/schemas/detector-view.ts'
import type { Reads } from '#/schemas/reads.ts'
import { createBacktestJob, type BacktestOrder } from './backtest-job.ts'
import { createDetectorBook, type DetectorBook } from './book.ts'

export interface Change {
  project: string
  id: string
  actor: string
}

/** Detectors of all projects: writes them, and knows them. */
export interface DetectorDesk {
  readonly book: DetectorBook
  list(project: string): readonly DetectorView[]
  /** One at a time. A result over a day or more is in the log when the state says that it is done, and opens the gate. */
  startBacktest(order: Omit<BacktestOrder, 'atMs'>): DetectorBacktestState
  backtestState(project: string): DetectorBacktestState
  cancelBacktest(project: string): Promise<DetectorBacktestState>
  /** Fails with `backtest_missing` when nobody back-tested exactly this text. Switched off at first. */
  save(wish: {
    project: string
    name: string
    spec: DetectorSpec
    actor: string
  }): Promise<DetectorView>
  /** On fails with `backtest_missing`, as above. */
  turn(change: Change, to: 'on' | 'off'): Promise<DetectorView>
  remove(change: Change): Promise<DetectorView>
  close(): Promise<void>
}

export type DetectorDeskDeps = ConfigTopicDeps & { reads: Pick<Reads, 'guardedSql'> }

export async function openDetectorDesk(deps: DetectorDeskDeps): Promise<DetectorDesk> {
  const { clock } = deps
  const book = createDetectorBook()
  const topic = await openConfigTopic(deps, (entry) => book.apply(entry))
  const job = createBacktestJob({
    clock,
    reads: deps.reads,
    async keep(project, backtest) {
      if (backtest.to - backtest.from < GATE_MS) return
      await topic.write([entryOfBacktest(project, backtest)])
      await topic.forget(book.takeDropped().map((id) => ({ kind: BACKTEST_KIND, id })))
    },
  })
  const inTurn = oneAtATime()
  const write = async (detector: KeptDetector): Promise<DetectorView> => {
    await topic.write([entryOfDetector(detector)])
    return book.view(detector)
  }
  const known = ({ project, id }: Change): KeptDetector => {
    const found = book.find(project, id)
    if (found !== undefined) return found
    throw new FaultlineError('not_found', `There is no detector ${id.slice(0, 64)}.`)
  }
  return {
    book,
    list: (project) => book.list(project).map((detector) => book.view(detector)),
    startBacktest: (order) => job.start({ ...order, atMs: clock.nowMs() }),
    backtestState: (project) => job.state(project),
    cancelBacktest: (project) => job.cancel(project),
    save: ({ project, name, spec, actor }) =>
      inTurn(async () => {
        const id = specId(spec)
        needBacktest(book, project, spec)
        const twin = book.find(project, id)
        if (twin !== undefined)
          throw new FaultlineError('conflict', `This detector is there already: ${twin.name}.`)
        if (book.list(project).length > DETECTOR_LIMITS.detectors) throw tooMany('detectors')
        const off = { active: false, activeFromMs: 0, removed: false }
        return write({ project, id, name, spec, actor, atMs: clock.nowMs(), ...off })
      }),
    turn: (change, to) =>
      inTurn(async () => {
        const detector = known(change)
        const isOn = to === 'on'
        if (detector.active === isOn) return book.view(detector)
        if (isOn) needBacktest(book, change.project, detector.spec)
        const active = book.list(change.project).filter((one) => one.active)
        if (isOn && active.length >= DETECTOR_LIMITS.active) throw tooMany('active')
        const atMs = clock.nowMs()
        const { actor } = change
        return write({ ...detector, active: isOn, activeFromMs: isOn ? atMs : 0, actor, atMs })
      }),
    remove: (change) =>
      inTurn(async () => {
        const detector = known(change)
        if (detector.id === EARLY_WARNING_ID)
          throw new FaultlineError('conflict', 'It comes with the platform and stays; turn it off.')
        const { actor } = change
        const gone = { ...detector, active: false, removed: true, actor, atMs: clock.nowMs() }
        const view = await write(gone)
        const id = `${detector.project}/${detector.id}`
        await topic.forget(DETECTOR_KINDS.map((kind) => ({ kind, id })))
        return view
      }),
    async close() {
      await job.close()
      await topic.close()
    },
  }
}

function needBacktest(book: DetectorBook, project: string, spec: DetectorSpec): void {
  if (book.backtest(project, specId(spec)) !== undefined) return
  throw new FaultlineError('backtest_missing', 'Nobody has back-tested exactly this detector.', {
    path: 'sql',
    remedy: 'Run a back-test over a day or more, look at what it would have done, then come back.',
  })
}

function tooMany(what: 'detectors' | 'active'): FaultlineError {
  const max = DETECTOR_LIMITS[what]
  const detail =
    what === 'active' ? `${max} detectors are on at most.` : `A project has ${max} detectors.`
  return new FaultlineError('conflict', detail, { remedy: 'Turn some off, or remove them.' })
}

/** What comes next waits for what is under way, and does not fail with it. */
function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }
}
