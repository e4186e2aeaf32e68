import { recognize, type AskKind } from './kinds.ts'
import { readQuestion, type Context, type Slots } from './question.ts'
import { typedQuery, type TypedQuery } from './queries.ts'

export interface Interpretation {
  kind: AskKind
  slots: Slots
  query: TypedQuery
}

/** What a question asks for, if it is one of the common ones; undefined when it is not, or not clear enough. */
export function interpret(raw: string, context: Context): Interpretation | undefined {
  const { words, slots } = readQuestion(raw, context)
  const kind = recognize(words, slots)
  if (kind === undefined) return undefined
  if (kind === 'user_journey' && slots.user === '') return undefined
  if (kind === 'search' && !/[\p{L}\p{N}]/u.test(slots.text)) return undefined
  return { kind, slots, query: typedQuery(kind, slots) }
}

/** One example a kind, shown where a question is not understood. */
export const EXAMPLES: Readonly<Record<AskKind, string>> = {
  open_incidents: 'Which incidents are open?',
  priorities: 'What should I look at first?',
  incident_summary: 'Summarize incident #12',
  incident_cause: 'What caused #12?',
  incident_timeline: 'Timeline of #12',
  similar_incidents: 'Have we seen something like #12 before?',
  resolved_incidents: 'Which incidents were resolved today?',
  resolution_times: 'How long do incidents take to resolve this week?',
  errors_by_service: 'Which service has the most errors in the last hour?',
  error_trend: 'Errors of checkout over time, last 3 hours',
  top_issues: 'Top 5 errors of the last hour',
  new_issues: 'Which errors are new today?',
  deploys: 'What was deployed in the last 24 hours?',
  release_health: 'Is the latest release of checkout worse than the one before?',
  slow_services: 'p95 latency by service in the last hour',
  slow_routes: 'Which endpoints are slowest?',
  failed_requests: 'Which routes return 5xx?',
  affected_users: 'How many users are affected by #12?',
  user_journey: 'What happened to user u-42?',
  search: 'Find errors containing "timeout"',
  business: 'How many sign-ups per hour today?',
  quiet_services: 'Which services stopped reporting?',
}
