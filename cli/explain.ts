import type { Explanation, VerifyState } from '#/api/ports.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { followWork } from './follow-work.ts'
import type { Io } from './io.ts'
import { operatorCommand, print, type Ask } from './operate.ts'
import type { OptionValues } from './options.ts'

const PATH = '/api/operator/verify'

/** `faultline explain ID`: exit code 0 as recorded, 1 when `--verify` finds something that is not. */
export const explainCommand = operatorCommand(
  'explain',
  'How an incident or an event came to be what it is: where its records lie, what was measured and decided, and how\nits severity adds up. --verify runs the log again and compares every row and record with what comes of it.',
  {
    '': {
      usage: 'ID [--verify]',
      options: [
        {
          name: 'id',
          type: 'text',
          value: 'id',
          about: 'the same as ID: the number or id of an incident, or the id of an event',
        },
        { name: 'project', type: 'text', default: 'default', value: 'project', about: 'whose' },
        { name: 'verify', type: 'flag', about: 'run the log again and compare' },
      ],
      async run({ ask, given, positional, io }) {
        const id = idOf(given, positional)
        const project = String(given['project'] ?? 'default')
        const place = `${encodeURIComponent(project)}/${encodeURIComponent(id)}`
        const explanation = (await ask('GET', `/api/operator/explain/${place}`)) as Explanation
        if (given['verify'] !== true)
          return print(io, given, explanation, () => explanationText(explanation))
        await ask('POST', PATH, { project, id })
        const state = await follow(ask, io)
        print(
          io,
          given,
          { explanation, ...state },
          () => explanationText(explanation) + verdictText(state),
        )
        const { verdict } = state
        return verdict !== null && verdict.problems.length === 0 && verdict.isWhole ? 0 : 1
      },
    },
  },
)

function idOf(given: OptionValues, positional: readonly string[]): string {
  const [id = given['id'], ...more] = positional
  if (typeof id === 'string' && more.length === 0) return id
  throw new FaultlineError('usage', 'explain takes one id, of an incident or of an event', {
    remedy: 'for example faultline explain 12, or an id as in /api/incidents',
  })
}

/** Texts of strangers: a terminal must not obey them. */
function plain(text: string): string {
  return text.replaceAll(/\p{C}/gu, '.')
}

function explanationText({ kind, id, steps }: Explanation): string {
  const parts = steps.map(
    ({ name, facts }) => `${name}\n${facts.map((fact) => `  ${plain(fact)}\n`).join('')}`,
  )
  return `${kind} ${id}\n\n${parts.join('\n')}`
}

function verdictText({ verdict, phase, error }: VerifyState): string {
  if (verdict === null) return `\ncheck ${phase}${error === '' ? '' : `: ${error}`}\n`
  const { records, compared, problems, isWhole } = verdict
  const whole = isWhole
    ? ''
    : 'the beginning of the log is gone by retention: state cannot be what it was, and differences may come from that\n'
  const found = problems.map(
    ({ row, field, stored, computed }) =>
      `  ${row}${field === '' ? '' : `, ${field}`}: stored ${plain(stored)}, computed ${plain(computed)}\n`,
  )
  const sums = `${records} records run again, ${compared} rows and records compared: `
  return `\nverify\n  ${sums}${problems.length === 0 ? 'all equal' : `${problems.length} differences`}\n${whole}${found.join('')}`
}

function follow(ask: Ask, io: Io): Promise<VerifyState> {
  const read = async (): Promise<VerifyState> => (await ask('GET', PATH)) as VerifyState
  return followWork({ ask, io, name: 'check', unit: 'records', read, path: PATH })
}
