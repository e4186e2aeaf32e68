/**
 * A post-mortem that carries its proof: the document, the events of the room it rests on, the incident as the engine
 * left it, the rules that hold, each line chained to the one before. Whoever has the file computes the rest again,
 * on any machine and without a platform.
 */
import { messageOf } from '#/kernel/errors.ts'
import { pastOf } from '#/processors/ai/desk.ts'
import { summarizeByRules } from '#/processors/domain/insight/rules.ts'
import { foldTo } from '#/schemas/collab/history.ts'
import { postMortemMarkdown } from '#/schemas/collab/post-mortem-text.ts'
import { postMortemOf } from '#/schemas/collab/post-mortem.ts'
import type { PostMortemSource } from '#/schemas/collab/post-mortem.ts'
import { hashRoom } from '#/schemas/collab/state.ts'
import type { RoomEvent, RoomState } from '#/schemas/collab/state.ts'
import { BrokenLine, chainLines, readChain } from './chained-lines.ts'

const PROOF_FORMAT = 'faultline.post-mortem.v1'

type Detail = NonNullable<PostMortemSource['detail']>

interface ProofSource {
  incidentId: string
  exportedAt: number
  /** As the engine knows it; null for one that is in its room alone. */
  detail: Detail | null
  /** The whole history of its room. */
  events: readonly RoomEvent[]
  /** Fingerprint rules of the project. */
  rules: readonly unknown[]
}

type Body =
  | { kind: 'head'; format: string; incidentId: string; exportedAt: number; events: number }
  | { kind: 'incident'; detail: Detail | null }
  | { kind: 'rules'; rules: readonly unknown[] }
  | { kind: 'event'; event: RoomEvent }
  | { kind: 'room'; seq: number; hash: string }
  /** What the cards rest on, to be asked again. */
  | { kind: 'queries'; queries: readonly { card: string; sql: string; href: string }[] }
  | { kind: 'document'; markdown: string }

export type Verdict =
  | { ok: true; head: string; lines: number; events: number; markdown: string }
  | { ok: false; line: number; what: string }

function documentOf({ detail, events }: Pick<ProofSource, 'detail' | 'events'>, state: RoomState) {
  const summary = detail && summarizeByRules(detail.incident, pastOf(detail.similar))
  return postMortemOf({ detail, summary, state, events })
}

/** The file as text, one line of JSON for each part. */
export function proofOf(source: ProofSource): string {
  const { incidentId, exportedAt, detail, events, rules } = source
  const state = foldTo(incidentId, events)
  const document = documentOf(source, state)
  const bodies: Body[] = [
    { kind: 'head', format: PROOF_FORMAT, incidentId, exportedAt, events: events.length },
    { kind: 'incident', detail },
    { kind: 'rules', rules },
    ...events.map((event) => ({ kind: 'event', event }) as const),
    { kind: 'room', seq: state.seq, hash: hashRoom(state) },
    {
      kind: 'queries',
      queries: document.charts.map(({ card, sql, href }) => ({ card, sql, href })),
    },
    { kind: 'document', markdown: postMortemMarkdown(document) },
  ]
  return chainLines(bodies)
}

/** Reads the chain, then computes room and document again; never throws for what is in the file. */
export function verifyProof(text: string, expectedHead = ''): Verdict {
  try {
    return verified(text, expectedHead)
  } catch (error) {
    if (error instanceof BrokenLine) return { ok: false, line: error.line, what: error.message }
    return { ok: false, line: 0, what: `it cannot be computed again: ${messageOf(error)}` }
  }
}

function verified(text: string, expectedHead: string): Verdict {
  const chain = readChain(text)
  const { head } = chain
  const bodies = chain.bodies as Body[]
  if (expectedHead !== '' && expectedHead !== head)
    throw new BrokenLine(bodies.length, `it ends with ${head}, not with ${expectedHead}`)
  const one = <K extends Body['kind']>(kind: K): Extract<Body, { kind: K }> => {
    const found = bodies.filter((body) => body.kind === kind)
    if (found.length !== 1) throw new BrokenLine(0, `there must be one line "${kind}"`)
    return found[0] as Extract<Body, { kind: K }>
  }
  const { format, incidentId, events: count } = one('head')
  if (format !== PROOF_FORMAT) throw new BrokenLine(1, `format ${format} is not known here`)
  const events = bodies.flatMap((body) => (body.kind === 'event' ? [body.event] : []))
  if (events.length !== count)
    throw new BrokenLine(1, `${count} events, of which ${events.length} are there`)
  const state = foldTo(incidentId, events)
  const { seq, hash } = one('room')
  const roomLine = bodies.findIndex(({ kind }) => kind === 'room') + 1
  if (state.seq !== seq || hashRoom(state) !== hash)
    throw new BrokenLine(roomLine, 'the events lead to another room than the one recorded')
  const document = documentOf({ detail: one('incident').detail, events }, state)
  const { markdown } = one('document')
  if (postMortemMarkdown(document) !== markdown)
    throw new BrokenLine(bodies.length, 'the document does not follow from what is recorded')
  return { ok: true, head, lines: bodies.length, events: events.length, markdown }
}
