import type { EventView, SeriesPoint } from '#lib/contract.ts'
import { chance, ERRORS, MINUTE, SERVICES, type World } from './world.ts'

const STACK = [
  'TimeoutError: upstream did not answer within 2000 ms',
  '    at PaymentClient.charge (/srv/app/src/payments/client.ts:88:13)',
  '    at async CheckoutService.pay (/srv/app/src/checkout/service.ts:142:9)',
  '    at async handler (/srv/app/src/checkout/routes.ts:31:20)',
  '    at async /srv/app/node_modules/router/lib/layer.js:95:5',
].join('\n')

const ROUTES = ['/api/orders', '/api/users/:id', '/api/search', '/login', '/api/cart']

/** Event number `index` of the made-up world, at a time. */
export function makeEvent(world: World, index: number, at: number): EventView {
  const draw = chance(index, 77)
  const severity = draw < 0.06 ? 5 : draw < 0.2 ? 4 : draw < 0.36 ? 3 : draw < 0.7 ? 2 : 1
  const issue = world.issues[index % world.issues.length]
  const [type, text] = ERRORS[index % ERRORS.length] ?? ERRORS[0]
  const failed = severity >= 4
  const service = failed
    ? (issue?.services[0] ?? 'edge')
    : (SERVICES[index % SERVICES.length] ?? 'edge')
  const route = ROUTES[index % ROUTES.length] ?? '/'
  const duration = Math.round(20 + chance(index, 5) * (failed ? 2400 : 240))
  return {
    project: 'default',
    event_id: `ev-${index}`,
    event_type: failed ? 'error' : 'http_request',
    occurred_at: at,
    received_at: at + 12,
    service,
    environment: index % 9 === 0 ? 'staging' : 'prod',
    release: 'v412',
    host: `${service}-${1 + (index % 3)}`,
    severity,
    message: failed
      ? `${type}: ${text}`
      : `GET ${route} answered ${200 + (index % 3)} in ${duration} ms`,
    error_type: failed ? type : '',
    error_code: '',
    stack: failed ? STACK : '',
    route,
    method: 'GET',
    status_code: failed ? 500 : 200,
    duration_ms: duration,
    user_id: `u-${index % 900}`,
    session_id: '',
    request_id: `req-${index}`,
    trace_id: '',
    span_id: '',
    parent_span_id: '',
    tags: index % 4 === 0 ? ['canary'] : [],
    attributes: {
      region: index % 2 === 0 ? 'eu-west' : 'us-east',
      attempt: 1 + (index % 3),
      retried: index % 3 === 0,
    },
    flags: [],
    fingerprint: failed ? (issue?.fingerprint ?? '') : '',
    fingerprint_method: failed ? 'stack' : '',
    title: failed ? `${type}: ${text}` : '',
    culprit: failed ? (issue?.culprit ?? '') : '',
    template: failed ? (issue?.template ?? '') : `GET ${route} answered <*> in <*> ms`,
    template_id: String(index % 97).padStart(16, '0'),
    fingerprint_own: '',
    fingerprint_rule: '',
    params: failed ? { ms: '2000' } : { status: '200', ms: String(duration) },
  }
}

/** Events per bucket and severity: a slow wave with noise, and a step that began 13 minutes before the start. */
export function rates(world: World, from: number, to: number, stepMs: number): SeriesPoint[] {
  const points: SeriesPoint[] = []
  for (let at = Math.floor(from / stepMs) * stepMs; at < to; at += stepMs) {
    for (let severity = 1; severity <= 5; severity += 1) {
      const wave = 1 + 0.35 * Math.sin(at / (9 * MINUTE) + severity)
      const noise = 0.75 + 0.5 * chance(severity, at / stepMs)
      const base = [200, 170, 85, 66, 24][severity - 1] ?? 0
      const since = at - (world.start - 13 * MINUTE)
      const fault =
        severity >= 4 && since > 0 && since < 11 * MINUTE ? (severity === 5 ? 260 : 60) : 0
      const perTenSeconds = base * wave * noise + fault * noise
      points.push({
        at,
        series: String(severity),
        value: Math.round((perTenSeconds * stepMs) / 10_000),
      })
    }
  }
  return points
}
