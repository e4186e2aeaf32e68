import { describe, expect, it } from 'vitest'
import { headlineOf, trendOf } from './headline.ts'
import type { DeployView, IncidentRow } from './view.ts'

describe('the headline', () => {
  const noonMs = Date.UTC(2026, 0, 5, 12)
  const about = { hasData: true, nowMs: noonMs, deploys: [] }
  const worst: IncidentRow = {
    id: 'i',
    number: 1,
    project: 'shop',
    status: 'open',
    title: 'TimeoutError: no answer in <*> ms',
    severity: 1,
    severity_score: 90,
    opened_at: noonMs - 600_000,
    updated_at: noonMs - 30_000,
    resolved_at: null,
    services: ['checkout', 'gateway', 'web'],
    fingerprints: [],
    events: 10,
    users: 1200,
    root: 'checkout',
    suspect_deploy: '',
    regressed: false,
    flapping: false,
    silenced: false,
    spark: [0, 0, 0, 0, 9, 20],
  }

  it('says what is worst and whether it gets worse', () => {
    expect(headlineOf([], about)).toBe('All quiet: no open incident.')
    expect(headlineOf([], { ...about, hasData: false })).toContain('No telemetry')
    expect(trendOf([0, 0, 0, 0, 9, 20])).toBe('rising')
    expect(trendOf([0, 0, 30, 9, 1, 0])).toBe('falling')
    expect(trendOf([5, 5, 5, 5, 5, 5])).toBe('steady')
    expect(headlineOf([worst, worst], about)).toBe(
      'SEV1: TimeoutError: no answer in … ms in checkout, gateway and 1 more, about 1,200 users affected, and it is getting worse. 1 more incident is open.',
    )
    // The list holds the twenty worst; the sentence counts them all.
    expect(headlineOf([worst, worst], { ...about, open: 31 })).toContain(
      '30 more incidents are open.',
    )
  })

  it('is about the last minutes: what was long ago is no trend, and what stopped is quiet', () => {
    const over = Array.from({ length: 30 }, (_, slot) => (slot > 14 && slot < 21 ? 50 : 0))
    expect(trendOf(over)).toBe('steady')
    const stopped = { ...worst, updated_at: noonMs - 3 * 60_000 }
    expect(headlineOf([stopped], about)).toContain('and it has been quiet for 3 min.')
    const since = { ...worst, updated_at: noonMs - 130 * 60_000 }
    expect(headlineOf([since], about)).toContain('and it has been quiet for 2 h.')
  })

  it('[C15] names the suspected release, and no service twice', () => {
    const title = 'checkout and 2 more services: TimeoutError'
    const deploy = { deploy_id: 'd1', service: 'checkout', release: 'v2' } as DeployView
    expect(
      headlineOf([{ ...worst, title, suspect_deploy: 'd1' }], { ...about, deploys: [deploy] }),
    ).toContain(`SEV1: ${title} since checkout v2, about`)
    expect(headlineOf([{ ...worst, suspect_deploy: 'gone' }], about)).not.toContain('since')
  })
})
