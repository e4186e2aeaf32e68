import type { AuditVerdict, AuditView } from '#/schemas/accounts.ts'
import { operatorCommand, print, table } from './operate.ts'

const DETAIL_CHARS_MAX = 100

export const auditCommand = operatorCommand(
  'audit',
  'The audit trail: who was let in, who was refused, who changed what.',
  {
    list: {
      usage: 'list [--limit 50]',
      options: [
        {
          name: 'limit',
          type: 'number',
          default: 50,
          min: 1,
          max: 500,
          about: 'how many, newest first',
        },
      ],
      async run({ ask, given, io }) {
        const { items } = (await ask(
          'GET',
          `/api/audit?limit=${Number(given['limit'] ?? 50)}`,
        )) as {
          items: readonly AuditView[]
        }
        const rows = items.map(({ at, actor, action, target, result, detail }) => [
          new Date(at).toISOString(),
          actor,
          action,
          target,
          result,
          JSON.stringify(detail).slice(0, DETAIL_CHARS_MAX),
        ])
        return print(io, given, items, () =>
          table(['at', 'actor', 'action', 'target', 'result', 'detail'], rows),
        )
      },
    },
    verify: {
      usage: 'verify [--head HASH]',
      options: [
        {
          name: 'head',
          type: 'text',
          value: 'hash',
          about: 'a head that was printed earlier: it must still be there',
        },
      ],
      async run({ ask, given, io }) {
        const head = typeof given['head'] === 'string' ? given['head'] : ''
        const path = `/api/audit/verify?head=${encodeURIComponent(head)}`
        const verdict = (await ask('GET', path)) as AuditVerdict
        print(io, given, verdict, () => textOf(verdict))
        return verdict.isWhole ? 0 : 1
      },
    },
  },
)

function textOf(verdict: AuditVerdict): string {
  const { entries, writers, head, knownHead, isWhole, problems } = verdict
  const found = problems.map(({ offset, what }) => `entry ${offset} ${what}\n`).join('')
  const lost =
    knownHead === false ? 'the head that was given is not there: entries are missing\n' : ''
  const by = `${entries} entries by ${writers} process${writers === 1 ? '' : 'es'}`
  return `${found}${lost}${by}, ${isWhole ? 'all of them as they were written' : 'NOT as they were written'}\nhead ${head}\n`
}
