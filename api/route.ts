import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode, FaultlineError } from '#/kernel/errors.ts'
import type { Principal } from '#/schemas/principal.ts'
import type { ApiKey } from './keys.ts'
import type { ParamValues, Params } from './params.ts'

/**
 * Who may call, by what people and keys may do: `read` is for whoever sees the project, and open where the configuration
 * says so; `respond` is for those who work on incidents; `admin` for administrators, and keys with that scope in their
 * project; `operator` for administrators of the organisation and whoever can read the operator's token in the data
 * folder; `person` for whoever signed in; `ingest` for keys that send; `metrics` is `read`, and whoever has the token
 * for metrics; `own` is whoever proves it in the route's own way, as by a DSN or a signature; `none` is anyone.
 * `accounts/access.ts` decides, docs/access.md shows it address by address.
 */
export type Access =
  | 'ingest'
  | 'own'
  | 'read'
  | 'metrics'
  | 'respond'
  | 'admin'
  | 'operator'
  | 'person'
  | 'none'

export interface Call<Q extends Params = Params> {
  request: FastifyRequest
  reply: FastifyReply
  query: ParamValues<Q>
  /** Parts of the path. */
  path: Readonly<Record<string, string>>
  project: string
  key: ApiKey | undefined
  /** Undefined where reads are open and nobody said who they are. */
  principal: Principal | undefined
  nowMs: number
}

export interface OneAnswer {
  status: number
  about: string
  type: string
  schema?: object
}

/** One line of the API: how it is registered, guarded and described. The OpenAPI document is made of these. */
export interface Route<Q extends Params = Params> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** `:name` stands for one part. */
  path: string
  tag: string
  summary: string
  access: Access
  query: Q
  /** JSON Schema of a JSON body. */
  body?: { about: string; types: readonly string[]; schema: object }
  answer: OneAnswer
  /** Answers beside that one which are no problems: another format, or the same with another status. CSV is known. */
  otherAnswers?: readonly OneAnswer[]
  /** Problems this route may answer beyond those of its access. */
  problems?: readonly ErrorCode[]
  /** The body arrives as bytes of at most this many. */
  bodyBytesMax?: number
  /** Before the body is read: lets a caller through in the route's own way, or throws. */
  admit?: (request: FastifyRequest) => void | Promise<void>
  /** Pages of other sites may send here: the proof travels in the request itself, and no answer tells anything. */
  isCrossOrigin?: boolean
  /** How failures are told where the protocol has a shape of its own; problem+json when not given. */
  sendError?: (request: FastifyRequest, reply: FastifyReply, error: FaultlineError) => FastifyReply
  /** The types of what that sends. */
  errorTypes?: readonly string[]
  /** Writes an entry of its own to the audit trail, with more in it than that an administrator changed something. */
  tellsTrail?: boolean
  /** Not answered to HEAD: the answer has no end. */
  isStream?: boolean
  /** What it returns is sent as JSON; undefined when it has answered itself. */
  handle(call: Call<Q>): unknown
}

/** Ties the handler's `query` to the parameters of the route. */
export function route<Q extends Params>(spec: Route<Q>): Route {
  return spec
}

const type = 'application/json'
const schema = { type: 'object' }

/** A body whose fields are told in words. */
export function jsonBody(about: string): NonNullable<Route['body']> {
  return { about, types: [type], schema }
}

/** An answer that is told in words. */
export function jsonAnswer(about: string, status = 200): Route['answer'] {
  return { status, type, about, schema }
}
