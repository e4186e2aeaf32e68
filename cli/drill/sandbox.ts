import { openAudit } from '#/api/accounts/audit.ts'
import type { SandboxDesk } from '#/api/drills.ts'
import { openGroupingDesk } from '#/api/grouping-desk.ts'
import type { Keys } from '#/api/keys.ts'
import type { People } from '#/cli/accounts.ts'
import { composeChain } from '#/cli/chain.ts'
import { openStorage, type Storage } from '#/cli/engine.ts'
import type { Kit } from '#/cli/kit.ts'
import { listen } from '#/cli/listen.ts'
import { openKit } from '#/cli/open-kit.ts'
import { createTopics, startProcessors, type Processors } from '#/cli/processors.ts'
import { openServer } from '#/cli/server.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { DrillPlan } from '#/processors/domain/drill/plan.ts'
import { drillClock } from '#/processors/domain/drill/retime.ts'
import { loadDecisionsBefore } from '#/processors/stages/grouping-decision.ts'
import type { DrillRecord } from '#/processors/domain/drill/report.ts'
import { sandboxConfig } from './config.ts'
import { openPlayer } from './player.ts'
import { readRooms } from './rooms.ts'
import { cutTape, PAST, TAPE_TOPICS, type CutTape } from './tape.ts'

export interface SandboxWish {
  dataDir: string
  project: string
  plan: DrillPlan
}

/** The log of a sandbox with what is played in it; the platform is not asked for anything after this. */
export interface Deck {
  kit: Kit
  close: () => Promise<void>
}

/** What a drill left in its sandbox. */
export interface SandboxYield {
  rooms: DrillRecord['rooms']
  /** Events that were played and are stored, without doubles; null where they could not be counted. */
  kept: number | null
}

export interface Sandbox {
  /** When the first recorded moment is due. */
  startedMs: number
  /** Of its pages. */
  port: number
  /** Events of the tape that were played. */
  position(): number
  /** Resolves at the end of the tape, or soon after the signal. */
  play(signal: AbortSignal): Promise<void>
  harvest(): Promise<SandboxYield>
  close: () => Promise<void>
}

/** For the pages to come up, and for the processors to go through the past. */
const HEAD_START_MS = 3_000
const PAST_EVENTS_PER_MS = 15
const STORED_MS_MAX = 5_000
const STORED_MS = 200
const QUERY_MS_MAX = 10_000

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A log of its own in a folder of its own; with `onCut` fresh, else as an earlier process left it. */
export async function openDeck(
  live: Kit,
  wish: SandboxWish,
  onCut?: (cut: CutTape) => void,
): Promise<Deck> {
  const closers: Kit['closers'] = []
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).toReversed()) await one()
  }
  const { dataDir, project, plan } = wish
  const { topology, version } = live
  try {
    const config = sandboxConfig(live.config, { dataDir, project, speed: plan.speed })
    const kit = await openKit({ config, version, topology, logger: quiet(live) }, closers)
    await createTopics(kit)
    await kit.log.createTopics(TAPE_TOPICS)
    if (onCut !== undefined) {
      await copyDecisions(live, kit, wish)
      const source = { log: live.log, schemas: schemasOf(live), breathe }
      onCut(await cutTape(source, { log: kit.log, schemaId: kit.schemaIds.Event }, wish))
    }
    return { kit, close }
  } catch (error) {
    await close()
    throw error
  }
}

export interface OpenSandbox {
  plan: DrillPlan
  /** Of one that goes on; else it begins when its pages can be looked at. */
  startedMs: number | null
  desk: SandboxDesk
  keys: Keys
  people: People
}

/** Engine, processors and pages over a deck. The past is in the log before anything reads it. */
export async function openSandbox({ kit, close }: Deck, options: OpenSandbox): Promise<Sandbox> {
  const { plan, keys } = options
  const { closers, log, config } = kit
  const storage = await openStorage(kit)
  const headStartMs = HEAD_START_MS + (await log.endOffset(PAST)) / PAST_EVENTS_PER_MS
  const startedMs = options.startedMs ?? Math.ceil(systemClock.nowMs() + headStartMs)
  const player = await openPlayer({
    log,
    startedMs,
    clock: systemClock,
    schemaIds: kit.schemaIds,
    time: drillClock(plan, startedMs),
  })
  closers.push(() => player.close())
  await player.fill()
  const processors = await startProcessors(kit, composeChain(kit, storage.clickhouse))
  const people = peopleOf(kit, options.people)
  const parts = { storage, keys, people, processors, sandbox: options.desk }
  const app = await openServer(kit, parts)
  const url = await listen(app, { host: config.host, port: config.port, flag: 'drill-port' })
  return {
    startedMs,
    port: Number(new URL(url).port),
    position: () => player.position(),
    play: (signal) => player.play(signal),
    async harvest() {
      const onProblem = (error: unknown): void => kit.logger.warn('a drill', { error })
      const rooms = await readRooms(kit, onProblem)
      // Tables may be away; what people did is in the log.
      const wish = { processors, startedMs, project: config.project }
      const kept = await countStored(storage, wish).catch(onProblem)
      return { rooms, kept: kept ?? null }
    },
    close,
  }
}

/** Events of the drill in its tables, once the processors have nothing left to do. */
async function countStored(
  { clickhouse }: Storage,
  wish: { processors: Processors; project: string; startedMs: number },
): Promise<number> {
  const { processors, project, startedMs } = wish
  const isStored = async (): Promise<boolean> =>
    (await processors.stages()).every(({ partitions }) => partitions.every(({ lag }) => lag === 0))
  for (let waited = 0; waited < STORED_MS_MAX && !(await isStored()); waited += STORED_MS)
    await systemClock.sleep(STORED_MS)
  const { rows } = await createReads(clickhouse).guardedSql({
    project,
    sql: `SELECT count() FROM events WHERE received_at >= fromUnixTimestamp64Milli(toInt64(${startedMs}))`,
    rowsMax: 1,
    timeMsMax: QUERY_MS_MAX,
  })
  return Number(rows[0]?.[0] ?? 0)
}

/** Who is who is as on the platform, at this moment; what is refused in a drill is told to the drill's own trail. */
function peopleOf(kit: Kit, live: People): People {
  const onProblem = (error: unknown): void => kit.logger.warn('the audit trail', { error })
  const audit = openAudit({ ...kit, clock: systemClock, onProblem })
  kit.closers.push(() => audit.close())
  return { ...live, audit }
}

/** Errors of a sandbox are no events of the platform's own project. */
function quiet({ logger }: Kit): Kit['logger'] {
  const warn: Kit['logger']['warn'] = (message, fields) =>
    logger.warn(`in a drill: ${message}`, fields)
  return { ...logger, warn, error: warn, info: logger.debug }
}

function schemasOf({ schemaIds: ids, registry }: Kit) {
  return { ids, registry }
}

/** Groups are what the team decided them to be, from the beginning on. */
async function copyDecisions(live: Kit, kit: Kit, { project, plan }: SandboxWish): Promise<void> {
  const sources = { log: live.log, schemas: schemasOf(live) }
  const decisions = await loadDecisionsBefore(sources, 0, Infinity)
  const onProblem = (error: unknown): void => kit.logger.warn('a decision about groups', { error })
  const clock = { ...systemClock, nowMs: () => Math.max(0, plan.leadFromMs) }
  const desk = await openGroupingDesk({ ...kit, clock, onProblem })
  try {
    for (const decision of decisions.filter((one) => one.project === project)) {
      const { id: _id, revision: _revision, at: _at, project: _project, ...made } = decision
      await desk.decide(project, () => made)
    }
  } finally {
    await desk.close()
  }
}
