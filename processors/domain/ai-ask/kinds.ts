import type { Slots } from './question.ts'

/** The questions that are answered without a model. */
export const ASK_KINDS = [
  'open_incidents',
  'priorities',
  'incident_summary',
  'incident_cause',
  'incident_timeline',
  'similar_incidents',
  'resolved_incidents',
  'resolution_times',
  'errors_by_service',
  'error_trend',
  'top_issues',
  'new_issues',
  'deploys',
  'release_health',
  'slow_services',
  'slow_routes',
  'failed_requests',
  'affected_users',
  'user_journey',
  'search',
  'business',
  'quiet_services',
] as const
export type AskKind = (typeof ASK_KINDS)[number]

type Clue = readonly [pattern: RegExp, weight: number]

interface Recognition {
  clues: readonly Clue[]
  /** More, or less, for what the question names. */
  slots?: (slots: Slots) => number
}

const INCIDENT = /\b(incidents?|outages?|alerts?|#\d+)\b/
const ERRORS = /\b(errors?|failures?|exceptions?|crash(es|ing)?|fail(s|ed|ing)?)\b/

/** Words that speak for each kind. A question is of the kind most speaks for, if enough does. */
const RECOGNITION: Readonly<Record<AskKind, Recognition>> = {
  open_incidents: {
    clues: [
      [INCIDENT, 2],
      [
        /\b(open|active|ongoing|unresolved|current(ly)?|running|going on|right now|happening|in progress|investigat\w+)\b/,
        3,
      ],
      [
        /\b(what('s| is) (wrong|broken|down|on fire)|anything (wrong|broken|down|on fire|open)|are we (ok|fine|healthy)|is everything (ok|fine|up|healthy)|what is happening)\b/,
        5,
      ],
      [/\b(list|show|which|how many)\b/, 0.5],
      [/\b(resolved|closed|fixed|solved)\b/, -4],
    ],
    slots: ({ incident }) => (incident === undefined ? 0 : -4),
  },
  priorities: {
    clues: [
      [/\btop \d+ incidents\b/, 3],
      [
        /\b(first|priorit\w+|most urgent|most important|urgent|worst|biggest|where (do|should) (i|we) (start|begin)|focus on|most severe|matters most|triage|critical)\b/,
        3.5,
      ],
      [/\b(look at|start|work on|handle|tackle|fix|focus|attention)\b/, 1.5],
      [INCIDENT, 1.5],
      [/\b(first seen|first time|slowest|routes?|endpoints?|issues?|services?|releases?)\b/, -2.5],
    ],
    slots: ({ incident }) => (incident === undefined ? 0 : -4),
  },
  incident_summary: {
    clues: [
      [/\bhow many\b/, -3],
      [
        /\b(summar\w+|tell me about|what('s| is| was) (up with|going on with|incident|#\d+)|explain|describe|overview|details?|brief me|status of|what happened (in|with|during)|about|impact)\b/,
        2.5,
      ],
      [INCIDENT, 1.5],
    ],
    slots: ({ incident }) => (incident === undefined ? -2 : 2.5),
  },
  incident_cause: {
    clues: [
      [
        /\b(why|caus(e|ed|es|ing)|root[ -]?cause|reason|what broke|what triggered|blame|culprit|behind|responsible|origin)\b/,
        4,
      ],
      [INCIDENT, 1.5],
    ],
    slots: ({ incident }) => (incident === undefined ? -0.5 : 2),
  },
  incident_timeline: {
    clues: [
      [
        /\b(timeline|history|chronolog\w+|sequence|step by step|what happened when|order of events|play by play|how did .* unfold|unfold\w*|evolv\w+|log of)\b/,
        4.5,
      ],
      [INCIDENT, 1.5],
    ],
    slots: ({ incident, user }) => (incident === undefined ? -1 : 2) - (user === '' ? 0 : 5),
  },
  similar_incidents: {
    clues: [
      [
        /\b(similar|alike|resembl\w+|seen (this|it|that|something like|#?\d*)? ?.*before|happened before|like (this|it|#\d+|incident)|past incidents|earlier incidents|related|before|recurr\w+|again|repeat\w*|known (problem|issue)|precedents?)\b/,
        3.5,
      ],
      [INCIDENT, 1.5],
      [/\b(previous release|release before|new)\b/, -3],
    ],
    slots: ({ incident }) => (incident === undefined ? -1 : 2),
  },
  resolved_incidents: {
    clues: [
      [/\b(resolved|closed|fixed|solved|ended|over|done|went away)\b/, 4],
      [INCIDENT, 2],
      [/\b(how long|time to|mttr|average|take|took|fast|quick\w*)\b/, -4],
    ],
    slots: ({ incident }) => (incident === undefined ? 0 : -3),
  },
  resolution_times: {
    clues: [
      [
        /\b(mttr|mttd|mean time|time to (resolve|repair|recover|fix|detect)|resolution times?|how long (do|does|did|until|it takes?)|average (duration|time)|how (fast|quick\w*)|recovery time|duration of)\b/,
        5.5,
      ],
      [/\b(resolve|recover|fix|incidents?|outages?)\b/, 1],
      [/\b(respond|response|latency|requests?)\b/, -2],
    ],
  },
  errors_by_service: {
    clues: [
      [ERRORS, 2],
      [
        /\b(which|what) services?\b|\b(by|per|each|every) service\b|\bservices? (with|have|has|throw\w*|report\w*|produc\w+|fail\w*|are failing)\b|\b(noisiest|worst|unhealthiest|loudest|failing) services?\b|\bwho is (failing|throwing)\b|\bwhere (are|do|is) .*(errors?|fail)/,
        4,
      ],
      [/\b(most|count|number|how many|break ?down|distribution)\b/, 1],
      [/\b(over time|trend|per (minute|hour)|slow\w*|latency|new|silent|quiet|stopped)\b/, -3],
    ],
  },
  error_trend: {
    clues: [
      [/\b(before and after|deploy\w*|releases?|version)\b/, -3],
      [ERRORS, 2],
      [
        /\b(over time|trend\w*|per (minute|hour|second|day)|by (minute|hour|day)|every (minute|hour)|rate|graph|chart|plot|curve|time ?series|rising|increas\w+|going (up|down)|getting (worse|better)|drop\w*|development|spik\w+)\b/,
        3.5,
      ],
      [/\bhow many\b/, 1.5],
      [
        /\b(status|5xx|http|routes?|endpoints?|users?|which services?|by service|most|requests?)\b/,
        -2.5,
      ],
      [/\b(sign ?ups?|registrations?|feedback|orders?|latency|slow)\b/, -4],
    ],
    slots: ({ service, incident }) => (service === '' ? 0 : 0.5) - (incident === undefined ? 0 : 3),
  },
  top_issues: {
    clues: [
      [
        /\b(top|most (common|frequent)|commonest|frequent\w*|noisiest|biggest|main|worst|loudest|usual)\b/,
        3,
      ],
      [
        /\b(issues?|errors?|exceptions?|problems?|messages?|bugs?|fingerprints?|kinds? of errors?|error types?)\b/,
        2.5,
      ],
      [/\b(services?|routes?|endpoints?|incidents?|users?|slow\w*)\b/, -2.5],
    ],
    slots: ({ top, incident }) => (top === undefined ? 0 : 1) - (incident === undefined ? 0 : 3),
  },
  new_issues: {
    clues: [
      [
        /\b(new|never (seen )?before|first (seen|appeared|time|occurr\w+)|just (started|appeared|showed up)|started (today|appearing)|appeared|unseen|fresh|novel|didn'?t exist|not seen before|unknown)\b/,
        4,
      ],
      [/\b(issues?|errors?|exceptions?|problems?|bugs?|fingerprints?|failures?)\b/, 2],
      [/\b(release|version|deploy\w*|sign ?ups?|users?|customers?)\b/, -2],
    ],
  },
  deploys: {
    clues: [
      [
        /\b(deploy(s|ed|ment|ments|ing)?|releases|released|roll(ed)? ?outs?|ship(ped|s)?|push(ed|es)?|went (out|live)|changes?|changed|changelog|rolled out)\b/,
        4,
      ],
      [/\b(what|which|when|list|show|who|recent(ly)?|last|latest)\b/, 0.8],
      [
        /\b(worse|better|break|broke|broken|cause\w*|error rate|errors?|health\w*|bad|affect\w*|impact|safe|compare\w*|regress\w*|good|introduc\w+)\b/,
        -3,
      ],
    ],
  },
  release_health: {
    clues: [
      [/\b(deploy(s|ed|ment)?|releases?|versions?|roll ?outs?|v\d[\w.]*|build)\b/, 2.5],
      [
        /\b(worse|better|break|broke|broken|error rate|errors?|health\w*|bad|affect\w*|impact|safe|compar\w+|regress\w*|good|introduc\w+|than|vs|versus|before and after|any(thing)? (wrong|problems?)|problems?|go(ing)? wrong)\b/,
        3,
      ],
      [/\b(what was|which were|list|new errors?)\b/, -1],
    ],
    slots: ({ release, incident }) => (release === '' ? 0 : 1.5) - (incident === undefined ? 0 : 3),
  },
  slow_services: {
    clues: [
      [
        /\b(slow(est|er|ness)?|latenc(y|ies)|response times?|p50|p95|p99|percentiles?|durations?|fast(est)?|performance|respond\w*|lag(ging|gy)?)\b/,
        4,
      ],
      [/\bservices?\b/, 1],
      [/\b(routes?|endpoints?|urls?|paths?|pages?|incidents?|resolve)\b/, -3],
    ],
    slots: ({ service, route }) => (service === '' ? 0 : 0.5) - (route === '' ? 0 : 3),
  },
  slow_routes: {
    clues: [
      [
        /\b(slow(est|er|ness)?|latenc(y|ies)|response times?|p50|p95|p99|percentiles?|durations?|fast(est)?|performance|take the longest|longest|respond\w*)\b/,
        3.5,
      ],
      [/\b(routes?|endpoints?|urls?|paths?|pages?|api calls?|requests?)\b/, 3],
      [/\b(fail\w*|errors?|5xx|status)\b/, -3],
    ],
    slots: ({ route }) => (route === '' ? 0 : 3),
  },
  failed_requests: {
    clues: [
      [
        /\b(5xx|50[0-9]s?|4xx|40[0-9]s?|status codes?|http (errors?|status)|failed requests?|failing requests?|request failures?|server errors?|success rate|error rate)\b/,
        4,
      ],
      [/\b(routes?|endpoints?|urls?|paths?|requests?|calls?|api|http)\b/, 2],
      [/\bfail\w*\b/, 1],
      [/\b(slow\w*|latency|over time|trend|p95|release|version|deploy\w*)\b/, -3],
    ],
    slots: ({ route }) => (route === '' ? 0 : 1),
  },
  affected_users: {
    clues: [
      [/\b(users?|customers?|people|accounts?|visitors?)\b/, 2.5],
      [
        /\b(how many|number of|count|affected|impact(ed)?|hit|see(ing|n)?|experienc\w+|suffer\w*|touched|hurt|are getting|get errors?|having)\b/,
        2.5,
      ],
      [/\b(sign(ed)? ?ups?|registrations?|new users?|registered)\b/, -4],
    ],
    slots: ({ user }) => (user === '' ? 0 : -4),
  },
  user_journey: {
    clues: [
      [/\b(users?|customers?|session|account)\b/, 1],
      [
        /\b(what did|what happened to|journey|path|trail|activity|trace|did .* (do|see|experience)|doing|steps?|events (of|for|from)|show me|follow|look up|history|timeline|saw)\b/,
        2,
      ],
    ],
    slots: ({ user }) => (user === '' ? -4 : 3),
  },
  search: {
    clues: [
      [
        /\b(containing|contains?|mention(s|ing|ed)?|search( for)?|find|grep|look(ing)? for|matching|with the (text|message|word)|that says?|saying|log lines?|logs?)\b/,
        4,
      ],
      [/\b(errors?|events?|messages?|logs?|lines?)\b/, 0.5],
    ],
    slots: ({ text }) => (text === '' ? -3 : 2),
  },
  business: {
    clues: [
      [
        /\b(sign(ed)? ?ups?|sign-ups?|registrations?|registered|new (users?|customers?|accounts?)|feedback|conversions?|complaints?)\b/,
        5,
      ],
      [/\b(how many|per (minute|hour|day)|over time|trend|drop\w*|rate|today|count)\b/, 1],
    ],
  },
  quiet_services: {
    clues: [
      [
        /\b(quiet|silent|silence|stopped (sending|reporting|talking)|gone (dark|missing|quiet|silent)|missing|no (data|events|traffic|telemetry|news)|not (sending|reporting|heard)|dead|heard from|disappear\w*|went (dark|silent|quiet)|offline|lost contact|last seen)\b/,
        5,
      ],
      [/\b(services?|anything|who|which)\b/, 1],
    ],
  },
}

const SCORE_MIN = 4
/** The best must be ahead of the next by this, or the question is not clear enough. */
const LEAD_MIN = 0.25

/** The kind most speaks for; undefined when it is not clear, so that nobody gets an answer to another question. */
export function recognize(words: string, slots: Slots): AskKind | undefined {
  const scored = ASK_KINDS.map((kind) => ({
    kind,
    score: scoreOf(RECOGNITION[kind], words, slots),
  }))
  scored.sort((left, right) => right.score - left.score)
  const [best, next] = scored
  if (best === undefined || best.score < SCORE_MIN) return undefined
  return best.score - (next?.score ?? 0) >= LEAD_MIN ? best.kind : undefined
}

function scoreOf({ clues, slots: more }: Recognition, words: string, slots: Slots): number {
  const spoken = clues.reduce(
    (sum, [pattern, weight]) => sum + (pattern.test(words) ? weight : 0),
    0,
  )
  return spoken + (more?.(slots) ?? 0)
}
