import { given, textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { pathOf } from '#/api/otlp/http-fields.ts'
import { SENT_FINGERPRINT } from '#/processors/domain/grouping/fingerprint-sender.ts'
import {
  attributeName,
  attributeValue,
  fieldsOf,
  isSecretName,
  listOf,
  pairsOf,
  timeOf,
} from './payload.ts'
import type { Fields } from './payload.ts'

/** What holds for all events of an envelope. */
export interface Sender {
  /** For events that do not say their service. */
  service: string
}

const TAGS_MAX = 64
const EXTRAS_MAX = 32
const CONTEXTS_MAX = 16
/** An attribute holds 8,192 characters; breadcrumbs that stay JSON are worth more than all of them cut. */
const BREADCRUMB_CHARS_MAX = 7_000
const BREADCRUMBS_MAX = 30
const BREADCRUMB_TEXT_CHARS_MAX = 300

/** What errors and transactions share. */
export function commonFields(event: Fields, sender: Sender): EventInput {
  const contexts = fieldsOf(event['contexts'])
  const trace = fieldsOf(contexts['trace'])
  const tags = new Map(pairsOf(event['tags']))
  const eventId = textOf(event['event_id']).replaceAll('-', '')
  const time = timeOf(event['timestamp'])
  return {
    ...(/^[0-9a-f]{32}$/i.test(eventId) ? { event_id: eventId.toLowerCase() } : {}),
    ...(time === undefined ? {} : { occurred_at: time }),
    service: serviceOf(event, { tags, contexts, sender }),
    ...given({
      environment: textOf(event['environment']),
      release: textOf(event['release']),
      host: textOf(event['server_name']),
      user_id: userOf(event['user']),
      request_id: textOf(tags.get('request_id')) || headerOf(event, 'x-request-id'),
      session_id: textOf(tags.get('session_id')),
      trace_id: textOf(trace['trace_id']),
      span_id: textOf(trace['span_id']),
      parent_span_id: textOf(trace['parent_span_id']),
    }),
    ...requestOf(event),
  }
}

/** Sentry has no services: a tag, OpenTelemetry's resource, the DSN, the name before the version, or the project. */
function serviceOf(
  event: Fields,
  about: { tags: ReadonlyMap<string, unknown>; contexts: Fields; sender: Sender },
): string {
  const { tags, contexts, sender } = about
  const resource = fieldsOf(fieldsOf(contexts['otel'])['resource'])
  const release = textOf(event['release'])
  return (
    textOf(tags.get('service') ?? tags.get('service.name')) ||
    textOf(resource['service.name']) ||
    sender.service ||
    serviceOfRelease(release) ||
    'sentry'
  )
}

/** Releases are named `package@version`, where they are named as Sentry asks. */
export function serviceOfRelease(release: string): string {
  return release.includes('@') ? release.slice(0, release.lastIndexOf('@')) : ''
}

function userOf(value: unknown): string {
  const user = fieldsOf(value)
  return textOf(user['id']) || textOf(user['username']) || textOf(user['email'])
}

function headerOf(event: Fields, wanted: string): string {
  const headers = pairsOf(fieldsOf(event['request'])['headers'])
  const found = headers.find(([name]) => name.toLowerCase() === wanted)
  return textOf(found?.[1])
}

const VERB = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) +(\S.*)$/

/** method and route: of the transaction's name where it is one, else of the address that was asked. */
function requestOf(event: Fields): EventInput {
  const request = fieldsOf(event['request'])
  const transaction = textOf(event['transaction'])
  const [, verb = '', pattern = ''] = VERB.exec(transaction) ?? []
  const url = textOf(request['url'])
  const route =
    pattern || (transaction.startsWith('/') ? transaction : url === '' ? '' : pathOf(url))
  return given({ method: verb || textOf(request['method']), route })
}

/** Tags by their own names, the rest under names that say where it stood. */
export function attributesOf(event: Fields): EventInput {
  const attributes: EventInput = {}
  for (const [name, value] of pairsOf(event['tags']).slice(0, TAGS_MAX))
    attributes[attributeName(name)] = attributeValue(value)
  for (const [name, value] of pairsOf(event['extra']).slice(0, EXTRAS_MAX))
    attributes[`extra.${attributeName(name)}`] = isSecretName(name)
      ? '[removed]'
      : attributeValue(value)
  for (const [name, value] of pairsOf(event['contexts']).slice(0, CONTEXTS_MAX))
    addContext(attributes, name, fieldsOf(value))
  const crumbs = breadcrumbsOf(event['breadcrumbs'])
  if (crumbs.length > 0) attributes['breadcrumbs'] = crumbs
  for (const name of ['transaction', 'dist', 'platform', 'logger'])
    if (textOf(event[name]) !== '') attributes[name] = event[name]
  const sdk = fieldsOf(event['sdk'])
  if (textOf(sdk['name']) !== '')
    attributes['sdk'] = `${textOf(sdk['name'])}/${textOf(sdk['version'])}`
  const agent = headerOf(event, 'user-agent')
  if (agent !== '') attributes['user_agent.original'] = agent
  const fingerprint = listOf(event['fingerprint']).map(textOf)
  if (fingerprint.length > 0) attributes[SENT_FINGERPRINT] = fingerprint
  return attributes
}

/** Told by fields already, or of no use to anybody who looks for a cause. */
const CONTEXTS_LEFT_OUT: ReadonlySet<string> = new Set([
  'trace',
  'otel',
  'culture',
  'cloud_resource',
])
/** Of the usual contexts, only what tells one group of users from another. */
const CONTEXT_NAMES = ['name', 'version', 'family', 'model', 'app_name', 'app_version', 'type']

function addContext(attributes: EventInput, name: string, context: Fields): void {
  if (CONTEXTS_LEFT_OUT.has(name)) return
  const known = CONTEXT_NAMES.filter((field) => textOf(context[field]) !== '')
  const isUsual = known.length > 0 || ['device', 'app', 'os', 'runtime'].includes(name)
  if (!isUsual) attributes[`contexts.${attributeName(name)}`] = attributeValue(context)
  for (const field of isUsual ? known : [])
    attributes[`${attributeName(name)}.${field}`] = attributeValue(context[field])
}

/** The last ones, as they fit; the newest last, as they came. */
function breadcrumbsOf(value: unknown): object[] {
  const crumbs: object[] = []
  let chars = 0
  for (const item of listOf(value).slice(-BREADCRUMBS_MAX).toReversed()) {
    const crumb = fieldsOf(item)
    const shown = given({
      timestamp: textOf(crumb['timestamp']),
      category: textOf(crumb['category']) || textOf(crumb['type']),
      level: textOf(crumb['level']),
      message: (textOf(crumb['message']) || dataText(crumb['data'])).slice(
        0,
        BREADCRUMB_TEXT_CHARS_MAX,
      ),
    })
    chars += JSON.stringify(shown).length + 1
    if (chars > BREADCRUMB_CHARS_MAX) break
    crumbs.push(shown)
  }
  return crumbs.toReversed()
}

/** What a request or a navigation did, where a breadcrumb has no text of its own. */
function dataText(value: unknown): string {
  const data = fieldsOf(value)
  const names = ['method', 'url', 'status_code', 'from', 'to']
  return names
    .map((name) => textOf(data[name]))
    .filter((text) => text !== '')
    .join(' ')
}
