/** What a question names: a time, a service, an incident … Everything else is for its kind. */
export interface Slots {
  from: number
  to: number
  /** False when the question says nothing about time. */
  hasRange: boolean
  service: string
  incident: number | undefined
  user: string
  route: string
  release: string
  /** 1 to 5. */
  severity: number | undefined
  /** Words to look for. */
  text: string
  /** How many were asked for. */
  top: number | undefined
}

export interface Context {
  nowMs: number
  /** Names that are services here; a word is one only if it is among them. */
  services: readonly string[]
}

export interface Question {
  /** In lower case, blanks between words, quotations taken out. */
  words: string
  slots: Slots
}

export const QUESTION_CHARS_MAX = 500
const MINUTE_MS = 60_000
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  second: 1000,
  m: MINUTE_MS,
  min: MINUTE_MS,
  minute: MINUTE_MS,
  h: 60 * MINUTE_MS,
  hr: 60 * MINUTE_MS,
  hour: 60 * MINUTE_MS,
  d: 1440 * MINUTE_MS,
  day: 1440 * MINUTE_MS,
  w: 7 * 1440 * MINUTE_MS,
  week: 7 * 1440 * MINUTE_MS,
  month: 30 * 1440 * MINUTE_MS,
}
const NUMBER_WORDS: Readonly<Record<string, number>> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  ten: 10,
  twelve: 12,
  couple: 2,
  few: 3,
}
const DAY_MS = 1440 * MINUTE_MS

export function readQuestion(raw: string, context: Context): Question {
  const text = raw
    .slice(0, QUESTION_CHARS_MAX)
    .normalize('NFKC')
    .replaceAll(/[\p{C}]+/gu, ' ')
  const quoted = /["“”«»']([^"“”«»']{2,80})["“”«»']/.exec(text)?.[1] ?? ''
  const words = text
    .replaceAll(/["“”«»]/g, ' ')
    .toLowerCase()
    .replaceAll(/[?!,;()]+/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const range = rangeOf(words, context.nowMs)
  return {
    words,
    slots: {
      from: range?.from ?? context.nowMs - 60 * MINUTE_MS,
      to: range?.to ?? context.nowMs,
      hasRange: range !== undefined,
      service: serviceOf(words, context.services),
      incident: numberAfter(words, /(?:#|\binc(?:ident)?s?(?: no\.?| number)? ?#?)(\d{1,7})\b/),
      user: userOf(words, text),
      route: /(?:^|\s)(\/[\w./:{}-]*)/.exec(text)?.[1]?.replace(/[.:]+$/, '') ?? '',
      release:
        /\b(?:release|version|build) ([\w.-]*\d[\w.-]*)/.exec(words)?.[1] ??
        /\b(v\d[\w.-]*)/.exec(words)?.[1] ??
        '',
      severity: numberAfter(words, /\bsev(?:erity)?[ -]?([1-5])\b/),
      text: quoted !== '' ? quoted : mentioned(words),
      top: numberAfter(
        words,
        /\b(?:top|first|worst|last) (\d{1,3})\b(?! ?(?:s|sec|min|m|h|hours?|d|days?|minutes?|weeks?)\b)/,
      ),
    },
  }
}

function numberAfter(words: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(words)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** The longest name that stands in the question as a word; `-`, `_` and blank are the same. */
function serviceOf(words: string, services: readonly string[]): string {
  const flat = ` ${flatten(words)} `
  const hits = services.filter((name) => name !== '' && flat.includes(` ${flatten(name)} `))
  const exact = longest(hits)
  if (exact !== '') return exact
  // "the cart service" where it is called cart-service, "payment" where it is payment-service.
  const loose = services.filter((name) => {
    const bare = flatten(name).replace(/ (service|svc|api|app|server|worker)$/, '')
    return bare.length > 2 && flat.includes(` ${bare} `)
  })
  return longest(loose)
}

function longest(names: readonly string[]): string {
  return names.toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1))[0] ?? ''
}

function flatten(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[-_./:\s]+/g, ' ')
    .replaceAll(/'s\b/g, '')
    .trim()
}

function userOf(words: string, raw: string): string {
  const found =
    /\b(?:user|customer|account)s?(?: id)? ?[:=#]? ?([\w@.+-]*\d[\w@.+-]*|[\w.+-]+@[\w.-]+)/i.exec(
      raw,
    )?.[1]
  if (found !== undefined) return found
  return /\b(u[-_]?\d[\w-]*)\b/.exec(words)?.[1] ?? ''
}

const STOP =
  /\b(?:in|from|on|of|at|for|within|during|over|since|the last|last|past|today|yesterday|this)\b.*$/

/** What stands behind "containing", "mentioning" and the like. */
function mentioned(words: string): string {
  const found =
    /\b(?:containing|contains?|mentioning|mentions?|matching|with the (?:text|message|word)|that says?|saying|search(?:ing)? for|look(?:ing)? for|grep(?: for)?|find)\b (.+)$/.exec(
      words,
    )?.[1]
  if (found === undefined) return ''
  return found
    .replace(
      /^(?:all |any |the |me )*(?:errors?|events?|logs?|log lines?|messages?|lines?)\s*(?:containing|mentioning|with|about|that (?:say|mention|contain)s?|for|like)?\s*/,
      '',
    )
    .replace(STOP, '')
    .trim()
    .slice(0, 80)
}

/** `h`, `hour` and `hours` are the same; `s` alone is a second. */
function unitMs(word = ''): number {
  return UNIT_MS[word.length > 1 ? word.replace(/s$/, '') : word] ?? 0
}

function rangeOf(words: string, nowMs: number): { from: number; to: number } | undefined {
  const midnight = Math.floor(nowMs / DAY_MS) * DAY_MS
  const named: readonly (readonly [RegExp, () => { from: number; to: number }])[] = [
    [
      /\bright now\b|\bat the moment\b|\bcurrently\b/,
      () => ({ from: nowMs - 15 * MINUTE_MS, to: nowMs }),
    ],
    [/\byesterday\b/, () => ({ from: midnight - DAY_MS, to: midnight })],
    [/\btoday\b|\bthis morning\b|\bso far\b/, () => ({ from: midnight, to: nowMs })],
    [/\btonight\b|\bovernight\b|\blast night\b/, () => ({ from: nowMs - DAY_MS / 2, to: nowMs })],
    [/\bthis week\b/, () => ({ from: nowMs - 7 * DAY_MS, to: nowMs })],
    [/\bthis month\b/, () => ({ from: nowMs - 30 * DAY_MS, to: nowMs })],
  ]
  const back =
    /\b(?:last|past|previous|within|in|over|for|since)(?: the)?(?: last| past)? ?(\d{1,4}|a|an|one|two|three|four|five|six|seven|eight|ten|twelve|couple|few)?(?: of)? ?(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|[smhdw])\b/.exec(
      words,
    )
  if (back !== null) {
    const count = back[1] === undefined ? 1 : (NUMBER_WORDS[back[1]] ?? Number(back[1]))
    const span = count * unitMs(back[2])
    if (span > 0) return { from: nowMs - Math.min(span, 365 * DAY_MS), to: nowMs }
  }
  const ago = /\b(\d{1,4}) ?(minutes?|mins?|hours?|days?|m|h|d) ago\b/.exec(words)
  if (ago !== null) {
    return { from: nowMs - Number(ago[1]) * unitMs(ago[2]), to: nowMs }
  }
  const since = /\bsince (\d{1,2}):(\d{2})\b/.exec(words)
  if (since !== null) {
    const at = midnight + (Number(since[1]) * 60 + Number(since[2])) * MINUTE_MS
    return { from: at > nowMs ? at - DAY_MS : at, to: nowMs }
  }
  return named.find(([pattern]) => pattern.test(words))?.[1]()
}
