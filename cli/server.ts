import { join } from 'node:path'
import { buildApp, type App } from '#/api/app.ts'
import type { CollabParts } from '#/api/collab/socket.ts'
import { API_DEFAULTS, type AppDeps, type Surface } from '#/api/deps.ts'
import type { DrillDesk, SandboxDesk } from '#/api/drills.ts'
import type { Keys } from '#/api/keys.ts'
import { openDsns, type Dsns } from '#/api/sentry/dsns.ts'
import { openGroupingDesk } from '#/api/grouping-desk.ts'
import { openSilenceDesk, type SilenceDesk } from '#/api/silence-desk.ts'
import type { GroupingParts, Operations, Reads } from '#/api/ports.ts'
import { createGroupingReads } from '#/clickhouse/queries/grouping.ts'
import { createReads } from '#/clickhouse/queries/reads.ts'
import { systemClock } from '#/kernel/clock.ts'
import { systemRandom } from '#/kernel/random.ts'
import { absent } from './absent.ts'
import { openAi } from './ai.ts'
import { checkDisk } from './disk.ts'
import { openDashboard } from './dashboard.ts'
import { openDeadLetterDesk } from './dead-letters.ts'
import { openCollab } from './collab.ts'
import { openDetectors } from './detectors.ts'
import { openDiffDesk } from './diff-desk.ts'
import { openDrillDesk, type DrillHost } from './drill/desk.ts'
import type { Storage } from './engine.ts'
import { createExplainDesk } from './explain-desk.ts'
import { hookSettings } from './hooks.ts'
import type { Kit } from './kit.ts'
import { notifyPartsOf } from './notify.ts'
import { createOperations } from './operations.ts'
import { collabOptionsOf, type People } from './accounts.ts'
import type { Processors } from './processors.ts'
import { createSnapshots } from './snapshots.ts'
import { createSweepDesk } from './sweep-desk.ts'
import { rolesOf, type Roles } from './roles.ts'
import type { Config } from './settings.ts'

export interface ServerParts {
  storage: Storage
  keys: Keys
  people: People
  processors: Processors
  /** How sandboxes of drills are opened; none is in a process without them. */
  drills?: DrillHost
  /** Of the sandbox this is the server of. */
  sandbox?: SandboxDesk
}

/** The HTTP server of this process: health and metrics always, the door and the pages by its roles. */
export async function openServer(kit: Kit, parts: ServerParts): Promise<App> {
  const { config, logger, closers } = kit
  const { storage, keys, people, processors, sandbox } = parts
  const roles = rolesOf(config)
  const reads = readsOf(storage, roles)
  const collab = roles.has('api')
    ? await openCollab(kit, collabOptionsOf(people), reads)
    : undefined
  const deps: Omit<AppDeps, 'dashboard'> = {
    ...kit,
    ...people,
    keys,
    dsns: roles.has('api') || roles.has('ingest') ? await dsnsOf(kit) : undefined,
    hooks: hookSettings(config),
    clock: systemClock,
    random: systemRandom,
    surfaces: sandbox === undefined ? surfacesOf(roles) : SANDBOX,
    reads,
    dependsOnClickHouse: roles.has('api') || roles.has('sink'),
    moreChecks: ownsData(config) ? { disk: () => checkDisk(config.dataDir) } : {},
    pipeline: { stages: () => processors.stages() },
    operations: roles.has('api') ? await operationsOf(kit, parts) : undefined,
    grouping: roles.has('api') ? await groupingOf(kit, storage) : undefined,
    silences: roles.has('api') ? await silencesOf(kit) : undefined,
    detectors: roles.has('api') ? await openDetectors(kit, reads) : undefined,
    collab,
    drills: drillsOf(kit, parts, { reads, collab }),
    sandbox,
    ai: roles.has('api') ? await openAi(kit, storage) : undefined,
    notify: roles.has('api') ? notifyPartsOf(kit, storage.clickhouse) : undefined,
    firstKeyShell: `$(cat ${join(config.dataDir, 'ingest-key')})`,
    operatorToken: config.operatorToken ?? kit.dataDir.secret('operator-token'),
    metricsToken: config.metricsToken,
    config: {
      ...API_DEFAULTS,
      eventsPerSecondMax: config.ingestRate,
      eventsBurstMax: config.ingestRate * 2,
      lagRecordsMax: config.lagMax,
      readyLagRecordsMax: config.readyLagMax,
      defaultProject: config.project,
      readAccess: config.readAccess,
      registration: config.registration,
      publicUrl: config.publicUrl,
      isSandbox: sandbox !== undefined,
      hostsAllowed: hostsOf(config.allowedHosts),
    },
    onProblem: (error, requestId) => logger.error('a request failed', { error, requestId }),
  }
  // Pages ask the API inside this process, and the API serves the pages: each is given the other.
  let app: App | undefined
  const isDrill = sandbox !== undefined
  const dashboard = roles.has('api') ? await openDashboard(() => app, { isDrill }) : undefined
  const opened = buildApp({ ...deps, dashboard })
  app = opened
  closers.push(() => opened.close())
  return opened
}

/** Null for every name. */
function hostsOf(names = ''): readonly string[] | null {
  return names === '*' ? null : names.split(',').filter((name) => name !== '')
}

/** Whether anything that grows lies in the data folder. */
function ownsData({ kafkaBrokers, clickhouseUrl, role }: Config): boolean {
  const hasTables = clickhouseUrl === undefined && rolesOf({ role }).has('sink')
  return kafkaBrokers === undefined || hasTables
}

/** Events of a sandbox are played, not sent. */
const SANDBOX: ReadonlySet<Surface> = new Set<Surface>(['reads'])

function drillsOf(
  kit: Kit,
  { drills, people, keys }: ServerParts,
  { reads, collab }: { reads: Reads; collab: CollabParts | undefined },
): DrillDesk | undefined {
  if (drills === undefined || collab === undefined) return undefined
  const history = (incidentId: string) => collab.gateway.history(incidentId)
  return openDrillDesk(kit, { ...drills, people, keys, reads, history })
}

function surfacesOf(roles: Roles): ReadonlySet<Surface> {
  const surfaces = new Set<Surface>()
  if (roles.has('ingest')) surfaces.add('ingest')
  if (roles.has('api')) surfaces.add('reads')
  return surfaces
}

/** Sinks only ask whether ClickHouse is there. */
function readsOf({ clickhouse }: Storage, roles: Roles): Reads {
  if (roles.has('api') || roles.has('sink')) return createReads(clickhouse)
  return absent<Reads>('this process serves no reads', 'Ask one with role api.')
}

async function operationsOf(
  kit: Kit,
  { storage: { clickhouse }, processors }: ServerParts,
): Promise<Operations> {
  const deadLetters = await openDeadLetterDesk({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a dead-letter entry', { error }),
  })
  kit.closers.push(() => deadLetters.close())
  return createOperations(processors, {
    deadLetters,
    diffs: await openDiffDesk(kit),
    sweeps: createSweepDesk(kit, createReads(clickhouse)),
    snapshots: createSnapshots(kit),
    explains: createExplainDesk(kit, { clickhouse, stages: processors.chain }),
  })
}

async function dsnsOf(kit: Kit): Promise<Dsns> {
  const dsns = await openDsns({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a DSN', { error }),
  })
  kit.closers.push(() => dsns.close())
  return dsns
}

async function groupingOf(kit: Kit, { clickhouse }: Storage): Promise<GroupingParts> {
  const desk = await openGroupingDesk({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a decision about groups', { error }),
  })
  kit.closers.push(() => desk.close())
  return { desk, reads: createGroupingReads(clickhouse) }
}

async function silencesOf(kit: Kit): Promise<SilenceDesk> {
  const desk = await openSilenceDesk({
    ...kit,
    clock: systemClock,
    onProblem: (error) => kit.logger.warn('a silence', { error }),
  })
  kit.closers.push(() => desk.close())
  return desk
}
