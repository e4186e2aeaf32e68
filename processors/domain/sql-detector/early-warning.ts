import type { DetectorSpec } from '#/schemas/detector-view.ts'

/** The detector every project has, switched off: errors of a service rise, before that is an incident. */
export const EARLY_WARNING_ID = 'early-warning'
export const EARLY_WARNING_NAME = 'Failures rise'

/**
 * Errors and failed requests of each service, minute by minute. Three in each of two minutes, and at least twice the
 * mean of the half hour before: far less evidence than an incident takes, so it comes earlier and is wrong more often.
 */
export const EARLY_WARNING: DetectorSpec = {
  sql: "SELECT service, environment, countIf(event_type = 'error' OR status_code >= 500) AS value FROM events GROUP BY service, environment",
  window_min: 1,
  sign: '>=',
  value: 3,
  in_a_row: 2,
  usual: { times: 2, windows: 30 },
  effect: 'warn',
  service: '',
  environment: 'prod',
}
