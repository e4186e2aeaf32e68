import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { SCOPES } from '#/api/keys.ts'
import type { Scope } from '#/api/keys.ts'
import { wrong } from '#/api/params.ts'
import type { Operations, ReplayWish } from '#/api/ports.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { noteOf } from './keys.ts'
import { operatorRoute } from './operator-route.ts'
import { sweepRoutes } from './sweep.ts'

const type = 'application/json'
const LISTED_MAX = 1000

/** What the command line asks of a running platform: for whoever can read the token in its data folder. */
export function operatorRoutes(deps: AppDeps): readonly Route[] {
  const { operations } = deps
  if (operations === undefined) return []
  return [
    ...operatorKeyRoutes(deps),
    ...replayRoutes(operations),
    ...diffRoutes(operations),
    ...sweepRoutes(operations),
    ...explainRoutes(operations),
    ...snapshotRoutes(operations),
    ...deadLetterRoutes(operations),
  ]
}

function operatorKeyRoutes({ keys, audit }: AppDeps): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/keys',
      summary: 'Keys and projects of the whole platform.',
      handle: () => ({ keys: keys.listKeys(), projects: keys.listProjects() }),
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/keys',
      tellsTrail: true,
      summary: 'Create a key, and its project where it is new.',
      status: 201,
      hasBody: true,
      async handle(call: Call) {
        const { project = 'default', name = '', scopes = ['ingest'] } = readObject(call)
        if (typeof project !== 'string') throw wrong('project', 'project must be text.')
        if (typeof name !== 'string') throw wrong('name', 'name must be text.')
        if (!Array.isArray(scopes) || !scopes.every((scope) => SCOPES.includes(scope as Scope)))
          throw wrong('scopes', `scopes must be a list of ${SCOPES.join(', ')}.`)
        const actor = call.principal?.id ?? ''
        await keys.ensureProject({ id: project, name: project, actor })
        const made = await keys.createKey({ project, name, scopes: scopes as Scope[], actor })
        await audit?.record(noteOf('key.create', made.info, actor))
        return made
      },
    }),
    operatorRoute({
      method: 'DELETE',
      path: '/api/operator/keys/:id',
      tellsTrail: true,
      summary: 'Revoke a key of any project.',
      async handle({ path, principal }) {
        const actor = principal?.id ?? ''
        const revoked = await keys.revokeKey({ id: path['id'] ?? '', actor })
        await audit?.record(noteOf('key.revoke', revoked, actor))
        return revoked
      },
    }),
  ]
}

function resetToOf(value: unknown): ReplayWish['resetTo'] {
  if (value === 'earliest') return 'earliest'
  if (typeof value === 'object' && value !== null) {
    if ('offset' in value && Number.isSafeInteger(value.offset) && Number(value.offset) >= 0)
      return { offset: Number(value.offset) }
    if ('timeMs' in value && Number.isFinite(value.timeMs)) return { timeMs: Number(value.timeMs) }
  }
  throw wrong('resetTo', 'resetTo must be "earliest", {"offset": number} or {"timeMs": number}.')
}

function replayRoutes(operations: Operations): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/replay',
      summary: 'The current or last replay.',
      handle: () => operations.replayState(),
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/replay',
      summary: 'Start a replay of a group and everything behind it.',
      status: 202,
      hasBody: true,
      handle(call: Call) {
        const { group, resetTo } = readObject(call)
        if (typeof group !== 'string' || group === '')
          throw wrong('group', 'group must name a consumer group.')
        return operations.startReplay({ group, resetTo: resetToOf(resetTo) })
      },
    }),
    operatorRoute({
      method: 'DELETE',
      path: '/api/operator/replay',
      summary: 'Cancel the replay that runs; with {"keep": true} what is done stays to be resumed.',
      hasBody: true,
      handle(call: Call) {
        const body = call.request.body as Buffer | undefined
        const { keep = false } = body === undefined || body.length === 0 ? {} : readObject(call)
        if (typeof keep !== 'boolean') throw wrong('keep', 'keep must be true or false.')
        return operations.cancelReplay({ keep })
      },
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/replay/resume',
      summary: 'Go on with a replay that was cancelled and kept.',
      status: 202,
      handle: () => operations.resumeReplay(),
    }),
  ]
}

function snapshotRoutes(operations: Operations): readonly Route[] {
  const path = '/api/operator/snapshot'
  return [
    operatorRoute({
      method: 'POST',
      path,
      summary: 'Take a snapshot of the log into the data folder, for `faultline backup` to copy.',
      status: 201,
      handle: () => operations.takeSnapshot(),
    }),
    operatorRoute({
      method: 'DELETE',
      path,
      summary: 'Remove the snapshot of the log.',
      async handle() {
        await operations.dropSnapshot()
        return { dropped: true }
      },
    }),
  ]
}

function diffRoutes(operations: Operations): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/replay-diff',
      summary: 'The current or last comparison of incidents under changed rules.',
      handle: () => operations.diffState(),
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/replay-diff',
      summary: 'Run recorded telemetry through changed rules and compare the incidents.',
      status: 202,
      hasBody: true,
      handle(call: Call) {
        const {
          project = 'default',
          rules = {},
          without = [],
          from,
          to,
          history_min = 1440,
        } = readObject(call)
        if (typeof project !== 'string') throw wrong('project', 'project must be text.')
        if (!Array.isArray(without) || !without.every((one) => typeof one === 'string'))
          throw wrong('without', 'without must be a list of field=value.')
        for (const [name, value] of Object.entries({ from, to, history_min }))
          if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
            throw wrong(name, `${name} must be a number from 0.`)
        return operations.startDiff({
          project,
          rules,
          without,
          from: Number(from),
          to: Number(to),
          history_min: Number(history_min),
        })
      },
    }),
    route({
      method: 'GET',
      path: '/api/replay-diffs',
      tag: 'incidents',
      summary: 'Comparisons of incidents under changed rules that have ended, newest first.',
      access: 'read',
      query: {},
      answer: {
        status: 200,
        type,
        about: 'At most twenty, whichever process compared.',
        schema: { type: 'object' },
      },
      problems: [],
      handle: ({ project }) => ({ items: operations.diffs(project), next: null }),
    }),
    operatorRoute({
      method: 'DELETE',
      path: '/api/operator/replay-diff',
      summary: 'Cancel the comparison that runs.',
      handle: () => operations.cancelDiff(),
    }),
  ]
}

function explainRoutes(operations: Operations): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/explain/:project/:id',
      summary: 'How an incident or an event of any project came to be what it is.',
      handle: ({ path }) =>
        operations.explain({ project: path['project'] ?? '', id: path['id'] ?? '' }),
    }),
    route({
      method: 'GET',
      path: '/api/explain/:id',
      tag: 'incidents',
      summary: 'How an incident or an event came to be what it is, from what was recorded.',
      access: 'read',
      query: {},
      answer: { status: 200, type, about: 'Steps with facts.', schema: { type: 'object' } },
      problems: ['not_found'],
      handle: ({ path, project }) => operations.explain({ project, id: path['id'] ?? '' }),
    }),
    operatorRoute({
      method: 'GET',
      path: '/api/operator/verify',
      summary: 'The current or last check.',
      handle: () => operations.verifyState(),
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/verify',
      summary: 'Run the log again and compare what is stored about an incident or an event.',
      status: 202,
      hasBody: true,
      handle(call: Call) {
        const { project = 'default', id } = readObject(call)
        if (typeof project !== 'string') throw wrong('project', 'project must be text.')
        if (typeof id !== 'string' || id === '') throw wrong('id', 'id must be text.')
        return operations.startVerify({ project, id })
      },
    }),
    operatorRoute({
      method: 'DELETE',
      path: '/api/operator/verify',
      summary: 'Cancel the check that runs.',
      handle: () => operations.cancelVerify(),
    }),
  ]
}

function deadLetterRoutes(operations: Operations): readonly Route[] {
  return [
    operatorRoute({
      method: 'GET',
      path: '/api/operator/dead-letters',
      summary: 'Dead letters, newest first.',
      handle: async () => ({ items: await operations.deadLetters(LISTED_MAX), next: null }),
    }),
    operatorRoute({
      method: 'GET',
      path: '/api/operator/dead-letters/:id',
      summary: 'One dead letter with its bytes.',
      async handle({ path }) {
        const found = await operations.deadLetter(Number(path['id']))
        if (found === null) throw new FaultlineError('not_found', 'There is no such dead letter.')
        return found
      },
    }),
    operatorRoute({
      method: 'POST',
      path: '/api/operator/dead-letters/redrive',
      summary: 'Put dead letters back where they came from.',
      hasBody: true,
      handle(call: Call) {
        const { ids = [] } = readObject(call)
        if (!Array.isArray(ids) || !ids.every((id) => Number.isSafeInteger(id)))
          throw wrong('ids', 'ids must be a list of whole numbers.')
        return operations.redrive(ids as number[])
      },
    }),
  ]
}
