import { readObject, sendCsv } from '#/api/answer.ts'
import { csvOf } from '#/api/csv.ts'
import type { AppDeps } from '#/api/deps.ts'
import { createMinuteLimit } from '#/api/minute-limit.ts'
import { oneOf, wrong } from '#/api/params.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import type { SqlView } from '#/schemas/view.ts'

const ROWS_MAX = 10_000
const ROWS_DEFAULT = 1_000
const SQL_CHARS_MAX = 20_000
const TIME_MS_MAX = 10_000

export function sqlRoutes(deps: AppDeps): readonly Route[] {
  const checkRate = createMinuteLimit(deps, 'queries')
  return [
    route({
      method: 'POST',
      path: '/api/sql',
      tag: 'sql',
      summary: 'One read-only SELECT over the project’s own tables, within limits.',
      access: 'read',
      query: { format: oneOf('How rows are answered.', ['json', 'csv'], 'json') },
      body: {
        about: 'The query.',
        types: ['application/json'],
        schema: { $ref: '#/components/schemas/SqlRequest' },
      },
      answer: {
        status: 200,
        type: 'application/json',
        about: 'Columns and rows.',
        schema: { $ref: '#/components/schemas/SqlAnswer' },
      },
      problems: [
        'invalid_json',
        'invalid_request',
        'invalid_sql',
        'query_too_heavy',
        'query_timeout',
        'rate_limited',
      ],
      async handle(call) {
        checkRate(call.principal?.id ?? call.request.ip)
        const view = await run(deps, call)
        if (call.query.format === 'json') return view
        sendCsv(call, csvOfView(view))
        return undefined
      },
    }),
  ]
}

async function run(deps: AppDeps, call: Call): Promise<SqlView> {
  const body = readObject(call)
  const { sql, limit = ROWS_DEFAULT } = body
  if (typeof sql !== 'string' || sql.trim() === '' || sql.length > SQL_CHARS_MAX)
    throw wrong('sql', `sql must be text of 1 to ${SQL_CHARS_MAX} characters.`)
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX)
    throw wrong('limit', `limit must be a whole number from 1 to ${ROWS_MAX}.`)
  const gone = new AbortController()
  // Nobody waits any more: the query need not go on.
  call.reply.raw.once('close', () => gone.abort(new FaultlineError('internal', 'The caller left.')))
  return deps.reads.guardedSql({
    project: call.project,
    sql: sql.toWellFormed(),
    rowsMax: limit,
    timeMsMax: TIME_MS_MAX,
    signal: gone.signal,
  })
}

function csvOfView({ columns, rows }: SqlView): string {
  const names = columns.map(({ name }) => name)
  const objects = rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
  return csvOf(objects, names)
}
