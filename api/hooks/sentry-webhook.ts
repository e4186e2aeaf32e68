import { given } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { errorEvent } from '#/api/sentry/error-event.ts'
import { fieldsAt, firstText, notA, textAt, valueAt } from './hook.ts'
import type { Drawn, HookDefaults } from './hook.ts'

const LEVELS: Readonly<Record<string, number>> = { critical: 5, warning: 3, resolved: 2 }

/** Webhooks of a Sentry integration, by the resource their header names. */
export function sentryHookEvents(
  resource: string,
  payload: unknown,
  defaults: HookDefaults,
): Drawn {
  if (valueAt(payload, 'data') === undefined)
    throw notA('Sentry', 'data', 'Use the webhook of an internal integration.')
  switch (resource) {
    case 'error':
      return one(ownEvent(payload, 'data.error', defaults))
    case 'event_alert':
      return one(ownEvent(payload, 'data.event', defaults))
    case 'issue':
      return one(issueEvent(payload, defaults))
    case 'metric_alert':
      return one(metricAlert(payload, defaults))
    default:
      return { events: [], skipped: [`${resource.slice(0, 40) || 'this resource'} is not used`] }
  }
}

const one = (event: EventInput): Drawn => ({ events: [event], skipped: [] })

/** The event itself, as its SDK had sent it to Sentry. */
function ownEvent(payload: unknown, path: string, defaults: HookDefaults): EventInput {
  const event = fieldsAt(payload, path)
  const input = errorEvent(event, { service: defaults.service || textAt(event, 'project_slug') })
  const about = given({
    'sentry.url': textAt(event, 'web_url'),
    'sentry.issue_url': textAt(event, 'issue_url'),
    'sentry.rule': textAt(payload, 'data.triggered_rule'),
  })
  return { ...input, attributes: { ...(input['attributes'] as object), ...about } }
}

function issueEvent(payload: unknown, defaults: HookDefaults): EventInput {
  const action = textAt(payload, 'action')
  const issue = fieldsAt(payload, 'data.issue')
  const isNew = action === 'created' || action === 'unresolved'
  const title = firstText(issue, ['metadata.value', 'title'])
  return {
    event_type: isNew ? 'error' : 'custom',
    severity: isNew ? 4 : 2,
    message: isNew ? title : `${action}: ${title}`,
    service: defaults.service || firstText(issue, ['project.slug']) || 'sentry',
    event_id: `sentry-${textAt(issue, 'id') || '0'}-${action || 'seen'}`.slice(0, 64),
    ...given({
      error_type: textAt(issue, 'metadata.type'),
      occurred_at: firstText(issue, isNew ? ['firstSeen', 'lastSeen'] : ['lastSeen']),
      environment: defaults.environment,
    }),
    attributes: given({
      'sentry.issue': textAt(issue, 'shortId'),
      'sentry.url': firstText(issue, ['web_url', 'permalink']),
      culprit: textAt(issue, 'culprit'),
    }),
  }
}

function metricAlert(payload: unknown, defaults: HookDefaults): EventInput {
  const level = LEVELS[textAt(payload, 'action')] ?? 3
  return {
    event_type: level >= 4 ? 'error' : 'custom',
    severity: level,
    message: firstText(payload, ['data.description_title', 'data.metric_alert.title']),
    error_type: 'metric_alert',
    service: defaults.service || textAt(payload, 'data.metric_alert.projects.0') || 'sentry',
    ...given({ environment: defaults.environment }),
    tags: ['alert', level === 2 ? 'resolved' : 'firing'],
    attributes: given({
      description: textAt(payload, 'data.description_text'),
      'sentry.url': textAt(payload, 'data.web_url'),
    }),
  }
}
