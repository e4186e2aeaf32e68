import type { DetectorBacktest, DetectorSpec, DetectorView, WarningView } from '#lib/contract.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const SPEC: DetectorSpec = {
  sql: 'SELECT service, countIf(status_code >= 500) AS value FROM events GROUP BY service',
  window_min: 5,
  sign: '>=',
  value: 20,
  in_a_row: 2,
  usual: { times: 3, windows: 12 },
  effect: 'alert',
  service: '',
  environment: 'prod',
}

function backtest(now: number): DetectorBacktest {
  const sentence =
    'Failed requests of checkout: 42 in 5 min to 02:35 UTC, at least 20, 2 windows in a row'
  const firing = {
    at: now - 120 * MINUTE_MS,
    started_at: now - 130 * MINUTE_MS,
    ended_at: now - 90 * MINUTE_MS,
    service: 'checkout',
    environment: 'prod',
    name: '',
    value: 42,
    usual: 4.2,
    peak: 61,
    sentence,
    incident: null,
  }
  return {
    id: 'a1',
    spec: SPEC,
    at: now - 3 * MINUTE_MS,
    actor: 'ann',
    from: now - DAY_MS,
    to: now,
    windows: 288,
    windows_failed: 0,
    problem: '',
    events: 182_400,
    firings: [firing],
    firings_total: 1,
    per_day: 1,
    incidents: 3,
    incidents_met: 1,
    firings_met: 1,
    warned: { within_min: 30, hits: 1, during: 0, precision: 1, lead_min: 4 },
    series: Array.from({ length: 96 }, (_, index) => ({
      at: now - DAY_MS + index * 15 * MINUTE_MS,
      value: index > 86 && index < 91 ? 42 : (index * 7) % 9,
    })),
  }
}

/** One that is on and fired, one that is off, as the platform's own is at first. */
export function detectors(now: number): DetectorView[] {
  const shared = { actor: 'ann', at: now - DAY_MS, looked_at: now - MINUTE_MS, problem: '' }
  return [
    {
      ...shared,
      id: 'a1',
      name: 'Failed requests',
      spec: SPEC,
      active: true,
      built_in: false,
      experimental: false,
      backtest: backtest(now),
      fired_total: 3,
      fired_at: now - 120 * MINUTE_MS,
    },
    {
      ...shared,
      id: 'early-warning',
      name: 'Failures rise',
      spec: { ...SPEC, window_min: 1, value: 3, effect: 'warn' },
      active: false,
      built_in: true,
      experimental: true,
      backtest: null,
      fired_total: 0,
      fired_at: 0,
    },
  ]
}

export function warnings(now: number): WarningView[] {
  return [
    {
      detection_id: 'w1',
      at: now - 20 * MINUTE_MS,
      service: 'checkout',
      environment: 'prod',
      detector: 'early-warning',
      value: 4,
      sentence:
        'Early warning (experimental): Failures rise of checkout: 4 in 1 min to 02:35 UTC, at least 3',
    },
  ]
}
