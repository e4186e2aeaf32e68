/**
 * What people found out about incidents: cards of the investigation canvas and judgements of summaries, folded from
 * the recorded actions. Confirmed solutions are what the next similar incident is offered.
 */
export interface KnowledgeAction {
  incident_id: string
  seq: number
  kind: string
  actor: string
  at: number
  /** JSON by kind. */
  payload: string
}

export interface KnownCard {
  id: string
  /** symptom, hypothesis, action, solution, ai_insight. */
  kind: string
  title: string
  text: string
  state: 'proposed' | 'confirmed' | 'invalidated'
  reason: string
  at: number
}

/** What is known of one incident beside what was measured. */
export interface IncidentKnowledge {
  /** Confirmed solutions, the concluding one first. */
  worked: readonly KnownCard[]
  /** What was tried or believed and refuted. */
  failed: readonly KnownCard[]
  useful: number
  wrong: number
}

/** A solution that somebody confirmed, as the knowledge page and the next similar incident show it. */
export interface KnownSolution {
  incident_id: string
  number: number
  incident_title: string
  services: readonly string[]
  resolved_at: number | null
  title: string
  text: string
  /** What was tried before and did not help. */
  failed: readonly string[]
  useful: number
  wrong: number
  confirmed_at: number
}

export const KNOWLEDGE_KINDS = [
  'card_create',
  'card_edit',
  'card_confirm',
  'card_invalidate',
  'card_revalidate',
  'suggestion_accept',
  'converge',
  'link_add',
  'ai_feedback',
] as const

interface Fold {
  cards: Map<string, KnownCard>
  /** Targets of `refutes` links. */
  refuted: Set<string>
  conclusion: string
  useful: number
  wrong: number
}

type Payload = Readonly<Record<string, unknown>>

/** Actions of one incident in the order of their seq. What it does not know or cannot read is passed over. */
export function foldKnowledge(actions: readonly KnowledgeAction[]): IncidentKnowledge {
  const fold: Fold = { cards: new Map(), refuted: new Set(), conclusion: '', useful: 0, wrong: 0 }
  for (const action of actions) apply(fold, action, payloadOf(action))
  const cards = [...fold.cards.values()]
  const worked = cards
    .filter(({ kind, state }) => kind === 'solution' && state === 'confirmed')
    .toSorted((left, right) => rank(right, fold) - rank(left, fold) || left.at - right.at)
  const failed = cards.filter(
    ({ kind, state, id }) =>
      (kind === 'action' || kind === 'hypothesis' || kind === 'solution') &&
      (state === 'invalidated' || fold.refuted.has(id)),
  )
  return { worked, failed, useful: fold.useful, wrong: fold.wrong }
}

function rank({ id }: KnownCard, { conclusion }: Fold): number {
  return id === conclusion ? 1 : 0
}

function payloadOf({ payload }: KnowledgeAction): Payload {
  try {
    const value: unknown = JSON.parse(payload)
    return typeof value === 'object' && value !== null ? (value as Payload) : {}
  } catch {
    return {}
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function apply(fold: Fold, { kind, at }: KnowledgeAction, payload: Payload): void {
  const id = text(payload['id'])
  const card = fold.cards.get(id)
  const change = (part: Partial<KnownCard>): void => {
    if (card !== undefined) fold.cards.set(id, { ...card, ...part, at })
  }
  switch (kind) {
    case 'card_create':
      return make(fold, payload, { kind: text(payload['kind']), at })
    case 'suggestion_accept':
      return make(fold, (payload['card'] ?? {}) as Payload, { kind: 'ai_insight', at })
    case 'card_edit':
      return change({
        title: text(payload['title']) || (card?.title ?? ''),
        text: typeof payload['text'] === 'string' ? payload['text'] : (card?.text ?? ''),
      })
    case 'card_confirm':
      return change({ state: 'confirmed' })
    case 'card_invalidate':
      return change({ state: 'invalidated', reason: text(payload['reason']) })
    case 'card_revalidate':
      return change({ state: 'proposed', reason: '' })
    case 'converge':
      fold.conclusion = id
      return change({ state: 'confirmed' })
    case 'link_add':
      if (payload['kind'] === 'refutes') fold.refuted.add(text(payload['to']))
      return undefined
    case 'ai_feedback':
      if (payload['useful'] === true) fold.useful += 1
      else if (payload['useful'] === false) fold.wrong += 1
      return undefined
    default:
      return undefined
  }
}

function make(fold: Fold, payload: Payload, { kind, at }: { kind: string; at: number }): void {
  const id = text(payload['id'])
  if (id === '' || fold.cards.has(id)) return
  const card = { id, kind, title: text(payload['title']), text: text(payload['text']), at }
  fold.cards.set(id, { ...card, state: 'proposed', reason: '' })
}

/** A card in one line. */
export function cardLine({ title, text: words }: KnownCard): string {
  return words === '' || words === title ? title : `${title}: ${words}`
}
