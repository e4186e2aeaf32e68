import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import type { DrillDesk, DrillStart, SandboxDesk } from '#/api/drills.ts'
import { oneOf, wrong } from '#/api/params.ts'
import { jsonAnswer, jsonBody, route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { DRILL_LIMITS } from '#/processors/domain/drill/plan.ts'
import type { SandboxView } from '#/schemas/drill-view.ts'

const MARKDOWN = 'text/markdown; charset=utf-8'
const FIELDS = ['incident', 'speed', 'minutes', 'grace_s', 'answer']
const INCIDENT_CHARS_MAX = 200

/** Recorded outages played again to trainees; and, inside of a sandbox, what it is. */
export function drillRoutes({ drills, sandbox }: AppDeps): readonly Route[] {
  return [
    ...(drills === undefined ? [] : deskRoutes(drills)),
    ...(sandbox === undefined ? [] : sandboxRoutes(sandbox)),
  ]
}

function deskRoutes(drills: DrillDesk): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/drills',
      tag: 'incidents',
      summary: 'Play a recorded incident to trainees, in a sandbox of its own.',
      access: 'respond',
      query: {},
      body: jsonBody(
        '`incident` (id or number); `speed` 1 to 20; `minutes` of the record, else to its end; `grace_s`; `answer`: words by which naming the cause is noticed.',
      ),
      answer: jsonAnswer('The drill, while its sandbox is being opened.', 202),
      problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict'],
      handle: (call) => drills.start(startOf(call)),
    }),
    route({
      method: 'GET',
      path: '/api/drills',
      tag: 'incidents',
      summary: 'The drills of the project, newest first.',
      access: 'read',
      query: {},
      answer: jsonAnswer('All that are kept.'),
      handle: ({ project, nowMs }) => ({ items: drills.list(project), next: null, now: nowMs }),
    }),
    route({
      method: 'POST',
      path: '/api/drills/:id/end',
      tag: 'incidents',
      summary: 'End a drill; its report is there when this answers.',
      access: 'respond',
      query: {},
      answer: jsonAnswer('The drill.'),
      problems: ['not_found', 'conflict'],
      handle: (call) => drills.end({ project: call.project, id: idOf(call), by: callerOf(call) }),
    }),
    route({
      method: 'GET',
      path: '/api/drills/:id/report',
      tag: 'incidents',
      summary: 'The drill beside the real incident, computed from the two logs.',
      access: 'read',
      query: { format: oneOf('JSON or Markdown.', ['json', 'md'] as const, 'json') },
      answer: jsonAnswer('`report`, the same as `markdown`, and `head`, the hash of its record.'),
      otherAnswers: [{ status: 200, about: '', type: MARKDOWN }],
      problems: ['not_found', 'conflict'],
      handle(call) {
        const file = drills.report(call.project, idOf(call))
        if (call.query.format === 'json') return file
        void call.reply
          .header('content-type', MARKDOWN)
          .header('cache-control', 'no-store')
          .send(file.markdown)
        return undefined
      },
    }),
  ]
}

function sandboxRoutes(sandbox: SandboxDesk): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/drill',
      tag: 'incidents',
      summary: 'In a sandbox: the drill it is for.',
      access: 'read',
      query: {},
      answer: jsonAnswer('The drill, and where the platform itself is.'),
      problems: ['not_found'],
      handle: (call) => viewOf(sandbox, call),
    }),
    route({
      method: 'POST',
      path: '/api/drill/end',
      tag: 'incidents',
      summary: 'In a sandbox: end the drill.',
      access: 'respond',
      query: {},
      answer: jsonAnswer('The drill; the sandbox is gone a moment later.'),
      problems: ['not_found', 'conflict'],
      handle(call) {
        viewOf(sandbox, call)
        return sandbox.end(callerOf(call))
      },
    }),
  ]
}

/** Who sees another project hears nothing of this one. */
function viewOf(sandbox: SandboxDesk, { project }: Call): SandboxView {
  const view = sandbox.view()
  if (view.drill.project === project) return view
  throw new FaultlineError('not_found', 'This sandbox is of another project.')
}

function callerOf({ principal }: Call): string {
  return principal === undefined || principal.kind === 'owner' ? 'the operator' : principal.name
}

function idOf({ path }: Call): number {
  const id = path['id'] ?? ''
  if (!/^\d{1,9}$/.test(id)) throw wrong('id', 'The id of a drill is a number.', 'See /api/drills.')
  return Number(id)
}

function startOf(call: Call): DrillStart {
  const body = readObject(call)
  const unknown = Object.keys(body).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined)
    throw wrong(
      unknown.slice(0, 60),
      `There is no field ${unknown.slice(0, 60)}.`,
      `Known ones: ${FIELDS.join(', ')}.`,
    )
  const { incident } = body
  if ((typeof incident !== 'string' && typeof incident !== 'number') || incident === '')
    throw wrong('incident', 'incident must be an id or a number.', 'See /api/incidents.')
  if (String(incident).length > INCIDENT_CHARS_MAX)
    throw wrong('incident', `incident has more than ${INCIDENT_CHARS_MAX} characters.`)
  const { speed, minutes, graceS } = DRILL_LIMITS
  return {
    project: call.project,
    by: callerOf(call),
    incident: String(incident),
    speed: wholeIn(body, 'speed', speed) ?? speed.fallback,
    minutes: wholeIn(body, 'minutes', minutes),
    grace_s: wholeIn(body, 'grace_s', graceS) ?? graceS.fallback,
    answer: answerOf(body['answer'] ?? []),
  }
}

/** Null when it is not there. */
function wholeIn(
  body: Record<string, unknown>,
  name: string,
  { min, max }: { min: number; max: number },
): number | null {
  const value = body[name] ?? null
  if (value === null) return null
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value)
  throw wrong(name, `${name} must be a whole number from ${min} to ${max}.`)
}

function answerOf(value: unknown): string[] {
  const { answerTerms, answerChars } = DRILL_LIMITS
  const terms: unknown[] = Array.isArray(value) ? value : [value]
  if (terms.length > answerTerms) throw wrong('answer', `answer has at most ${answerTerms} words.`)
  return terms.map((term, at) => {
    if (typeof term === 'string' && /[\p{L}\p{N}]/u.test(term) && term.length <= answerChars)
      return term
    throw wrong(`answer[${at}]`, `answer takes text of 1 to ${answerChars} characters with a word.`)
  })
}
