import { FaultlineError } from '#/kernel/errors.ts'
import {
  mergePins,
  rulePins,
  splitPins,
  undoOf,
} from '#/processors/domain/grouping/decision-making.ts'
import {
  createDecisionBook,
  PINS_MAX,
  type GroupingDecision,
} from '#/processors/domain/grouping/decisions.ts'
import { retroactivePins } from '#/processors/domain/grouping/preview.ts'
import { reasonOf, wholeNumber } from './grouping-body.ts'
import { previewOf, rulesOf, type PreviewWish } from './grouping-preview.ts'
import { wrong } from './params.ts'
import type { GroupingParts } from './ports.ts'

interface Wish {
  project: string
  actor: string
  reason: string
}

/** What an id is called now. Fails with `not_found`, and names the field. */
async function issueNow(
  { reads }: GroupingParts,
  project: string,
  given: { path: string; fingerprint: string },
): Promise<{ fingerprint: string; members: ReadonlySet<string> }> {
  const { path, fingerprint } = given
  const issue = await reads.members({ project, fingerprint })
  if (issue === null)
    throw new FaultlineError('not_found', `There is no issue ${fingerprint.slice(0, 64)}.`, {
      path,
    })
  const members = new Set(issue.members.map((member) => member.fingerprint))
  return { fingerprint: issue.fingerprint, members }
}

export async function mergeIssues(
  parts: GroupingParts,
  wish: Wish & { issues: readonly string[]; into: string },
): Promise<GroupingDecision> {
  const { project, actor, reason, issues, into } = wish
  const target = await issueNow(parts, project, { path: 'into', fingerprint: into })
  const sources = new Set<string>()
  for (const [at, fingerprint] of issues.entries()) {
    const source = await issueNow(parts, project, { path: `issues[${at}]`, fingerprint })
    sources.add(source.fingerprint)
  }
  sources.delete(target.fingerprint)
  if (sources.size === 0)
    throw new FaultlineError('conflict', 'These are one issue already.', { path: 'issues' })
  return parts.desk.decide(project, (history) => {
    checkRoom(history, sources.size)
    const pins = mergePins(history, [...sources], target.fingerprint)
    return { actor, reason, kind: 'merge', pins }
  })
}

export async function splitIssue(
  parts: GroupingParts,
  wish: Wish & { issue: string; parts: readonly string[]; together: boolean },
): Promise<GroupingDecision> {
  const { project, actor, reason, issue, parts: wanted, together } = wish
  const whole = await issueNow(parts, project, { path: 'issue', fingerprint: issue })
  for (const [at, part] of wanted.entries()) {
    const path = `parts[${at}]`
    if (!whole.members.has(part))
      throw wrong(
        path,
        `${part.slice(0, 64)} is not a member of this issue.`,
        'Its members: GET /api/issues/:fingerprint/grouping',
      )
    if (part === whole.fingerprint)
      throw wrong(
        path,
        'The issue is named after this member.',
        'Take the other members out instead.',
      )
  }
  return parts.desk.decide(project, (history) => {
    checkRoom(history, wanted.length)
    return { actor, reason, kind: 'split', pins: splitPins(wanted, together) }
  })
}

export function undoDecision(
  { desk }: GroupingParts,
  { id, project, actor, reason }: Wish & { id: string },
): Promise<GroupingDecision> {
  return desk.decide(project, (history) => {
    const decision = history.find((one) => one.id === id)
    if (decision === undefined)
      throw new FaultlineError('not_found', `There is no decision ${id.slice(0, 64)}.`)
    const undo = undoOf(history, decision)
    if ('conflict' in undo)
      throw new FaultlineError(
        'conflict',
        `The later decision ${undo.conflict.id} changed the same groups.`,
        { remedy: `Take ${undo.conflict.id} back first.` },
      )
    return { actor, reason, ...undo, kind: 'undo' }
  })
}

export async function saveRules(
  parts: GroupingParts,
  call: PreviewWish & { actor: string },
): Promise<GroupingDecision> {
  const { project, body, actor } = call
  const { desk } = parts
  const rules = rulesOf(body)
  const reason = reasonOf(body)
  const { revision } = desk.bookOf(project)
  const bounds = { fallback: revision, min: 0, max: Number.MAX_SAFE_INTEGER }
  const seen = wholeNumber(body, 'revision', bounds)
  checkUnchanged(seen, revision)
  const preview = body['retroactive'] === false ? undefined : await previewOf(parts, call)
  const pins = preview === undefined ? [] : retroactivePins(preview)
  return desk.decide(project, (history) => {
    // The preview took a while, and so may have the decision of somebody else.
    checkUnchanged(seen, history.at(-1)?.revision ?? 0)
    checkRoom(history, pins.length)
    return { actor, reason, kind: 'rules', rules, pins: rulePins(history, pins) }
  })
}

function checkUnchanged(seen: number, revision: number): void {
  if (seen === revision) return
  throw new FaultlineError('conflict', `Groups were changed since: revision ${revision}.`, {
    path: 'revision',
    remedy: 'Look at the rules as they are now, and at a new preview.',
  })
}

function checkRoom(history: readonly GroupingDecision[], more: number): void {
  const book = createDecisionBook()
  for (const decision of history) book.apply(decision)
  if (book.toJSON().pins.length + more <= PINS_MAX) return
  throw new FaultlineError('conflict', `A project has at most ${PINS_MAX} merged or split ids.`, {
    remedy: 'Write a fingerprint rule instead of many merges.',
  })
}
