import { hash } from 'node:crypto'
import { given } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { HOOK_ITEMS_MAX, fieldsAt, firstText, notA, textAt, valueAt } from './hook.ts'
import type { Drawn, HookDefaults } from './hook.ts'

/** How alerts name how bad it is, in our five steps; anything else is a warning. */
const SEVERITIES: Readonly<Record<string, number>> = {
  critical: 5,
  page: 5,
  disaster: 5,
  emergency: 5,
  fatal: 5,
  p1: 5,
  error: 4,
  high: 4,
  major: 4,
  p2: 4,
  warning: 3,
  warn: 3,
  minor: 3,
  p3: 3,
  info: 2,
  information: 2,
  none: 2,
  low: 2,
  p4: 2,
}
const SERVICE = ['service', 'service_name', 'app', 'job', 'namespace']
const HOST = ['host', 'instance', 'pod', 'node']
const ENVIRONMENT = ['environment', 'env', 'deployment_environment']
const ROUTE = ['route', 'handler', 'path']
/** What a person reads first. */
const TEXT = ['annotations.summary', 'annotations.message', 'annotations.description']
const LABELS_MAX = 64

/**
 * Prometheus' Alertmanager, webhook version 4, and Grafana's unified alerting, which sends the same with more beside
 * it. A firing alert is an error from severity 4 on, else a `custom` event; its end is a `custom` event.
 */
export function alertEvents(payload: unknown, defaults: HookDefaults): Drawn {
  const alerts = valueAt(payload, 'alerts')
  if (!Array.isArray(alerts))
    throw notA('Alertmanager or Grafana', 'alerts', 'Use a webhook receiver with its own payload.')
  const drawn: Drawn = { events: [], skipped: [] }
  for (const alert of (alerts as unknown[]).slice(0, HOOK_ITEMS_MAX))
    drawn.events.push(alertEvent(alert, { payload, defaults }))
  if (alerts.length > HOOK_ITEMS_MAX)
    drawn.skipped.push(`${alerts.length - HOOK_ITEMS_MAX} alerts beyond ${HOOK_ITEMS_MAX}`)
  return drawn
}

function alertEvent(
  alert: unknown,
  { payload, defaults }: { payload: unknown; defaults: HookDefaults },
): EventInput {
  const labels = fieldsAt(alert, 'labels')
  const isFiring = (textAt(alert, 'status') || textAt(payload, 'status')) !== 'resolved'
  const level = SEVERITIES[firstText(labels, ['severity', 'level', 'priority']).toLowerCase()] ?? 3
  const name = textAt(labels, 'alertname') || textAt(alert, 'title') || 'alert'
  const text = firstText(alert, TEXT) || firstText(payload, ['title', 'message']) || name
  const startsAt = timeAt(alert, 'startsAt')
  const endsAt = timeAt(alert, 'endsAt')
  return {
    event_type: isFiring && level >= 4 ? 'error' : 'custom',
    severity: isFiring ? level : 2,
    message: isFiring ? text : `resolved: ${text}`,
    error_type: name,
    service: firstText(labels, SERVICE) || defaults.service || 'alerts',
    ...idOf(alert, { labels, isFiring, startsAt }),
    ...given({
      occurred_at: isFiring ? startsAt : endsAt,
      host: firstText(labels, HOST),
      environment: firstText(labels, ENVIRONMENT) || defaults.environment,
      route: firstText(labels, ROUTE),
    }),
    tags: ['alert', isFiring ? 'firing' : 'resolved'],
    attributes: attributesOf(alert, labels),
  }
}

/** Alertmanager tells a firing alert again every few hours, and after a lost answer: it is the same event. */
function idOf(
  alert: unknown,
  about: { labels: object; isFiring: boolean; startsAt: string },
): EventInput {
  if (about.startsAt === '') return {}
  const who = textAt(alert, 'fingerprint') || JSON.stringify(about.labels)
  const text = [who, about.startsAt, about.isFiring ? 'firing' : 'resolved'].join('\n')
  return { event_id: `alert-${hash('sha256', text, 'hex').slice(0, 40)}` }
}

/** Go's zero time stands for none. */
function timeAt(alert: unknown, path: string): string {
  const time = textAt(alert, path)
  return time.startsWith('0001-') ? '' : time
}

function attributesOf(alert: unknown, labels: object): EventInput {
  const attributes: EventInput = {}
  for (const [name, value] of Object.entries(labels).slice(0, LABELS_MAX))
    attributes[name.slice(0, 200)] = textOrJson(value)
  for (const [name, value] of Object.entries(fieldsAt(alert, 'annotations')).slice(0, LABELS_MAX))
    attributes[`annotation.${name}`.slice(0, 200)] = textOrJson(value)
  for (const name of ['generatorURL', 'dashboardURL', 'panelURL', 'valueString'])
    if (textAt(alert, name) !== '') attributes[name] = textAt(alert, name)
  return attributes
}

const textOrJson = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? JSON.stringify(value).slice(0, 4_000) : value
