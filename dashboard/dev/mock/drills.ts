import type { DrillCard, DrillMoment, DrillReport, DrillView } from '#lib/contract.ts'

const MINUTE_MS = 60_000

/** One that runs, one with a report, one that failed. */
export function drills(now: number): DrillView[] {
  const began = now - 4 * MINUTE_MS
  const playing: DrillView = {
    id: 3,
    project: 'default',
    incident_id: 'i-140',
    incident_number: 140,
    title: 'checkout and payments: TimeoutError',
    state: 'playing',
    speed: 5,
    lead_from: now - 900 * MINUTE_MS,
    from: now - 600 * MINUTE_MS,
    to: now - 550 * MINUTE_MS,
    events: 18_400,
    played: 7_215,
    started_by: 'Ann Lee',
    started_at: began,
    played_at: began + 10 * MINUTE_MS,
    closes_at: began + 20 * MINUTE_MS,
    ended_at: 0,
    why: '',
    port: 4_310,
    url: '',
  }
  return [
    playing,
    {
      ...playing,
      id: 2,
      state: 'ended',
      played: playing.events,
      ended_at: began - MINUTE_MS,
      why: 'Ended by Ann Lee.',
      port: 0,
    },
    {
      ...playing,
      id: 1,
      state: 'failed',
      started_at: 0,
      why: 'The platform stopped while it was being prepared.',
      port: 0,
    },
  ]
}

const card = (title: string, by: string): DrillCard => ({
  kind: 'hypothesis',
  title,
  by,
  state: 'proposed',
})

export function drillReport(now: number): DrillReport {
  const [, drill] = drills(now)
  const moment = (seconds: number, by: string, what: string): DrillMoment => ({
    at: now,
    after: seconds * 1000,
    story: seconds * 5000,
    by,
    what,
  })
  return {
    drill: drill!,
    answer: ['v2.4.1'],
    began: { recorded: drill!.from + MINUTE_MS, drill: drill!.started_at + MINUTE_MS / 5 },
    milestones: [
      {
        key: 'noticed',
        name: 'Noticed',
        recorded: moment(40, '', 'opened by the platform'),
        drill: moment(8, '', 'opened by the platform'),
      },
      {
        key: 'cause_named',
        name: 'Cause named',
        recorded: moment(900, 'Ben Ode', 'card'),
        drill: moment(170, 'Ann Lee', 'note'),
      },
      {
        key: 'resolved',
        name: 'Resolved',
        recorded: moment(2_400, 'Ben Ode', 'resolved'),
        drill: null,
      },
    ],
    statuses: {
      recorded: [moment(40, '', 'open'), moment(2_400, 'Ben Ode', 'resolved')],
      drill: [],
    },
    people: { recorded: ['Ben Ode'], drill: ['Ann Lee', 'Cy Wu'] },
    changes: { recorded: 31, drill: 12 },
    cards: {
      both: [
        {
          recorded: card('v2.4.1 leaks connections', 'Ben Ode'),
          drill: card('release v2.4.1 leaks connections', 'Ann Lee'),
          alike: 0.75,
        },
      ],
      only_recorded: [card('the pool is too small', 'Ben Ode')],
      only_drill: [],
    },
    links: {
      both: [],
      only_recorded: [{ kind: 'supports', from: 'errors rise', to: 'v2.4.1 leaks connections' }],
      only_drill: [],
    },
    rooms: [{ id: 'i-1', number: 1, title: 'checkout: TimeoutError', changes: 12, compared: true }],
    events: { recorded: 18_400, played: 18_400, kept: 18_399 },
  }
}
