import { readObject } from '#/api/answer.ts'
import { wrong } from '#/api/params.ts'
import type { Operations } from '#/api/ports.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import { operatorRoute } from './operator-route.ts'

const LEVEL_MAX = 5

/** A setting of the rules over recorded telemetry: pages against missed incidents. */
export function sweepRoutes(operations: Operations): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/sweep',
      summary: 'The current or last sweep of a setting over recorded telemetry.',
      handle: () => operations.sweepState(),
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/sweep',
      summary: 'Run recorded telemetry through several values of a setting, against labels.',
      status: 202,
      hasBody: true,
      handle: startSweep(operations),
    }),
    operatorRoute({
      method: 'DELETE',
      path: '/api/operator/sweep',
      summary: 'Cancel the sweep that runs.',
      handle: () => operations.cancelSweep(),
    }),
    route({
      method: 'GET',
      path: '/api/sweeps',
      tag: 'incidents',
      summary: 'The last sweep of this project, since this process began.',
      access: 'read',
      query: {},
      answer: {
        status: 200,
        type: 'application/json',
        about: 'One at most.',
        schema: { type: 'object' },
      },
      problems: [],
      handle({ project }) {
        const state = operations.sweepState()
        return { items: state.project === project ? [state] : [], next: null }
      },
    }),
  ]
}

function startSweep(operations: Operations) {
  return (call: Call) => {
    const body = readObject(call)
    const {
      project = 'default',
      setting = 'evidence',
      values,
      from,
      to,
      history_min = 1440,
      page_level = 3,
    } = body
    if (typeof project !== 'string') throw wrong('project', 'project must be text.')
    for (const [name, value] of Object.entries({ from, to, history_min, page_level }))
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
        throw wrong(name, `${name} must be a number from 0.`)
    if (!Number.isInteger(page_level) || Number(page_level) < 1 || Number(page_level) > LEVEL_MAX)
      throw wrong('page_level', `page_level must be a whole number from 1 to ${LEVEL_MAX}.`)
    return operations.startSweep({
      project,
      setting,
      values,
      from: Number(from),
      to: Number(to),
      history_min: Number(history_min),
      page_level: Number(page_level),
    })
  }
}
