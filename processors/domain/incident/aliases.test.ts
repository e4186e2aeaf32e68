import { describe, expect, it } from 'vitest'
import { activity, alert, HOUR, MINUTE, T0 } from './detection-fixture.ts'
import { applyAll, watched } from './clusterer-fixture.ts'

const OLD = alert({
  service: 'mail-5',
  fingerprint: 'old',
  at: 0,
  message: 'no route 4',
  count: 30,
})
/** The same failure after its issue became part of another one. */
const NEW = alert({
  service: 'mail-5',
  fingerprint: 'new',
  at: 5 * MINUTE,
  message: 'no route 9',
  count: 12,
  extra: { aliases: ['old'] },
})
const { aliases: _, ...PLAIN } = NEW

describe('aliases in incidents', () => {
  it('[C11] the old and the new id are one member, with the past of both', () => {
    const clusterer = watched()
    applyAll(clusterer, [OLD, NEW])
    const [incident, ...others] = clusterer.openIncidents()
    expect(others).toEqual([])
    expect(incident?.members).toHaveLength(1)
    expect(incident?.members[0]).toMatchObject({ fingerprint: 'new', events: 42 })
    expect(incident?.members[0]?.firstAt).toBe(OLD.startedAtMs)
    expect(incident?.timeline.map(({ sentence }) => sentence).join(' ')).toContain('is part of')
    // Without being told they are two (negative control).
    const untold = watched()
    applyAll(untold, [OLD, PLAIN])
    expect(untold.openIncidents().flatMap(({ members }) => members)).toHaveLength(2)
  })

  it('[C11] an episode that began under the old id still counts', () => {
    const clusterer = watched()
    applyAll(clusterer, [OLD, NEW, activity(OLD, 0, 25), activity(OLD, 1, 25)])
    expect(clusterer.openIncidents()[0]?.members[0]?.events).toBe(92)
  })

  it('[C11] members of two open incidents make them one, which leaves a redirect', () => {
    const clusterer = watched()
    const far = alert({ service: 'mail-5', fingerprint: 'new', at: 2 * HOUR, message: 'x' })
    applyAll(clusterer, [OLD])
    for (let minute = 0; minute < 130; minute++) clusterer.apply(activity(OLD, minute, 3))
    clusterer.apply({ ...far, startedAtMs: T0 + 2 * HOUR })
    expect(clusterer.openIncidents()).toHaveLength(2)
    const changes = clusterer.apply({ ...activity(far, 1), aliases: ['old'] })
    expect(changes.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['merged', 'redirect']))
    const open = clusterer.openIncidents()
    expect(open.map(({ members }) => members.map(({ fingerprint }) => fingerprint))).toEqual([
      ['new'],
    ])
  })

  it('[C11] a resolved incident of the old id is what the new one regresses from', () => {
    const clusterer = watched()
    clusterer.apply(OLD)
    clusterer.advance(T0 + 6 * HOUR)
    expect(clusterer.openIncidents()).toEqual([])
    const later = alert({ service: 'mail-5', fingerprint: 'new', at: 7 * HOUR })
    const [id] = watched()
      .apply(OLD)
      .map(({ incident }) => incident.id)
    clusterer.apply({ ...later, aliases: ['old'] })
    const [incident] = clusterer.openIncidents()
    expect([incident?.id, incident?.recurrenceOf]).toContain(id)
  })

  it('[C11] what a person took apart stays apart', () => {
    const clusterer = watched()
    applyAll(clusterer, [OLD, PLAIN])
    const [incident] = clusterer.openIncidents()
    const [first] = incident!.members
    clusterer.applyAction({
      kind: 'split',
      incidentId: incident!.id,
      memberKeys: [first!.key],
      actor: 'ann',
      atMs: T0 + 6 * MINUTE,
    })
    clusterer.apply({ ...activity(NEW, 2), aliases: ['old'] })
    expect(clusterer.openIncidents()).toHaveLength(2)
  })
})
