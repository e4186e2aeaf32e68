import type { AppDeps } from '#/api/deps.ts'
import { DELIVERY_PAGE, ON_CALL } from '#/api/notify-schemas.ts'
import { list, text } from '#/api/params.ts'
import { checkRange, pageOf, paging, range } from '#/api/read-params.ts'
import { route, type Route } from '#/api/route.ts'
import { nextHandover, onCallAt, type Rotation } from '#/processors/domain/notify/rotation.ts'
import type { Target } from '#/processors/domain/notify/notification.ts'
import type { DeliveryReads, OnCallView, TargetView } from '#/schemas/notify-view.ts'

/** Who is told of incidents, and what became of it. */
export interface NotifyParts {
  reads: DeliveryReads
  targets: readonly Target[]
  rotation: Rotation | undefined
}

const JSON_ANSWER = { status: 200, type: 'application/json' } as const
const WEEK_HOURS = 7 * 24
const MINUTE_MS = 60_000
const { cursor, limit } = paging

export function notifyRoutes({ notify }: AppDeps): readonly Route[] {
  if (notify === undefined) return []
  return [
    route({
      method: 'GET',
      path: '/api/deliveries',
      tag: 'notifications',
      summary: 'Notifications with every attempt, newest first.',
      access: 'read',
      query: {
        ...range(WEEK_HOURS),
        cursor,
        limit,
        status: list('Only those that are waiting, retrying, delivered, failed, cancelled …'),
        target: list('Only to one of these.'),
        incident: text('Only of this incident.'),
      },
      answer: { ...JSON_ANSWER, about: 'Notifications.', schema: DELIVERY_PAGE },
      handle({ project, query }) {
        checkRange(query)
        const { from, to, status, target: targets, incident: incidentId } = query
        return notify.reads.deliveries({
          ...pageOf(query),
          project,
          from,
          to,
          status,
          targets,
          incidentId,
        })
      },
    }),
    route({
      method: 'GET',
      path: '/api/on-call',
      tag: 'notifications',
      summary: 'Who is on call now and next, and what it cost whom: pages and nights.',
      access: 'read',
      query: range(4 * WEEK_HOURS),
      answer: { ...JSON_ANSWER, about: 'The rotation and its load.', schema: ON_CALL },
      async handle({ project, query, nowMs }): Promise<OnCallView> {
        checkRange(query)
        const timeZone = notify.rotation?.timeZone ?? 'UTC'
        const load = await notify.reads.load({ project, ...query, timeZone })
        const targets = notify.targets.map(targetView)
        return { ...shiftsOf(notify.rotation, nowMs), time_zone: timeZone, targets, ...load }
      },
    }),
  ]
}

function shiftsOf(rotation: Rotation | undefined, nowMs: number): Pick<OnCallView, 'now' | 'next'> {
  if (rotation === undefined) return { now: null, next: null }
  const { person, isOverride } = onCallAt(rotation, nowMs)
  const next = nextHandover(rotation, nowMs)
  return {
    now: { person, is_override: isOverride },
    next: Number.isFinite(next.at) ? next : null,
  }
}

function targetView(target: Target): TargetView {
  const { name, kind, url, severityMax, projects, services, reasons, unacknowledgedMs } = target
  return {
    name,
    kind,
    host: URL.parse(url)?.host ?? '',
    severity_max: severityMax,
    projects,
    services,
    tell: reasons,
    unacknowledged_min: unacknowledgedMs === null ? null : unacknowledgedMs / MINUTE_MS,
  }
}
