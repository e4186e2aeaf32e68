import type { Target } from '#/processors/domain/notify/notification.ts'
import type { Rotation } from '#/processors/domain/notify/rotation.ts'
import type { Stage } from '#/processors/runtime/stage.ts'
import type { SchemaSource } from '#/processors/stages/record-reader.ts'
import { TOPICS } from '#/schemas/topics.ts'
import type { Send } from './http-sender.ts'
import { createNotifyWorker } from './worker.ts'

/** A target with what proves us to it. */
export interface SecretTarget extends Target {
  /** Signs webhooks; empty for other kinds. */
  key: Buffer
  /** Of PagerDuty; empty for other kinds. */
  routingKey: string
}

export interface NotifyDeps {
  schemas: SchemaSource
  targets: readonly SecretTarget[]
  rotation: Rotation | undefined
  /** Steps whose event time is older than this are nobody's business any more: imports, and histories met anew. */
  ageMsMax: number
  urlOf: (incidentId: string) => string
  send: Send
}

export const NOTIFY_GROUP = 'notify'

/**
 * incidents.lifecycle → notify.deliveries and the world. It is no part of the chain: a replay computes the chain
 * again and knows nothing of it, so what was told stays told.
 */
export function createNotifyStage(deps: NotifyDeps): Stage {
  return {
    name: NOTIFY_GROUP,
    inputs: [TOPICS.lifecycle.name],
    outputs: [TOPICS.deliveries.name],
    createWorker: (context) => createNotifyWorker(deps, context),
  }
}
