import { FaultlineError, messageOf, systemErrorCode } from '#/kernel/errors.ts'
import type { ErrorCode } from '#/kernel/errors.ts'
import type { EngineConfig } from './engine-config.ts'

/** What the parent says to the engine process. */
export type ToEngine = { type: 'start'; config: EngineConfig } | { type: 'stop' }

/** What the engine process says to its parent. */
export type FromEngine =
  | EngineReady
  | { type: 'failed'; failure: EngineFailure }
  | { type: 'stuck'; session: string }

export interface EngineReady {
  type: 'ready'
  port: number
  pid: number
  /** Parts that a kill kept from being born, whose tokens are free again; see unborn-parts.ts. */
  forgotten: readonly string[]
}

export interface EngineFailure {
  code: ErrorCode
  detail: string
  remedy?: string
}

/** Any reason not to start, in the words of the catalogue. */
export function failureOf(error: unknown): EngineFailure {
  if (error instanceof FaultlineError) {
    const { code, message: detail, remedy } = error
    return remedy === undefined ? { code, detail } : { code, detail, remedy }
  }
  const system = systemErrorCode(error)
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return { code: 'disk_full', detail: 'The disk of the data folder is full.' }
  }
  const message = messageOf(error)
  if (system === 'CHDB_PLATFORM' || system === 'CHDB_ABI') {
    const remedy = 'Use Linux with glibc or macOS, or point FAULTLINE_CLICKHOUSE_URL at a server.'
    return { code: 'platform_unsupported', detail: message, remedy }
  }
  if (/Cannot lock file|is locked by|Another server instance/i.test(message)) {
    return { code: 'data_dir_locked', detail: message }
  }
  return { code: 'engine_failed', detail: message }
}
