import type { ChangesView, ServiceGraphView } from '#lib/contract.ts'
import { serviceRows } from './answers.ts'
import { rangeOf, type Asked } from './params.ts'
import { HOUR, type World } from './world.ts'

export function changesAnswer(asked: Asked): ChangesView {
  const { from, to } = rangeOf(asked)
  const changes = [
    ['release', 'v412', 700, 0, 0.86, 0],
    ['attributes.region', 'eu-west-1', 512, 180, 0.63, 0.17],
    ['error_type', 'TimeoutError', 470, 40, 0.58, 0.04],
    ['host', 'payments-2', 431, 160, 0.53, 0.16],
    ['route', '/checkout/<script>', 300, 110, 0.37, 0.11],
  ] as const
  return {
    from,
    to,
    before_from: from - HOUR,
    before_to: from,
    events: 812,
    events_before: 1040,
    changes: changes.map(([field, value, events, eventsBefore, share, shareBefore]) => ({
      field,
      value,
      events,
      events_before: eventsBefore,
      share,
      share_before: shareBefore,
      lift: shareBefore === 0 ? null : share / shareBefore,
    })),
  }
}

const CALLS = [
  ['edge', 'checkout'],
  ['edge', 'search'],
  ['edge', 'identity'],
  ['checkout', 'payments'],
  ['checkout', 'catalog'],
  ['payments', 'ledger'],
  ['payments', 'api.partner.example'],
  ['identity', 'mailer'],
] as const

export function graphAnswer(world: World): ServiceGraphView {
  const nodes = serviceRows(world).map((row) => ({ ...row, external: false }))
  const none = { events: 0, errors: 0, requests: 0, error_rate: null, open_incidents: 0 }
  return {
    nodes: [...nodes, { service: 'api.partner.example', ...none, external: true }],
    edges: CALLS.map(([caller, callee], index) => ({
      caller,
      callee,
      calls: index === 6 ? 0 : 900 - index * 90,
      errors: index === 3 ? 120 : 0,
      declared: true,
    })),
  }
}
