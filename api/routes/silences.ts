import { readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { optionalText, reasonOf } from '#/api/grouping-body.ts'
import { wrong } from '#/api/params.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import type { SilenceWish } from '#/api/silence-desk.ts'
import type { KeptSilence } from '#/processors/domain/incident/silence-entry.ts'
import { SILENCE_FIELDS, type SilenceMatch } from '#/processors/domain/incident/silence.ts'
import { parseTime } from '#/schemas/event-input-time.ts'

const type = 'application/json'
const GLOB_CHARS_MAX = 200
/** What is silenced for longer is forgotten: it is written anew, or the issue is resolved for good. */
const DAYS_MAX = 90
const DAY_MS = 86_400_000
const KNOWN = new Set<string>([...SILENCE_FIELDS, 'from', 'until', 'reason'])

/** Silences and maintenance windows. */
export function silenceRoutes({ silences, clock }: AppDeps): readonly Route[] {
  if (silences === undefined) return []
  const answer = { type, schema: { type: 'object' } }
  return [
    route({
      method: 'GET',
      path: '/api/silences',
      tag: 'silences',
      summary: 'Silences and maintenance windows, newest first; ended ones for 90 days.',
      access: 'read',
      query: {},
      answer: { ...answer, status: 200, about: 'Silences.' },
      handle: ({ project }) => ({
        items: silences.list(project).map((kept) => viewOf(kept, clock.nowMs())),
        next: null,
      }),
    }),
    route({
      method: 'POST',
      path: '/api/silences',
      tag: 'silences',
      summary:
        'Mute what matches until a moment: it still counts and is shown, nobody is notified.',
      access: 'admin',
      query: {},
      body: {
        about:
          'Globs for `service`, `fingerprint`, `environment` (all that are given must match), `until`, `from` (now when missing) and a `reason`.',
        types: [type],
        schema: { type: 'object' },
      },
      answer: { ...answer, status: 201, about: 'The silence.' },
      problems: ['invalid_json', 'invalid_request', 'conflict'],
      handle: async (call) =>
        viewOf(await silences.add(wishOf(call, clock.nowMs())), clock.nowMs()),
    }),
    route({
      method: 'DELETE',
      path: '/api/silences/:id',
      tag: 'silences',
      summary: 'End a silence now.',
      access: 'admin',
      query: {},
      answer: { ...answer, status: 200, about: 'The silence as it is now.' },
      problems: ['not_found', 'conflict'],
      async handle(call) {
        const id = call.path['id'] ?? ''
        const wish = { project: call.project, id, actor: actorOf(call) }
        return viewOf(await silences.remove(wish), clock.nowMs())
      },
    }),
  ]
}

const actorOf = ({ key, principal }: Call): string =>
  key === undefined ? (principal?.name ?? 'operator') : `key:${key.name}`

function viewOf({ silence, removed }: KeptSilence, nowMs: number): object {
  const { project: _, ...rest } = silence
  return { ...rest, state: stateOf(silence, removed !== null, nowMs), removed }
}

function stateOf(
  { from, until }: KeptSilence['silence'],
  isRemoved: boolean,
  nowMs: number,
): 'removed' | 'ended' | 'planned' | 'active' {
  if (isRemoved) return 'removed'
  if (nowMs >= until) return 'ended'
  return nowMs < from ? 'planned' : 'active'
}

function wishOf(call: Call, nowMs: number): SilenceWish {
  const body = readObject(call)
  for (const name of Object.keys(body))
    if (!KNOWN.has(name))
      throw wrong(
        name,
        `A silence has no field ${name.slice(0, 60)}.`,
        `Known ones: ${[...KNOWN].join(', ')}.`,
      )
  const match: SilenceMatch = {}
  for (const field of SILENCE_FIELDS) {
    const glob = optionalText(body, field)
    if (glob.length > GLOB_CHARS_MAX)
      throw wrong(field, `${field} has more than ${GLOB_CHARS_MAX} characters.`)
    if (glob !== '') match[field] = glob
  }
  if (Object.keys(match).length === 0)
    throw wrong('service', 'A silence must say what it covers.', 'Everything is service=*.')
  const from = body['from'] === undefined ? undefined : timeOf(body, 'from')
  const until = timeOf(body, 'until')
  if (until <= Math.max(nowMs, from ?? nowMs))
    throw wrong('until', 'until must be later than now and than from.')
  if (until > nowMs + DAYS_MAX * DAY_MS)
    throw wrong('until', `until must be within ${DAYS_MAX} days.`, 'Silence it again then.')
  return { project: call.project, match, from, until, actor: actorOf(call), reason: reasonOf(body) }
}

function timeOf(body: Readonly<Record<string, unknown>>, name: string): number {
  const parsed = parseTime(body[name])
  if (parsed !== undefined) return parsed.ms
  throw wrong(name, `${name} must be a time.`, 'RFC 3339, or milliseconds since the epoch.')
}
