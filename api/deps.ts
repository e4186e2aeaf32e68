import type { Clock } from '#/kernel/clock.ts'
import type { Metrics } from '#/kernel/metrics.ts'
import type { Random } from '#/kernel/random.ts'
import type { Log } from '#/processors/log/port.ts'
import type { SchemaIds, SchemaRegistry } from '#/schemas/registry.ts'
import type { CollabParts } from './collab/socket.ts'
import type { Accounts } from './accounts/accounts.ts'
import type { Audit } from './accounts/audit.ts'
import type { Oidc } from './accounts/oidc.ts'
import type { WsTickets } from './accounts/ws-tickets.ts'
import type { AiParts } from './ai/routes.ts'
import type { DetectorDesk } from './detectors/desk.ts'
import type { DrillDesk, SandboxDesk } from './drills.ts'
import type { Keys } from './keys.ts'
import type { HookSettings } from './hooks/routes.ts'
import type { Dsns } from './sentry/dsns.ts'
import type { NotifyParts } from './routes/notify.ts'
import type { SilenceDesk } from './silence-desk.ts'
import type {
  Dashboard,
  DeclaredService,
  GroupingParts,
  Operations,
  Pipeline,
  Reads,
} from './ports.ts'

export interface ApiConfig {
  /** `open`: reads and pages need no key, which only loopback may have; `keys`: a key with scope read. */
  readAccess: 'open' | 'keys'
  /** Host names beside loopback's under which requests are answered; null answers under every name. */
  hostsAllowed: readonly string[] | null
  /** Project of reads without a key. */
  defaultProject: string
  /** The address people reach the pages at, where it is not the one they ask for; decides whether cookies are Secure. */
  publicUrl: string | undefined
  /** Whether accounts are made by invitation alone. */
  registration: 'invitation' | 'open'
  /** Per key: events a second, and how many may come at once. */
  eventsPerSecondMax: number
  eventsBurstMax: number
  /** Per address or key: ad-hoc queries a minute. */
  sqlPerMinuteMax: number
  /** Records a consumer group may be behind before ingest answers 429. */
  lagRecordsMax: number
  /** Records a consumer group may be behind before `/health/ready` says no. */
  readyLagRecordsMax: number
  /** Bytes handed to the log and not yet durable, before ingest answers 429. */
  inFlightBytesMax: number
  /** It is a drill's sandbox: trainees change rooms there, and nothing else. */
  isSandbox: boolean
  /** Open live streams, SSE and WebSocket together. */
  streamsMax: number
}

export const API_DEFAULTS: ApiConfig = Object.freeze({
  readAccess: 'open',
  hostsAllowed: [],
  defaultProject: 'default',
  publicUrl: undefined,
  registration: 'invitation',
  eventsPerSecondMax: 100_000,
  eventsBurstMax: 200_000,
  sqlPerMinuteMax: 120,
  lagRecordsMax: 2_000_000,
  readyLagRecordsMax: 500_000,
  inFlightBytesMax: 64 * 1024 * 1024,
  isSandbox: false,
  streamsMax: 2_000,
})

/** What a process serves beside health and metrics: the door for events, or everything that reads and operates. */
export type Surface = 'ingest' | 'reads'

/** Everything the API is made of; `buildApp` adds no state that outlives the app. */
export interface AppDeps {
  clock: Clock
  random: Random
  log: Log
  schemaIds: SchemaIds
  registry: SchemaRegistry
  reads: Reads
  keys: Keys
  /** What Sentry's SDKs are configured with; routes for them exist only where it is given. */
  dsns?: Dsns | undefined
  /** Secrets and mappings of hooks of other systems. */
  hooks?: HookSettings | undefined
  /** People, their sessions and roles; without it there are keys alone. */
  accounts?: Accounts | undefined
  /** Who was let in, who was refused, who changed what. */
  audit?: Audit | undefined
  /** The organisation's own sign-in, where one is configured. */
  oidc?: Oidc | undefined
  wsTickets?: WsTickets | undefined
  metrics: Metrics
  pipeline: Pipeline
  /** Services of the topology file with what they call; none without one. */
  topology?: readonly DeclaredService[] | undefined
  /** What a shell on this machine reads the first ingest key with; shown while there is no data. */
  firstKeyShell?: string | undefined
  /** What the operator may do beside the data plane; routes for it exist only where it is given. */
  operations?: Operations | undefined
  /** Rules, merges and splits; routes for them exist only where it is given. */
  grouping?: GroupingParts | undefined
  /** What nobody is told of for a while; routes for it exist only where it is given. */
  silences?: SilenceDesk | undefined
  /** Detectors that are a SELECT; routes for them exist only where it is given. */
  detectors?: DetectorDesk | undefined
  /** Recorded outages played to trainees; routes for it exist only where it is given. */
  drills?: DrillDesk | undefined
  /** In the sandbox of a drill: what it is. */
  sandbox?: SandboxDesk | undefined
  /** Who is told of incidents; routes for it exist only where it is given. */
  notify?: NotifyParts | undefined
  /** Rooms; without them the WebSocket only tells events. */
  collab?: CollabParts | undefined
  /** Questions, suggestions, summaries by a model; routes for them exist only where it is given. */
  ai?: AiParts | undefined
  /** Proves the operator; lies in the data folder. */
  operatorToken?: string | undefined
  /** Lets a Prometheus read the metrics where reads need a key. */
  metricsToken?: string | undefined
  /** All of them when not given. */
  surfaces?: ReadonlySet<Surface> | undefined
  /** False where the work of this process goes on without ClickHouse. */
  dependsOnClickHouse?: boolean | undefined
  /** What else has to be well before this process is ready: rejects with the sentence that says what is not. */
  moreChecks?: Readonly<Record<string, () => Promise<string>>> | undefined
  config: ApiConfig
  /** Shown by /health and the API description. */
  version: string
  dashboard?: Dashboard | undefined
  /** Told of every failure that was nobody's input; the answer names only the request id. */
  onProblem?: ((error: unknown, requestId: string) => void) | undefined
}
