/**
 * A post-mortem that carries its proof: the document, the events of the room it rests on, the incident as the engine
 * left it, the rules that hold, each line chained to the one before. Whoever has the file computes the rest again,
 * on any machine and without a platform.
 */
import { createHash } from 'node:crypto'
import { messageOf } from '#/kernel/errors.ts'
import { pastOf } from '#/processors/ai/desk.ts'
import { summarizeByRules } from '#/processors/domain/insight/rules.ts'
import { foldTo } from '#/schemas/collab/history.ts'
import { canonicalJson } from '#/schemas/collab/json.ts'
import { postMortemMarkdown } from '#/schemas/collab/post-mortem-text.ts'
import { postMortemOf } from '#/schemas/collab/post-mortem.ts'
import type { PostMortemSource } from '#/schemas/collab/post-mortem.ts'
import { hashRoom } from '#/schemas/collab/state.ts'
import type { RoomEvent, RoomState } from '#/schemas/collab/state.ts'

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

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

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
  let previous = ''
  const lines = bodies.map((body) => {
    previous = sha256(`${previous}\n${canonicalJson(body)}`)
    return JSON.stringify({ hash: previous, body })
  })
  return `${lines.join('\n')}\n`
}

class Broken extends Error {
  override readonly name = 'Broken'
  readonly line: number
  constructor(line: number, what: string) {
    super(what)
    this.line = line
  }
}

/** Reads the chain, then computes room and document again; never throws for what is in the file. */
export function verifyProof(text: string, expectedHead = ''): Verdict {
  try {
    return verified(text, expectedHead)
  } catch (error) {
    if (error instanceof Broken) return { ok: false, line: error.line, what: error.message }
    return { ok: false, line: 0, what: `it cannot be computed again: ${messageOf(error)}` }
  }
}

function verified(text: string, expectedHead: string): Verdict {
  const { bodies, head } = chainOf(text)
  if (expectedHead !== '' && expectedHead !== head)
    throw new Broken(bodies.length, `it ends with ${head}, not with ${expectedHead}`)
  const one = <K extends Body['kind']>(kind: K): Extract<Body, { kind: K }> => {
    const found = bodies.filter((body) => body.kind === kind)
    if (found.length !== 1) throw new Broken(0, `there must be one line "${kind}"`)
    return found[0] as Extract<Body, { kind: K }>
  }
  const { format, incidentId, events: count } = one('head')
  if (format !== PROOF_FORMAT) throw new Broken(1, `format ${format} is not known here`)
  const events = bodies.flatMap((body) => (body.kind === 'event' ? [body.event] : []))
  if (events.length !== count)
    throw new Broken(1, `${count} events, of which ${events.length} are there`)
  const state = foldTo(incidentId, events)
  const { seq, hash } = one('room')
  const roomLine = bodies.findIndex(({ kind }) => kind === 'room') + 1
  if (state.seq !== seq || hashRoom(state) !== hash)
    throw new Broken(roomLine, 'the events lead to another room than the one recorded')
  const document = documentOf({ detail: one('incident').detail, events }, state)
  const { markdown } = one('document')
  if (postMortemMarkdown(document) !== markdown)
    throw new Broken(bodies.length, 'the document does not follow from what is recorded')
  return { ok: true, head, lines: bodies.length, events: events.length, markdown }
}

function chainOf(text: string): { bodies: Body[]; head: string } {
  if (!text.endsWith('\n')) throw new Broken(0, 'the end of the file is missing')
  let head = ''
  const bodies = text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => {
      let read: { hash?: unknown; body?: unknown }
      try {
        read = JSON.parse(line) as typeof read
      } catch {
        throw new Broken(index + 1, 'the line is no JSON')
      }
      head = sha256(`${head}\n${canonicalJson(read.body)}`)
      // Written again the same way: another spelling of the same value is a changed byte, too.
      if (read.hash !== head || JSON.stringify({ hash: head, body: read.body }) !== line)
        throw new Broken(index + 1, 'the line is not what was written')
      return read.body as Body
    })
  return { bodies, head }
}
