import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { OTLP_LIMITS } from './model.ts'
import type { Attributes } from './model.ts'

/** What a resource says about every event of it. */
export interface ResourceFields {
  service: string
  /** service, environment, release and host, where they are given. */
  fields: EventInput
  /** The rest, for the attributes. */
  attributes: Attributes
}

/** What the specification calls a service that has not said its name. */
const UNNAMED = 'unknown_service'

/** First the name of today's semantic conventions, then those before it. */
const FIELD_NAMES: Readonly<Record<string, readonly string[]>> = {
  environment: ['deployment.environment.name', 'deployment.environment'],
  release: ['service.version'],
  host: ['host.name', 'k8s.pod.name', 'container.id', 'service.instance.id'],
}

/** Says how it was made or started, not where something happened: the same words on every event of a service. */
const LEFT_OUT = ['telemetry.', 'process.', 'os.', 'otel.']

export function resourceFields(resource: Attributes): ResourceFields {
  const service = textOf(resource['service.name']).trim() || UNNAMED
  const fields: EventInput = { service }
  const taken = new Set(['service.name'])
  for (const [field, names] of Object.entries(FIELD_NAMES)) {
    const name = names.find((known) => textOf(resource[known]) !== '')
    if (name === undefined) continue
    fields[field] = textOf(resource[name])
    taken.add(name)
  }
  const attributes: Attributes = {}
  let count = 0
  for (const name in resource) {
    if (taken.has(name) || LEFT_OUT.some((prefix) => name.startsWith(prefix))) continue
    if ((count += 1) > OTLP_LIMITS.resourceAttributesMax) break
    attributes[name] = resource[name] ?? null
  }
  return { service, fields, attributes }
}

/** The first of these that is given, as text. */
export function firstText(attributes: Attributes, names: readonly string[]): string {
  for (const name of names) {
    const text = textOf(attributes[name])
    if (text !== '') return text
  }
  return ''
}
