import { found, readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { createMinuteLimit } from '#/api/minute-limit.ts'
import { oneOf, text, wholeNumber, wrong } from '#/api/params.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { AiDesk } from '#/processors/ai/desk.ts'
import { hasRole } from '#/schemas/principal.ts'
import { QUESTION_CHARS_MAX } from '#/processors/domain/ai-ask/question.ts'
import type { AiNotesDesk } from './notes-desk.ts'

/** Given together: what answers, and what people say about it. */
export interface AiParts {
  desk: AiDesk
  notes: AiNotesDesk
}

const type = 'application/json'
const object = { type: 'object' } as const
const ok = (about: string) => ({ status: 200, type, about, schema: object })
const jsonBody = (about: string) => ({ about, types: [type], schema: object })
const NOTE_CHARS_MAX = 2_000
const MUTE_MINUTES_MAX = 7 * 24 * 60
const YES_NO = ['no', 'yes'] as const

const actorOf = ({ principal, key }: Call): string =>
  principal?.name ?? (key === undefined ? 'operator' : `key:${key.name}`)

/** Everything around the language model, and what needs none: questions, suggestions, knowledge. */
export function aiRoutes(deps: AppDeps): readonly Route[] {
  const { ai } = deps
  if (ai === undefined) return []
  return [
    ...stateRoutes(ai),
    ...summaryRoutes(deps, ai),
    ...formerPostMortemRoutes(),
    ...askRoutes(deps, ai),
    ...suggestionRoutes(ai),
  ]
}

function stateRoutes({ desk }: AiParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/ai/health',
      tag: 'ai',
      summary: 'Whether a model is configured and asked, its jobs and its circuit breaker.',
      access: 'read',
      query: {},
      answer: ok('How the AI part is.'),
      handle: () => desk.health(),
    }),
    route({
      method: 'GET',
      path: '/api/ai/metrics',
      tag: 'ai',
      summary: 'What models cost the project today (UTC), against its budget.',
      access: 'read',
      query: {},
      answer: ok('Calls, tokens, money, fallbacks.'),
      handle: ({ project }) => desk.metrics(project),
    }),
    route({
      method: 'GET',
      path: '/api/ai/circuit-breaker',
      tag: 'ai',
      summary: 'The state of the circuit breaker.',
      access: 'read',
      query: {},
      answer: ok('The circuit breaker.'),
      handle: () => desk.breaker(),
    }),
    route({
      method: 'POST',
      path: '/api/ai/circuit-breaker/reset',
      tag: 'ai',
      summary: 'Close the circuit breaker now.',
      access: 'admin',
      query: {},
      answer: ok('The circuit breaker.'),
      problems: ['conflict'],
      handle: (call) => desk.resetBreaker(actorOf(call)),
    }),
  ]
}

const id = (call: Call): string => call.path['incidentId'] ?? ''

function summaryRoutes({ reads }: AppDeps, { desk, notes }: AiParts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/ai/summarize/:incidentId',
      tag: 'ai',
      summary: 'Ask for a new summary; wishes about one incident become one job.',
      access: 'respond',
      query: {},
      answer: { status: 202, type, about: 'The job.', schema: object },
      problems: ['not_found', 'conflict'],
      handle: (call) =>
        desk.summarize({ project: call.project, id: id(call), actor: actorOf(call) }),
    }),
    route({
      method: 'POST',
      path: '/api/ai/rerun/:incidentId',
      tag: 'ai',
      summary:
        'Count the facts behind the summary again; sentences whose facts changed are marked.',
      access: 'read',
      query: {},
      answer: ok('Facts and sentences as they are now.'),
      problems: ['not_found'],
      handle: (call) => desk.rerun({ project: call.project, id: id(call) }),
    }),
    route({
      method: 'POST',
      path: '/api/ai/feedback/:incidentId',
      tag: 'ai',
      summary: 'Say whether the summary was useful or wrong.',
      access: 'respond',
      query: {},
      body: jsonBody('`useful` true or false, and a `note`.'),
      answer: ok('What was recorded.'),
      problems: ['invalid_json', 'invalid_request', 'not_found'],
      async handle(call) {
        const { useful, note = '' } = readObject(call)
        if (typeof useful !== 'boolean') throw wrong('useful', 'useful must be true or false.')
        if (typeof note !== 'string' || note.length > NOTE_CHARS_MAX)
          throw wrong('note', `note must be text of at most ${NOTE_CHARS_MAX} characters.`)
        const query = { project: call.project, id: id(call) }
        const { incident, summary } = found(
          await reads.incident(query),
          'incident of this id or number',
        )
        const { model = '', prompt_version: promptVersion = '' } = summary ?? {}
        const feedback = { useful, note: note.toWellFormed(), model, promptVersion }
        await notes.judge({
          project: call.project,
          incidentId: incident.id,
          actor: actorOf(call),
          ...feedback,
        })
        return { incident_id: incident.id, useful }
      },
    }),
  ]
}

/** Where the post-mortem was; it is one document now. */
function formerPostMortemRoutes(): readonly Route[] {
  return (['GET', 'POST'] as const).map((method) =>
    route({
      method,
      path: '/api/ai/post-mortem/:incidentId',
      tag: 'ai',
      summary: 'Leads to /api/incidents/:id/post-mortem.',
      access: method === 'GET' ? 'read' : 'respond',
      query: {},
      answer: { status: 308, type, about: '`location` is the one that stands.' },
      handle(call) {
        const location = `/api/incidents/${encodeURIComponent(id(call))}/post-mortem`
        void call.reply.code(308).header('location', location).send()
        return undefined
      },
    }),
  )
}

function askRoutes(deps: AppDeps, { desk }: AiParts): readonly Route[] {
  const checkRate = createMinuteLimit(deps, 'questions')
  return [
    route({
      method: 'POST',
      path: '/api/ai/ask',
      tag: 'ai',
      summary:
        'A question in words: common ones are typed queries, others go to the model when `use_model` is true.',
      access: 'read',
      query: {},
      body: jsonBody('`question`, and `use_model` (false when missing).'),
      answer: ok('The answer with its query, rows and time range.'),
      problems: [
        'forbidden',
        'invalid_json',
        'invalid_request',
        'conflict',
        'rate_limited',
        'query_too_heavy',
        'query_timeout',
      ],
      async handle(call) {
        const { question, use_model: useModel = false } = readObject(call)
        if (
          typeof question !== 'string' ||
          question.trim() === '' ||
          question.length > QUESTION_CHARS_MAX
        )
          throw wrong('question', `question must be text of 1 to ${QUESTION_CHARS_MAX} characters.`)
        if (typeof useModel !== 'boolean')
          throw wrong('use_model', 'use_model must be true or false.')
        // It costs money: where people are known, a responder asks.
        const mayAsk = call.principal === undefined || hasRole(call.principal, 'responder')
        if (useModel && !mayAsk)
          throw new FaultlineError('forbidden', 'A responder may ask the language model.', {
            path: 'use_model',
          })
        checkRate(call.key?.id ?? call.request.ip)
        const { project, nowMs } = call
        return desk.ask({ project, question: question.toWellFormed(), useModel, nowMs })
      },
    }),
    route({
      method: 'GET',
      path: '/api/knowledge',
      tag: 'ai',
      summary:
        'Solutions that people confirmed, with what did not help before; those that fit the words first.',
      access: 'read',
      query: {
        q: text('Words to look for; the newest when missing.', 200),
        limit: wholeNumber('How many.', { min: 1, max: 200, fallback: 50 }),
      },
      answer: ok('Solutions.'),
      handle: async ({ project, query: { q, limit } }) => ({
        items: await deps.reads.knowledge({ project, text: q, limit }),
        next: null,
      }),
    }),
  ]
}

function suggestionRoutes({ desk, notes }: AiParts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/ai/suggestions',
      tag: 'ai',
      summary:
        'What is worth looking at: at most one suggestion in five minutes unless asked for, none while muted.',
      access: 'read',
      query: { asked: oneOf('yes for all of them at once.', YES_NO, 'no') },
      answer: ok('Suggestions, the latest first.'),
      handle: ({ project, query: { asked } }) =>
        desk.suggestions({
          project,
          mutedUntil: notes.mutedUntil(project),
          asked: asked === 'yes',
        }),
    }),
    route({
      method: 'POST',
      path: '/api/ai/suggestions/mute',
      tag: 'ai',
      summary: 'No suggestions for a while; 0 minutes ends it.',
      access: 'respond',
      query: {},
      body: jsonBody(`\`minutes\`, 0 to ${MUTE_MINUTES_MAX}.`),
      answer: ok('Until when.'),
      problems: ['invalid_json', 'invalid_request'],
      async handle(call) {
        const { minutes } = readObject(call)
        if (typeof minutes !== 'number' || !(minutes >= 0) || minutes > MUTE_MINUTES_MAX)
          throw wrong('minutes', `minutes must be a number from 0 to ${MUTE_MINUTES_MAX}.`)
        const until = Math.round(call.nowMs + minutes * 60_000)
        await notes.mute({ project: call.project, until, actor: actorOf(call) })
        return { muted_until: minutes === 0 ? null : until }
      },
    }),
  ]
}
