import { describe, expect, it } from 'vitest'
import type { Notification } from './notification.ts'
import { payloadOf } from './payload.ts'

const NOTIFICATION: Notification = {
  id: 'msg_1',
  reason: 'opened',
  project: 'default',
  incidentId: 'i1',
  number: 12,
  seq: 1,
  at: Date.UTC(2026, 10, 23, 2, 0),
  openedAt: Date.UTC(2026, 10, 23, 1, 59),
  title: 'TimeoutError in <checkout>',
  sentence: 'Opened: 40 errors & rising.',
  status: 'open',
  severity: 1,
  severityScore: 88,
  services: ['checkout', 'payment'],
  events: 40,
  users: 9,
  root: 'payment',
  suspectDeploy: 'd-7',
  cause: 'payment failed first.',
  onCall: 'ada',
  url: 'https://faultline.example/incidents/i1',
}

const bodyOf = (kind: 'webhook' | 'slack' | 'pagerduty', change: Partial<Notification> = {}) =>
  JSON.parse(payloadOf(kind, { ...NOTIFICATION, ...change }, { routingKey: 'R0' })) as unknown

describe('payloads', () => {
  it('[J1] of a webhook: type, time, data', () => {
    expect(bodyOf('webhook')).toMatchInlineSnapshot(`
      {
        "data": {
          "cause": "payment failed first.",
          "events": 40,
          "incident_id": "i1",
          "number": 12,
          "on_call": "ada",
          "opened_at": "2026-11-23T01:59:00.000Z",
          "project": "default",
          "root": "payment",
          "sentence": "Opened: 40 errors & rising.",
          "seq": 1,
          "services": [
            "checkout",
            "payment",
          ],
          "severity": 1,
          "severity_score": 88,
          "status": "open",
          "suspect_deploy": "d-7",
          "title": "TimeoutError in <checkout>",
          "url": "https://faultline.example/incidents/i1",
          "users": 9,
        },
        "timestamp": "2026-11-23T02:00:00.000Z",
        "type": "incident.opened",
      }
    `)
  })

  it('[J2] of Slack: blocks, and a text for those that know none', () => {
    expect(bodyOf('slack')).toMatchInlineSnapshot(`
      {
        "blocks": [
          {
            "text": {
              "text": "Opened: SEV1 #12 TimeoutError in <checkout>",
              "type": "plain_text",
            },
            "type": "header",
          },
          {
            "text": {
              "text": "Opened: 40 errors &amp; rising.
      payment failed first.
      *Services:* checkout, payment   *Users:* 9   *Suspect deploy:* d-7   *On call:* ada",
              "type": "mrkdwn",
            },
            "type": "section",
          },
          {
            "elements": [
              {
                "text": {
                  "text": "Open the incident",
                  "type": "plain_text",
                },
                "type": "button",
                "url": "https://faultline.example/incidents/i1",
              },
            ],
            "type": "actions",
          },
        ],
        "text": "Opened: SEV1 #12 TimeoutError in &lt;checkout&gt; https://faultline.example/incidents/i1",
      }
    `)
  })

  it('[J2] text of strangers calls nobody and links nowhere', () => {
    const text = JSON.stringify(
      bodyOf('slack', { sentence: '<!channel> <https://evil.example|pay here>', cause: '<@U1>' }),
    )
    expect(text).not.toMatch(/<[!@h]/)
    expect(text).toContain('&lt;!channel&gt;')
  })

  it('[J2] is cut to what Slack takes, never inside a character', () => {
    const title = '🧨'.repeat(200)
    const { blocks } = bodyOf('slack', { title, sentence: 'x'.repeat(9000) }) as {
      blocks: { text?: { text: string } }[]
    }
    const [header, section] = blocks.map((block) => block.text?.text ?? '')
    expect(header!.length).toBeLessThanOrEqual(150)
    expect(header).toMatch(/🧨…$/)
    expect(section).toHaveLength(3000)
  })

  it('[J1] of PagerDuty: one alert for each incident, closed when it ends', () => {
    expect(bodyOf('pagerduty')).toMatchInlineSnapshot(`
      {
        "client": "Faultline",
        "client_url": "https://faultline.example/incidents/i1",
        "dedup_key": "i1",
        "event_action": "trigger",
        "links": [
          {
            "href": "https://faultline.example/incidents/i1",
            "text": "Open the incident",
          },
        ],
        "payload": {
          "class": "opened",
          "custom_details": {
            "cause": "payment failed first.",
            "events": 40,
            "sentence": "Opened: 40 errors & rising.",
            "services": [
              "checkout",
              "payment",
            ],
            "suspect_deploy": "d-7",
            "users": 9,
          },
          "group": "default",
          "severity": "critical",
          "source": "payment",
          "summary": "Opened: SEV1 #12 TimeoutError in <checkout>",
          "timestamp": "2026-11-23T01:59:00.000Z",
        },
        "routing_key": "R0",
      }
    `)
    expect(bodyOf('pagerduty', { reason: 'resolved' })).toEqual({
      routing_key: 'R0',
      dedup_key: 'i1',
      event_action: 'resolve',
    })
    const severities = [1, 2, 3, 4, 5].map((severity) => bodyOf('pagerduty', { severity }))
    expect(severities).toMatchObject(
      ['critical', 'error', 'warning', 'info', 'info'].map((severity) => ({
        payload: { severity },
      })),
    )
  })
})
