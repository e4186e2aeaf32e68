import type { AskView, KnownSolution, Page } from '#lib/contract.ts'

/** What the twin answers to a question in words: one common question is understood, others are not. */
export function askAnswer(question: string, now: number): AskView {
  const isKnown = /incidents/i.test(question)
  const base = {
    question,
    truncated: false,
    rows_read: 3,
    elapsed_ms: 4,
    chart: null,
    as_of: now,
    hash: '0123456789abcdef',
    model: '',
    model_available: true,
  }
  if (!isKnown)
    return {
      ...base,
      by: 'nobody',
      kind: '',
      answer: '',
      sql: '',
      columns: [],
      rows: [],
      from: null,
      to: null,
      reason: 'This is none of the common questions; the language model can try to answer it.',
      examples: ['Which incidents are open?', 'What should I look at first?'],
    }
  return {
    ...base,
    by: 'rules',
    kind: 'open_incidents',
    answer: '1 incident open; the worst is #12, SEV2: PoolExhausted (checkout).',
    sql: "SELECT number, severity, title FROM incidents WHERE status != 'resolved'",
    columns: [
      { name: 'number', type: 'Int32' },
      { name: 'severity', type: 'UInt8' },
      { name: 'title', type: 'String' },
    ],
    rows: [[12, 2, 'PoolExhausted']],
    from: now - 3_600_000,
    to: now,
    reason: '',
    examples: [],
  }
}

export function knowledgeAnswer(isEmpty: boolean, now: number): Page<KnownSolution> {
  const one: KnownSolution = {
    incident_id: 'i-4',
    number: 4,
    incident_title: 'PoolExhausted in checkout',
    services: ['checkout'],
    resolved_at: now - 86_400_000,
    title: 'Raise the size of the pool',
    text: 'To 50 connections, and close those that idle.',
    failed: ['Restarting the pods'],
    useful: 2,
    wrong: 0,
    confirmed_at: now - 86_000_000,
  }
  return { items: isEmpty ? [] : [one], next: null }
}
