import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { optionalText, wholeNumber } from '#/api/grouping-body.ts'
import { time as timeParam, wholeNumber as whole, wrong } from '#/api/params.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import { DETECTOR_LIMITS, readSpec } from '#/processors/domain/sql-detector/spec.ts'
import { parseTime } from '#/schemas/event-input-time.ts'
import type { DetectorSpec } from '#/schemas/detector-view.ts'
import type { DetectorDesk } from './desk.ts'
import { warningsOf } from './warnings.ts'

const type = 'application/json'
const DAY_MS = 86_400_000
const DAYS_MAX = 30
const BACKTEST_FIELDS = new Set(['id', 'name', 'detector', 'days', 'from', 'to'])
const SAVE_FIELDS = new Set(['name', 'detector'])
const answer = (about: string, status = 200) => ({
  status,
  type,
  about,
  schema: { type: 'object' },
})

/** Detectors of the team, their back-tests, and what experimental ones warn of. */
export function detectorRoutes(deps: AppDeps): readonly Route[] {
  const { detectors } = deps
  if (detectors === undefined) return []
  return [...listRoutes(deps, detectors), ...backtestRoutes(detectors), ...changeRoutes(detectors)]
}

function listRoutes({ reads }: AppDeps, detectors: DetectorDesk): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/detectors',
      tag: 'detectors',
      summary: 'Detectors that are a SELECT, each with the last back-test of exactly its text.',
      access: 'read',
      query: {},
      answer: answer('Detectors, newest first; the early warning at the end.'),
      handle: ({ project }) => ({ items: detectors.list(project), next: null }),
    }),
    route({
      method: 'GET',
      path: '/api/warnings',
      tag: 'detectors',
      summary: 'What experimental detectors warned of: no incident, and nobody was told.',
      access: 'read',
      query: {
        from: timeParam('The earliest.', (nowMs) => nowMs - DAY_MS),
        to: timeParam('The latest.', (nowMs) => nowMs),
        limit: whole('How many.', { min: 1, max: 200, fallback: 50 }),
      },
      answer: answer('Warnings, newest first.'),
      handle: async ({ project, query }) => ({
        items: await warningsOf(reads, { project, ...query }),
        next: null,
      }),
    }),
  ]
}

function backtestRoutes(detectors: DetectorDesk): readonly Route[] {
  const path = '/api/detectors/backtests'
  return [
    route({
      method: 'GET',
      path,
      tag: 'detectors',
      summary: 'The back-test that runs or ran last in this process, and those that are kept.',
      access: 'read',
      query: {},
      answer: answer('`state`, and `items`, newest first.'),
      handle: ({ project }) => ({
        state: detectors.backtestState(project),
        items: detectors.book.backtests(project),
        next: null,
      }),
    }),
    route({
      method: 'POST',
      path,
      tag: 'detectors',
      summary: 'Run a detector over recorded events: how often it would have fired, and when.',
      access: 'respond',
      query: {},
      body: {
        about:
          'A `detector` (or the `id` of one that is there), and `days` (7) or `from` and `to`. `name` stands in its sentences.',
        types: [type],
        schema: { type: 'object' },
      },
      answer: answer('It runs; ask again for how far it is.', 202),
      problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict'],
      handle(call) {
        const { project, nowMs } = call
        const body = readObject(call)
        refuseOthers(body, BACKTEST_FIELDS)
        const { name, spec } = testedOf(detectors, project, body)
        return detectors.startBacktest({
          project,
          name,
          spec,
          actor: actorOf(call),
          ...rangeOf(body, nowMs),
        })
      },
    }),
    route({
      method: 'DELETE',
      path,
      tag: 'detectors',
      summary: 'Cancel the back-test that runs.',
      access: 'respond',
      query: {},
      answer: answer('As it is now.'),
      handle: ({ project }) => detectors.cancelBacktest(project),
    }),
  ]
}

function changeRoutes(detectors: DetectorDesk): readonly Route[] {
  const turn = (to: 'on' | 'off', summary: string): Route =>
    route({
      method: 'POST',
      path: `/api/detectors/:id/${to}`,
      tag: 'detectors',
      summary,
      access: 'admin',
      query: {},
      answer: answer('The detector as it is now.'),
      problems: ['not_found', 'conflict', ...(to === 'on' ? (['backtest_missing'] as const) : [])],
      handle: (call) => detectors.turn(changeOf(call), to),
    })
  return [
    route({
      method: 'POST',
      path: '/api/detectors',
      tag: 'detectors',
      summary: 'Save a detector that was back-tested with exactly this text; it is off at first.',
      access: 'admin',
      query: {},
      body: {
        about:
          'A `name` and a `detector`: `sql`, `window_min`, `sign`, `value`, and where wanted `in_a_row`, `usual`, `effect`, `service`, `environment`.',
        types: [type],
        schema: { type: 'object' },
      },
      answer: answer('The detector.', 201),
      problems: ['invalid_json', 'invalid_request', 'conflict', 'backtest_missing'],
      handle(call) {
        const body = readObject(call)
        refuseOthers(body, SAVE_FIELDS)
        const name = nameOf(body)
        if (name === '') throw wrong('name', 'name must say what it looks for.')
        const spec = readSpec(body['detector'])
        return detectors.save({ project: call.project, name, spec, actor: actorOf(call) })
      },
    }),
    turn('on', 'Let it look at each window from now on.'),
    turn('off', 'Stop looking.'),
    route({
      method: 'DELETE',
      path: '/api/detectors/:id',
      tag: 'detectors',
      summary: 'Remove a detector.',
      access: 'admin',
      query: {},
      answer: answer('The detector as it was.'),
      problems: ['not_found', 'conflict'],
      handle: (call) => detectors.remove(changeOf(call)),
    }),
  ]
}

const changeOf = (call: Call) => ({
  project: call.project,
  id: call.path['id'] ?? '',
  actor: actorOf(call),
})

const actorOf = ({ key, principal }: Call): string =>
  key === undefined ? (principal?.name ?? 'operator') : `key:${key.name}`

type Body = Readonly<Record<string, unknown>>

function refuseOthers(body: Body, known: ReadonlySet<string>): void {
  for (const name of Object.keys(body))
    if (!known.has(name))
      throw wrong(
        name,
        `There is no field ${name.slice(0, 60)}.`,
        `Known ones: ${[...known].join(', ')}.`,
      )
}

function nameOf(body: Body): string {
  const name = optionalText(body, 'name').toWellFormed().trim()
  if (name.length <= DETECTOR_LIMITS.nameChars) return name
  throw wrong('name', `name has more than ${DETECTOR_LIMITS.nameChars} characters.`)
}

function testedOf(
  detectors: DetectorDesk,
  project: string,
  body: Body,
): { name: string; spec: DetectorSpec } {
  const id = optionalText(body, 'id')
  if (id === '') return { name: nameOf(body) || 'Detector', spec: readSpec(body['detector']) }
  if (body['detector'] !== undefined)
    throw wrong('id', 'Give either the id of a detector or a detector.')
  const known = detectors.book.find(project, id)
  if (known === undefined) throw wrong('id', `There is no detector ${id.slice(0, 64)}.`)
  return known
}

function rangeOf(body: Body, nowMs: number): { fromMs: number; toMs: number } {
  const toMs = body['to'] === undefined ? nowMs : timeOf(body, 'to')
  const days = wholeNumber(body, 'days', { fallback: 7, min: 1, max: DAYS_MAX })
  const fromMs = body['from'] === undefined ? toMs - days * DAY_MS : timeOf(body, 'from')
  if (fromMs >= toMs) throw wrong('from', 'from must be before to.')
  if (toMs > nowMs) throw wrong('to', 'to must not be later than now.')
  if (toMs - fromMs > DAYS_MAX * DAY_MS)
    throw wrong('from', `A back-test goes over ${DAYS_MAX} days at most.`)
  return { fromMs, toMs }
}

function timeOf(body: Body, name: string): number {
  const parsed = parseTime(body[name])
  if (parsed !== undefined) return parsed.ms
  throw wrong(name, `${name} must be a time.`, 'RFC 3339, or milliseconds since the epoch.')
}
