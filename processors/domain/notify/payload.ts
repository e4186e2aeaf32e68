import { isEnd } from './notification.ts'
import type { Notification, Reason, TargetKind } from './notification.ts'

const HEADLINES: Readonly<Record<Reason, string>> = {
  opened: 'Opened',
  worsened: 'Worse',
  reopened: 'Reopened',
  unacknowledged: 'Nobody took it on',
  merged: 'Merged',
  resolved: 'Resolved',
}
// https://docs.slack.dev/reference/block-kit/blocks: a header has at most 150 characters, a section 3,000.
const HEADER_CHARS_MAX = 150
const SECTION_CHARS_MAX = 3_000
// https://developer.pagerduty.com/docs/send-alert-event: summary at most 1,024 characters.
const SUMMARY_CHARS_MAX = 1_024
const SERVICES_SHOWN = 10

/** The body for a target of this kind; the same bytes for every attempt. */
export function payloadOf(
  kind: TargetKind,
  notification: Notification,
  { routingKey }: { routingKey: string },
): string {
  if (kind === 'slack') return JSON.stringify(slackPayload(notification))
  if (kind === 'pagerduty') return JSON.stringify(pagerDutyPayload(notification, routingKey))
  return JSON.stringify(webhookPayload(notification))
}

/** Standard Webhooks: a type, the time of what happened, the data. */
function webhookPayload(notification: Notification): object {
  const { reason, at, incidentId, seq, openedAt, severityScore, suspectDeploy, onCall, ...rest } =
    notification
  const { id: _, ...facts } = rest
  return {
    type: `incident.${reason}`,
    timestamp: isoTime(at),
    data: {
      incident_id: incidentId,
      seq,
      ...facts,
      severity_score: severityScore,
      opened_at: isoTime(openedAt),
      suspect_deploy: suspectDeploy,
      on_call: onCall,
    },
  }
}

/** An incoming webhook of Slack; Mattermost and Rocket.Chat read `text` of it. */
function slackPayload(notification: Notification): object {
  const { sentence, cause, url, onCall } = notification
  const headline = headlineOf(notification)
  const facts = [`*Services:* ${escaped(servicesOf(notification))}`]
  if (notification.users > 0) facts.push(`*Users:* ${notification.users}`)
  if (notification.suspectDeploy !== '')
    facts.push(`*Suspect deploy:* ${escaped(notification.suspectDeploy)}`)
  if (onCall !== '') facts.push(`*On call:* ${escaped(onCall)}`)
  const body = [escaped(sentence), escaped(cause), facts.join('   ')]
  return {
    text: escaped(`${headline} ${url}`),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(headline, HEADER_CHARS_MAX) } },
      {
        type: 'section',
        text: {
          type: 'mrkdwn',
          text: cut(body.filter((part) => part !== '').join('\n'), SECTION_CHARS_MAX),
        },
      },
      {
        type: 'actions',
        elements: [
          { type: 'button', text: { type: 'plain_text', text: 'Open the incident' }, url },
        ],
      },
    ],
  }
}

/** Events API v2: one alert of PagerDuty for each incident, by its id. */
function pagerDutyPayload(notification: Notification, routingKey: string): object {
  const { reason, incidentId, url } = notification
  const base = { routing_key: routingKey, dedup_key: incidentId }
  if (isEnd(reason)) return { ...base, event_action: 'resolve' }
  return {
    ...base,
    event_action: 'trigger',
    client: 'Faultline',
    client_url: url,
    links: [{ href: url, text: 'Open the incident' }],
    payload: {
      summary: cut(headlineOf(notification), SUMMARY_CHARS_MAX),
      source: notification.root === '' ? servicesOf(notification) : notification.root,
      severity: pagerDutySeverity(notification.severity),
      timestamp: isoTime(notification.openedAt),
      group: notification.project,
      class: reason,
      custom_details: {
        sentence: notification.sentence,
        cause: notification.cause,
        services: notification.services,
        events: notification.events,
        users: notification.users,
        suspect_deploy: notification.suspectDeploy,
      },
    },
  }
}

function pagerDutySeverity(level: number): 'critical' | 'error' | 'warning' | 'info' {
  if (level <= 1) return 'critical'
  if (level === 2) return 'error'
  return level === 3 ? 'warning' : 'info'
}

function headlineOf({ reason, severity, number, title }: Notification): string {
  return `${HEADLINES[reason]}: SEV${severity} #${number} ${title}`
}

function servicesOf({ services }: Notification): string {
  const more = services.length - SERVICES_SHOWN
  const shown = services.slice(0, SERVICES_SHOWN).join(', ')
  return more > 0 ? `${shown} and ${more} more` : shown
}

/** Text of strangers is no markup: no link, no mention of everybody (https://docs.slack.dev/messaging/formatting-message-text). */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** At most so many UTF-16 units, and never half a character. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
