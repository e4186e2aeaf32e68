import { join } from 'node:path'
import type { DrillDesk, DrillStart } from '#/api/drills.ts'
import type { Keys } from '#/api/keys.ts'
import type { People } from '#/cli/accounts.ts'
import type { Kit } from '#/cli/kit.ts'
import { rolesOf } from '#/cli/roles.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { planOf } from '#/processors/domain/drill/plan.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { DrillView } from '#/schemas/drill-view.ts'
import type { Reads } from '#/schemas/reads.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import { readRecord } from './record.ts'
import { conductDrill, type Conducted } from './run.ts'
import type { openDeck, openSandbox } from './sandbox.ts'
import { DRILLS, openDrillStore, type DrillStore, type KeptDrill } from './store.ts'

/** How a sandbox is opened; given, because a sandbox has a server and the desk is part of one. */
export interface DrillHost {
  openDeck: typeof openDeck
  openSandbox: typeof openSandbox
}

export interface DrillDeps extends DrillHost {
  people: People
  keys: Keys
  reads: Pick<Reads, 'incident'>
  /** All events of a room of the platform. */
  history: (incidentId: string) => Promise<readonly RoomEvent[]>
}

/** Drills of this process, one at a time; one that was running when the process ended goes on. */
export function openDrillDesk(kit: Kit, deps: DrillDeps): DrillDesk {
  const onProblem = (error: unknown): void => kit.logger.warn('a drill', { error })
  const store = openDrillStore(join(kit.config.dataDir, DRILLS), onProblem)
  let running: Conducted | undefined
  let isStarting = false
  let isClosed = false

  const conduct = (drill: KeptDrill, isNew: boolean): Conducted => {
    const conducted = conductDrill(kit, { ...deps, store }, { drill, isNew })
    running = conducted
    void conducted.done.finally(() => {
      if (running === conducted) running = undefined
    })
    return conducted
  }
  for (const drill of store.all) {
    const { state, id } = drill.view
    if (state === 'ended' || state === 'failed') store.dropSandbox(id)
    else if (state === 'preparing') giveUp(store, drill)
    else conduct(drill, false)
  }
  kit.closers.push(async () => {
    isClosed = true
    await running?.leave()
  })
  return {
    async start(wish) {
      if (!rolesOf(kit.config).isWhole) throw needsWhole()
      if (running !== undefined || isStarting || isClosed) throw busy(running?.view(), wish)
      isStarting = true
      try {
        const drill = await prepared(kit, { ...deps, store }, wish)
        const conducted = conduct(drill, true)
        await conducted.cut
        return conducted.view()
      } finally {
        isStarting = false
      }
    },
    list: (project) =>
      store.all
        .map(({ view }) => (running?.view().id === view.id ? running.view() : view))
        .filter((view) => view.project === project)
        .toReversed(),
    async end({ project, id, by }) {
      const { view } = keptOf(store, project, id)
      if (running?.view().id !== view.id) throw ended(view)
      return running.end(by)
    },
    report(project, id) {
      const { view } = keptOf(store, project, id)
      const text = store.record(view.id)
      if (text === undefined) throw noReport(running?.view().id === id ? running.view() : view)
      return readRecord(text)
    },
  }
}

async function prepared(
  kit: Kit,
  { reads, store }: DrillDeps & { store: DrillStore },
  wish: DrillStart,
): Promise<KeptDrill> {
  const { project, speed, minutes, answer, by } = wish
  const detail = await incidentOf(reads, wish)
  const { incident, deploys } = detail
  const nowMs = systemClock.nowMs()
  const given = { speed, minutes, answer, graceS: wish.grace_s }
  const plan = planOf({ incident, deploys }, given, nowMs)
  const view: DrillView = {
    id: store.nextId(),
    project,
    incident_id: incident.id,
    incident_number: incident.number,
    title: incident.title,
    state: 'preparing',
    speed,
    lead_from: plan.leadFromMs,
    from: plan.fromMs,
    to: plan.toMs,
    events: 0,
    played: 0,
    started_by: by,
    started_at: 0,
    played_at: 0,
    closes_at: 0,
    ended_at: 0,
    why: '',
    port: 0,
    url: kit.config.drillUrl ?? '',
  }
  return { view, plan }
}

async function incidentOf(
  reads: DrillDeps['reads'],
  { project, incident: id }: DrillStart,
): Promise<IncidentDetail> {
  const detail = await reads.incident({ project, id: id.replace(/^#(?=\d)/, '') })
  if (detail === null)
    throw new FaultlineError('not_found', 'There is no incident of this id or number.', {
      path: 'incident',
      remedy: 'See /api/incidents.',
    })
  const { redirectTo } = detail.incident
  if (redirectTo === '') return detail
  const stays = await reads.incident({ project, id: redirectTo })
  return stays ?? detail
}

function giveUp(store: DrillStore, drill: KeptDrill): void {
  const why = 'The platform stopped while it was being prepared.'
  store.save({ ...drill, view: { ...drill.view, state: 'failed', why } })
  store.dropSandbox(drill.view.id)
}

function keptOf(store: DrillStore, project: string, id: number): KeptDrill {
  const found = store.all.find(({ view }) => view.id === id && view.project === project)
  if (found !== undefined) return found
  throw new FaultlineError('not_found', `There is no drill ${id}.`, { remedy: 'See /api/drills.' })
}

/** Of another project nothing is told but that it is there. */
function busy(view: DrillView | undefined, { project }: DrillStart): FaultlineError {
  const which = view?.project === project ? `Drill ${view.id}` : 'Another drill'
  return new FaultlineError('conflict', `${which} is running; there is one at a time.`, {
    remedy: 'End it, or wait for its end.',
  })
}

function ended({ id, state }: DrillView): FaultlineError {
  return new FaultlineError('conflict', `Drill ${id} does not run: it has ${state}.`)
}

function noReport({ id, state, why }: DrillView): FaultlineError {
  return state === 'failed'
    ? new FaultlineError('conflict', `Drill ${id} has no report, because it failed: ${why}`)
    : new FaultlineError('conflict', `Drill ${id} runs; its report is there when it has ended.`, {
        remedy: `End it with: faultline drill end ${id}`,
      })
}

function needsWhole(): FaultlineError {
  return new FaultlineError(
    'conflict',
    'A drill runs in a process that has every role; this one has not.',
    {
      remedy: 'Start one without --role against the same Kafka and ClickHouse, and ask there.',
    },
  )
}
