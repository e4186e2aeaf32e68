import { found, readObject } from '#/api/answer.ts'
import type { AppDeps } from '#/api/deps.ts'
import { optionalText, reasonOf, textsOf } from '#/api/grouping-body.ts'
import { mergeIssues, saveRules, splitIssue, undoDecision } from '#/api/grouping-changes.ts'
import { previewOf } from '#/api/grouping-preview.ts'
import type { GroupingParts } from '#/api/ports.ts'
import { range } from '#/api/read-params.ts'
import { route, type Call, type Route } from '#/api/route.ts'
import type { GroupingDecision } from '#/processors/domain/grouping/decisions.ts'
import { suspicionsOf } from '#/processors/domain/grouping/suspicion.ts'

const type = 'application/json'
const WEEK_HOURS = 7 * 24
const SUSPECTS_MAX = 400

/** Rules, merges and splits: decisions about which events are one issue. */
export function groupingRoutes({ grouping }: AppDeps): readonly Route[] {
  if (grouping === undefined) return []
  return [...readRoutes(grouping), ...ruleRoutes(grouping), ...decisionRoutes(grouping)]
}

function reading(
  spec: Pick<Route, 'path' | 'summary' | 'handle'> & Partial<Pick<Route, 'query'>>,
): Route {
  return route({
    query: {},
    ...spec,
    method: 'GET',
    tag: 'grouping',
    access: 'read',
    answer: { status: 200, type, about: spec.summary, schema: { type: 'object' } },
    problems: ['not_found'],
  })
}

function changing(
  spec: Pick<Route, 'path' | 'summary' | 'handle'> & { about: string; status?: number },
): Route {
  const { about, status = 201, ...rest } = spec
  return route({
    ...rest,
    method: 'POST',
    tag: 'grouping',
    access: 'admin',
    query: {},
    body: { about, types: [type], schema: { type: 'object' } },
    answer: { status, type, about: spec.summary, schema: { type: 'object' } },
    problems: ['invalid_json', 'invalid_request', 'not_found', 'conflict'],
  })
}

const actorOf = ({ key, principal }: Call): string =>
  key === undefined ? (principal?.name ?? 'operator') : `key:${key.name}`

/** A decision as people read it: with what it changed, without what it is made of inside. */
function viewOf(decision: GroupingDecision): object {
  const { project: _, pins, ...rest } = decision
  return { ...rest, changes: pins }
}

function readRoutes({ desk, reads }: GroupingParts): readonly Route[] {
  return [
    reading({
      path: '/api/issues/:fingerprint/grouping',
      summary:
        'Why events are this issue: its members, who put them together, and what was decided.',
      async handle({ project, path }) {
        const fingerprint = path['fingerprint'] ?? ''
        const issue = found(await reads.members({ project, fingerprint }), 'issue of this id')
        const ids = new Set(issue.members.map((member) => member.fingerprint))
        const decisions = desk
          .history(project)
          .filter(({ pins }) =>
            pins.some((pin) => ids.has(pin.fingerprint) || ids.has(pin.to ?? '')),
          )
        return { ...issue, decisions: decisions.map(viewOf) }
      },
    }),
    reading({
      path: '/api/grouping/decisions',
      summary: 'All decisions about groups, newest first.',
      handle: ({ project }) => ({
        items: desk.history(project).toReversed().map(viewOf),
        next: null,
      }),
    }),
    reading({
      path: '/api/grouping/suspicions',
      summary: 'Issues that look wrongly grouped, with the evidence.',
      query: range(WEEK_HOURS),
      async handle({ project, query }) {
        const { from, to } = query as { from: number; to: number }
        const shapes = await reads.shapes({ project, from, to, limit: SUSPECTS_MAX })
        return { items: suspicionsOf(shapes), next: null }
      },
    }),
    reading({
      path: '/api/grouping/rules',
      summary: 'The fingerprint rules of the project, in the order in which they are tried.',
      handle: ({ project }) => ({
        revision: desk.bookOf(project).revision,
        rules: desk.bookOf(project).rules,
      }),
    }),
  ]
}

function ruleRoutes(parts: GroupingParts): readonly Route[] {
  return [
    changing({
      path: '/api/grouping/rules/preview',
      summary: 'What rules would change on recent events. Nothing is saved.',
      about: '`rules`, and over how many `hours` and `events` to look.',
      status: 200,
      handle: (call) => previewOf(parts, { ...call, body: readObject(call) }),
    }),
    changing({
      path: '/api/grouping/rules',
      summary: 'Save all rules of the project; they hold for events from now on.',
      about:
        '`rules` in order, `reason`, the `revision` they were made from, and `retroactive`: false leaves past events where they are.',
      async handle(call) {
        const body = readObject(call)
        return viewOf(await saveRules(parts, { ...call, body, actor: actorOf(call) }))
      },
    }),
  ]
}

function decisionRoutes(parts: GroupingParts): readonly Route[] {
  return [
    changing({
      path: '/api/issues/merge',
      summary: 'Make issues part of another one, with all their past.',
      about: '`issues`, the one they go `into`, and a `reason`.',
      async handle(call) {
        const body = readObject(call)
        const wish = {
          project: call.project,
          issues: textsOf(body, 'issues'),
          into: optionalText(body, 'into'),
          reason: reasonOf(body),
        }
        return viewOf(await mergeIssues(parts, { ...wish, actor: actorOf(call) }))
      },
    }),
    changing({
      path: '/api/issues/split',
      summary: 'Take members out of an issue, with all their past; they stay out.',
      about:
        'The `issue`, its `parts` (ids of members), whether they stay `together`, and a `reason`.',
      async handle(call) {
        const body = readObject(call)
        const wish = {
          project: call.project,
          issue: optionalText(body, 'issue'),
          parts: textsOf(body, 'parts'),
          together: body['together'] === true,
          reason: reasonOf(body),
        }
        return viewOf(await splitIssue(parts, { ...wish, actor: actorOf(call) }))
      },
    }),
    changing({
      path: '/api/grouping/decisions/:id/undo',
      summary: 'Take a decision back. What was merged stands alone from then on.',
      about: 'A `reason`.',
      async handle(call) {
        const wish = {
          project: call.project,
          id: call.path['id'] ?? '',
          reason: reasonOf(readObject(call)),
        }
        return viewOf(await undoDecision(parts, { ...wish, actor: actorOf(call) }))
      },
    }),
  ]
}
