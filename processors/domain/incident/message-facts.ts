/** What the text of an error says about where the fault lies. */
export interface MessageFacts {
  /**
   * `call`: something it called failed or did not answer. `resource`: something of its own ran out.
   * `local`: anything else.
   */
  nature: 'call' | 'resource' | 'local'
  /** Known services the text names, sorted. */
  services: readonly string[]
  /** Hosts outside the system the text names, sorted. */
  externals: readonly string[]
  /** Lower-case words without digits, sorted, each once. */
  words: readonly string[]
}

const RESOURCE_PARTS = [
  'exhaust',
  'outofmemory',
  'out of memory',
  'oom',
  'heap',
  'diskfull',
  'disk full',
  'no space',
  'enospc',
  'emfile',
  'too many open',
  'deadlock',
  'quota',
  'throttl',
]

const CALL_PARTS = [
  'timeout',
  'timed out',
  'timedout',
  'deadline',
  'upstream',
  'econn',
  'enet',
  'ehost',
  'enotfound',
  'eai_again',
  'refused',
  'unreachable',
  'unavailable',
  'connection reset',
  'connectionreset',
  'connection closed',
  'socket',
  'network',
  'gateway',
  'broken pipe',
  'epipe',
  'dns',
  'tls',
  'handshake',
  'http502',
  'http503',
  'http504',
  'circuit',
]

const TOKEN = /[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?/gi
/** Last labels that are file endings far more often than domains. */
const FILE_ENDINGS = new Set(
  'ts js mjs cjs tsx jsx py rb go rs java kt cs php cpp cc c h json yaml yml xml html css log txt conf ini so dll exe jar sh sql md lock map vue'.split(
    ' ',
  ),
)
/** First labels that begin a package name, not a host. */
const PACKAGE_ROOTS = new Set(
  'com org net io dev java javax sun jdk scala system microsoft'.split(' '),
)
const TEXT_MAX = 2000

function isHostName(token: string): boolean {
  if (token.length > 253 || token !== token.toLowerCase()) return false
  const labels = token.split('.')
  if (labels.length < 2) return false
  const last = labels.at(-1) ?? ''
  const isDomain = /^[a-z]{2,24}$/.test(last) && !FILE_ENDINGS.has(last)
  const isPackage = PACKAGE_ROOTS.has(labels[0] ?? '')
  return (
    isDomain &&
    !isPackage &&
    labels.every((label) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label)) &&
    labels.some((label) => /[a-z]/.test(label))
  )
}

function includesOne(text: string, parts: readonly string[]): boolean {
  return parts.some((part) => text.includes(part))
}

/** Reads at most the first 2,000 characters; linear in them. `knows` tells which tokens are services. */
export function readMessage(
  text: { errorType?: string; message?: string; title?: string; statusCode?: number },
  knows: { service(token: string): boolean; external(token: string): boolean },
): MessageFacts {
  const message = (text.message ?? text.title ?? '').slice(0, TEXT_MAX)
  const type = (text.errorType ?? '').slice(0, 200)
  const services = new Set<string>()
  const externals = new Set<string>()
  const words = new Set<string>()
  for (const [token] of message.matchAll(TOKEN)) {
    if (knows.service(token)) services.add(token)
    else if (knows.external(token) || isHostName(token)) externals.add(token)
    else if (!/\d/.test(token)) words.add(token.toLowerCase())
  }
  const all = `${type} ${message}`.toLowerCase()
  const gatewayStatus =
    text.statusCode !== undefined && text.statusCode >= 502 && text.statusCode <= 504
  const isResource = includesOne(all, RESOURCE_PARTS)
  const isCall = gatewayStatus || includesOne(all, CALL_PARTS)
  return {
    nature: isResource ? 'resource' : isCall ? 'call' : 'local',
    services: [...services].toSorted(),
    externals: [...externals].toSorted(),
    words: [...words].toSorted(),
  }
}

/** Shared words over all words, 0 to 1; 0 when either text has none. */
export function textSimilarity(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return 0
  const other = new Set(right)
  const shared = left.filter((word) => other.has(word)).length
  return shared / (left.length + right.length - shared)
}
