/** An event as the door takes it. */
export type EventBody = Readonly<Record<string, unknown>>

export interface ErrorKind {
  type: string
  message: string
  where: string
  severity?: number
}

/** What an outage does to one service while it lasts, in seconds since the scenario began. */
export interface Effect {
  service: string
  fromS: number
  toS: number
  /** Errors per second at full strength, and how long it takes to get there. */
  errors?: { kind: ErrorKind; perSecond: number; rampS?: number; tenant?: string }
  /** Share of this service's requests that fail with 5xx. */
  failing?: number
  /** Multiplies the latency. */
  slower?: number
  /** Multiplies the requests and signups: 0 is silence. */
  volume?: number
  /** Alternates on and off with this period. */
  flapS?: number
}

export interface DeployStep {
  atS: number
  service: string
  release: string
  deployId: string
  changeKind?: string
}

export interface TruthIncident {
  id: number
  kind: string
  startS: number
  endS: number
  root: string
  deploy: string | null
  services: readonly string[]
}

export interface Plan {
  effects: readonly Effect[]
  deploys: readonly DeployStep[]
  truth: readonly TruthIncident[]
}
