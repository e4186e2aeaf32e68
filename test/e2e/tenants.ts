/** Two projects whose data is told apart by a word that stands in every field, and everything a reader can ask. */
import { createSeededRandom, type Random } from '#/kernel/random.ts'

/** In every text of the project. */
export type Marker = 'zqalpha' | 'zqbravo'

const COUNT = 60

/** Each run has ids of its own: what comes twice under one id is one event. */
export function eventsOf(marker: Marker, nowMs: number, run = 0): object[] {
  return Array.from({ length: COUNT }, (_, index) => ({
    event_type: index % 20 === 19 ? 'deploy' : 'error',
    event_id: `${marker}-${run}-${index}`,
    occurred_at: nowMs - (COUNT - index) * 250,
    service: `${marker}-shop`,
    environment: `${marker}-prod`,
    release: `${marker}-1.2`,
    host: `${marker}-host`,
    message: `${marker} payment ${index % 3} failed for the basket`,
    error_type: `${marker}Error`,
    error_code: `${marker.toUpperCase()}_${index % 3}`,
    route: `/${marker}/pay`,
    method: 'POST',
    status_code: 500,
    duration_ms: 40 + index,
    user_id: `${marker}-user-${index % 7}`,
    session_id: `${marker}-session`,
    request_id: `${marker}-request-${index}`,
    trace_id: `${marker}-trace`,
    tags: [marker],
    attributes: {
      [`${marker}_key`]: marker,
      'peer.service': `${marker}-bank`,
      'span.kind': 'client',
    },
  }))
}

interface Described {
  paths: Record<
    string,
    Record<string, { parameters: readonly { name: string; in: string; schema: Schema }[] }>
  >
}
interface Schema {
  type?: string
  enum?: readonly string[]
  items?: Schema
}

export interface Question {
  method: 'GET' | 'POST'
  path: string
  body?: object
}

/** Things of one project that have names, by which another may try to ask for them. */
export type Names = Readonly<Record<string, readonly string[]>>

/**
 * Every GET of the description, by every name of the things given, with a few random parameters each: the other
 * project, its ids, its words, as filters, searches and cursors.
 */
export function questionsOf(
  description: unknown,
  wish: { names: Names; words: readonly string[]; seed: number; perPath: number },
): Question[] {
  const random = createSeededRandom(wish.seed)
  const { paths } = description as Described
  return Object.entries(paths)
    .filter(
      ([path, methods]) => 'get' in methods && !/stream|operator|openapi|docs|oidc/.test(path),
    )
    .flatMap(([path, methods]) => {
      const parameters = methods['get']?.parameters ?? []
      const query = parameters.filter((one) => one.in === 'query' && one.name !== 'project')
      return namedPaths(path, wish.names).flatMap((named) =>
        Array.from({ length: wish.perPath }, (_, index) => ({
          method: 'GET' as const,
          path:
            index === 0 ? named : `${named}?${randomQuery(query, { random, words: wish.words })}`,
        })),
      )
    })
}

function namedPaths(path: string, names: Names): string[] {
  const part = /\{(\w+)\}/.exec(path)?.[1]
  if (part === undefined) return [path]
  return (names[part] ?? []).map((name) => path.replace(/\{\w+\}/, encodeURIComponent(name)))
}

function randomQuery(
  parameters: readonly { name: string; schema: Schema }[],
  { random, words }: { random: Random; words: readonly string[] },
): string {
  const query = new URLSearchParams()
  for (const { name, schema } of parameters) {
    if (random.unit() < 0.6) continue
    const values = schema.enum ?? schema.items?.enum
    if (values !== undefined && values.length > 0) query.set(name, random.pick(values))
    else if (schema.type === 'integer' || schema.type === 'number')
      query.set(name, String(1 + random.int(50)))
    else if (name !== 'from' && name !== 'to' && name !== 'cursor')
      query.set(name, random.pick(words))
  }
  return query.toString()
}

/** Statements that try to see more than the project's own rows. */
export function statementsOf(tables: readonly string[], other: string, word: string): string[] {
  return [
    ...tables.flatMap((table) => [
      `SELECT * FROM ${table} LIMIT 200`,
      `SELECT * FROM ${table} WHERE project = '${other}' OR 1 = 1`,
    ]),
    `SELECT message FROM events WHERE message LIKE '%${word}%'`,
    `SELECT * FROM (SELECT * FROM events UNION ALL SELECT * FROM events) LIMIT 500`,
    `WITH x AS (SELECT * FROM events) SELECT * FROM x WHERE service != ''`,
    `SELECT a.message FROM events a JOIN events b ON a.service != b.service`,
    `SELECT groupUniqArray(service), groupUniqArray(project) FROM events`,
    `SELECT * FROM faultline.events`,
    `SELECT * FROM system.query_log`,
    `SELECT query FROM system.processes`,
    `SELECT * FROM merge('faultline', 'events')`,
    `SELECT * FROM cluster('default', faultline.events)`,
    `SELECT (SELECT groupUniqArray(message) FROM events)`,
  ]
}
