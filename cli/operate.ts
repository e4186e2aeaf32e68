import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiKey } from '#/api/keys.ts'
import type { DeadLetterView } from '#/api/ports.ts'
import { FaultlineError, messageOf, type ErrorCode } from '#/kernel/errors.ts'
import type { ProjectView } from '#/schemas/accounts.ts'
import type { StageView } from '#/schemas/view.ts'
import type { Command, Io } from './io.ts'
import { environmentValue } from './config.ts'
import {
  describeOptions,
  parseArguments,
  unknownName,
  type OptionSpec,
  type OptionValues,
} from './options.ts'
import { folderOf, targetUrl } from './target.ts'

const COMMON = [
  {
    name: 'url',
    type: 'text',
    value: 'address',
    about: 'the platform (default FAULTLINE_URL, or the one that runs on the data folder)',
  },
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'its data folder: the operator’s token lies there',
  },
  {
    name: 'operator-token',
    type: 'text',
    secret: true,
    value: 'secret',
    about:
      'the operator’s token (default FAULTLINE_OPERATOR_TOKEN, else the one in the data folder)',
  },
  { name: 'json', type: 'flag', about: 'as JSON' },
] as const satisfies readonly OptionSpec[]

export type Ask = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
) => Promise<unknown>

function operatorToken(given: OptionValues): string {
  const token = given['operator-token'] ?? environmentValue('FAULTLINE_OPERATOR_TOKEN')
  if (typeof token === 'string') return token
  const file = join(folderOf(given), 'operator-token')
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new FaultlineError('usage', `${file} cannot be read`, {
      cause: error,
      remedy:
        'name the data folder of the running platform with --data-dir, or give its token as FAULTLINE_OPERATOR_TOKEN',
    })
  }
}

/** Calls to the running platform as its operator. */
export function operatorOf(given: OptionValues): Ask {
  const token = operatorToken(given)
  const url = targetUrl(given)
  return async (method, path, body) => {
    let response: Response
    try {
      response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw new FaultlineError('log_unavailable', `${url} does not answer: ${messageOf(error)}`, {
        cause: error,
        remedy: 'start the platform with `npm start`',
      })
    }
    const answer = (await response.json()) as { code?: ErrorCode; detail?: string; remedy?: string }
    if (response.ok) return answer
    throw new FaultlineError(
      answer.code ?? 'internal',
      answer.detail ?? `answered ${response.status}`,
      answer.remedy === undefined ? {} : { remedy: answer.remedy },
    )
  }
}

/** Columns side by side, as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return `${[line(head), ...rows.map(line)].join('\n')}\n`
}

function time(ms: number | null): string {
  return ms === null ? '–' : new Date(ms).toISOString()
}

export interface Sub {
  usage: string
  options?: readonly OptionSpec[]
  run(call: {
    ask: Ask
    given: OptionValues
    positional: readonly string[]
    io: Io
  }): Promise<number>
}

/** A command with sub-commands, or with one that has no name. */
export function operatorCommand(
  name: string,
  about: string,
  subs: Readonly<Record<string, Sub>>,
): Command {
  return async (args, io) => {
    const names = Object.keys(subs).filter((sub) => sub !== '')
    const hasNamed = names.length > 0
    // What has an unnamed form is called so when no name comes first.
    const isUnnamed = subs[''] !== undefined && (args[0] ?? '-').startsWith('-')
    const isNamed = hasNamed && !isUnnamed
    const subName = isNamed ? (args[0] ?? '') : ''
    const sub = subs[subName]
    const isHelp = args.includes('--help') || args.includes('-h')
    const all = Object.values(subs).flatMap((one) => one.options ?? [])
    // Help without a name tells about all forms.
    const own = sub === undefined || (isHelp && !isNamed) ? all : (sub.options ?? [])
    const options = [...new Map([...own, ...COMMON].map((one) => [one.name, one])).values()]
    if (isHelp) {
      const usages = Object.values(subs).map((one) => `  faultline ${name} ${one.usage}`.trimEnd())
      io.stdout.write(`${about}\n\nUsage:\n${usages.join('\n')}\n\n${describeOptions(options)}\n`)
      return 0
    }
    if (sub === undefined) throw unknownName(`${name} command`, subName, names)
    const { given, positional } = parseArguments(isNamed ? args.slice(1) : args, options)
    // What needs no platform needs no token either.
    const ask: Ask = async (...call) => operatorOf(given)(...call)
    return sub.run({ ask, given, positional, io })
  }
}

export function print(io: Io, given: OptionValues, value: unknown, text: () => string): number {
  io.stdout.write(given['json'] === true ? `${JSON.stringify(value)}\n` : text())
  return 0
}

export const lagCommand = operatorCommand('lag', 'How far each processor is behind the log.', {
  '': {
    usage: '[--json]',
    async run({ ask, given, io }) {
      const { stages } = (await ask('GET', '/api/pipeline')) as { stages: readonly StageView[] }
      const rows = stages.flatMap(({ stage, status, partitions }) =>
        partitions.map((one) => [
          stage,
          status,
          `${one.topic}/${one.partition}`,
          String(one.committed),
          String(one.end),
          String(one.lag),
        ]),
      )
      return print(io, given, stages, () =>
        table(['group', 'status', 'partition', 'committed', 'end', 'lag'], rows),
      )
    },
  },
})

const SCOPE_OPTION: OptionSpec = {
  name: 'scope',
  type: 'text',
  default: 'ingest',
  value: 'scopes',
  about: 'ingest, read, admin; several separated by commas',
}

export const keysCommand = operatorCommand(
  'keys',
  'API keys: who may send and read. A key is shown once, when it is made.',
  {
    create: {
      usage: 'create [--project default] [--name text] [--scope ingest]',
      options: [
        {
          name: 'project',
          type: 'text',
          default: 'default',
          value: 'project',
          about: 'the project its events belong to; made when it is new',
        },
        { name: 'name', type: 'text', value: 'text', about: 'what it is for' },
        SCOPE_OPTION,
      ],
      async run({ ask, given, io }) {
        const scopes = String(given['scope'] ?? 'ingest').split(',')
        const answer = (await ask('POST', '/api/operator/keys', {
          project: given['project'] ?? 'default',
          name: given['name'] ?? '',
          scopes,
        })) as { key: string }
        return print(io, given, answer, () => `${answer.key}\n`)
      },
    },
    list: {
      usage: 'list',
      async run({ ask, given, io }) {
        const answer = (await ask('GET', '/api/operator/keys')) as {
          keys: readonly ApiKey[]
          projects: readonly ProjectView[]
        }
        const rows = answer.keys.map((key) => [
          key.id,
          key.project,
          key.name,
          key.scopes.join(','),
          time(key.created_at),
          time(key.last_used_at),
          key.revoked_at === null ? 'live' : 'revoked',
        ])
        return print(io, given, answer, () =>
          table(['id', 'project', 'name', 'scopes', 'created', 'last used', 'state'], rows),
        )
      },
    },
    revoke: {
      usage: 'revoke ID',
      async run({ ask, given, positional, io }) {
        if (positional[0] === undefined)
          throw new FaultlineError('usage', 'keys revoke takes the id of a key; see `keys list`')
        const answer = await ask(
          'DELETE',
          `/api/operator/keys/${encodeURIComponent(positional[0])}`,
        )
        return print(io, given, answer, () => `revoked ${positional[0]}\n`)
      },
    },
  },
)

function idsOf(positional: readonly string[]): number[] {
  return positional.map((text) => {
    if (!/^\d+$/.test(text))
      throw new FaultlineError('usage', `${text} is not the id of a dead letter; see \`dlq list\``)
    return Number(text)
  })
}

export const dlqCommand = operatorCommand(
  'dlq',
  'Dead letters: records that could not be processed, kept whole.',
  {
    list: {
      usage: 'list',
      async run({ ask, given, io }) {
        const { items } = (await ask('GET', '/api/operator/dead-letters')) as {
          items: readonly DeadLetterView[]
        }
        const rows = items.map((one) => [
          String(one.id),
          one.stage,
          `${one.topic}/${one.partition}@${one.offset}`,
          one.code,
          one.redriven ? 'put back' : '',
          one.error.slice(0, 80),
        ])
        return print(io, given, items, () =>
          rows.length === 0
            ? 'no dead letters\n'
            : table(['id', 'stage', 'from', 'code', '', 'error'], rows),
        )
      },
    },
    show: {
      usage: 'show ID',
      async run({ ask, given, positional, io }) {
        const [id] = idsOf(positional)
        if (id === undefined)
          throw new FaultlineError('usage', 'dlq show takes the id of a dead letter')
        const answer = await ask('GET', `/api/operator/dead-letters/${id}`)
        return print(io, given, answer, () => `${JSON.stringify(answer, null, 2)}\n`)
      },
    },
    redrive: {
      usage: 'redrive [ID …]   (all that were not put back yet when no id is given)',
      async run({ ask, given, positional, io }) {
        const answer = (await ask('POST', '/api/operator/dead-letters/redrive', {
          ids: idsOf(positional),
        })) as {
          redriven: readonly number[]
          skipped: readonly { id: number; reason: string }[]
        }
        const skipped = answer.skipped
          .map(({ id, reason }) => `skipped ${id}: ${reason}\n`)
          .join('')
        print(io, given, answer, () => `${answer.redriven.length} put back\n${skipped}`)
        return answer.skipped.length > 0 && answer.redriven.length === 0 ? 1 : 0
      },
    },
  },
)
