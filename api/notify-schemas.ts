import { REASONS } from '#/processors/domain/notify/notification.ts'

/** What the answers about notifications look like, for the description of the API. */
const string = { type: 'string' }
const integer = { type: 'integer' }
const boolean = { type: 'boolean' }
const time = { type: 'integer', description: 'Milliseconds since the epoch, wall clock.' }
const maybe = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })
const list = (items: object): object => ({ type: 'array', items })
const object = (properties: Record<string, object>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

const status = {
  enum: ['waiting', 'retrying', 'delivered', 'failed', 'cancelled', 'suppressed'],
}
const load = { pages: integer, nights: integer, incidents: integer }

export const DELIVERY_PAGE = object({
  items: list(
    object({
      delivery_id: { ...string, description: 'The webhook-id of every attempt.' },
      incident_id: string,
      incident_number: integer,
      title: string,
      severity: integer,
      reason: { enum: REASONS },
      target: string,
      target_kind: { enum: ['webhook', 'slack', 'pagerduty'] },
      status,
      planned_at: time,
      next_at: maybe(time),
      on_call: string,
      is_page: boolean,
      is_night: boolean,
      steps: list(
        object({
          at: time,
          status,
          attempt: integer,
          status_code: integer,
          duration_ms: maybe({ type: 'number' }),
          detail: string,
        }),
      ),
    }),
  ),
  next: maybe(string),
})

export const ON_CALL = object({
  now: maybe(object({ person: string, is_override: boolean })),
  next: maybe(object({ person: string, at: time })),
  time_zone: string,
  targets: list(
    object({
      name: string,
      kind: string,
      host: string,
      severity_max: integer,
      projects: list(string),
      services: list(string),
      tell: list({ enum: REASONS }),
      unacknowledged_min: maybe({ type: 'number' }),
    }),
  ),
  people: list(object({ person: string, ...load })),
  weeks: list(object({ week: time, ...load })),
})
