import { readFileSync, writeFileSync } from 'node:fs'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import type { RoomEvent } from '#/schemas/collab/state.ts'
import type { IncidentDetail } from '#/schemas/view.ts'
import type { Io } from './io.ts'
import { operatorCommand, print } from './operate.ts'
import type { OptionValues } from './options.ts'
import { proofOf, verifyProof, type Verdict } from './proof.ts'

/** A post-mortem as a file that proves itself: written from a running platform, checked anywhere. */
export const postMortemCommand = operatorCommand(
  'post-mortem',
  'The post-mortem of an incident with all it rests on, chained line by line.',
  {
    export: {
      usage: 'export INCIDENT --out FILE',
      options: [
        { name: 'out', type: 'text', value: 'file', about: 'where it goes' },
        { name: 'project', type: 'text', value: 'project', about: 'of the incident (default)' },
      ],
      async run({ ask, given, positional, io }) {
        const [id] = positional
        const { out } = given
        if (id === undefined || typeof out !== 'string')
          throw new FaultlineError('usage', 'name the incident and a file', {
            remedy: 'faultline post-mortem export 12 --out incident-12.jsonl',
          })
        const project = encodeURIComponent(String(given['project'] ?? 'default'))
        const path = `/api/incidents/${encodeURIComponent(id)}?project=${project}`
        const answer = (await ask('GET', path)) as IncidentDetail & { history?: RoomEvent[] }
        const { rules } = (await ask('GET', `/api/grouping/rules?project=${project}`)) as {
          rules: readonly unknown[]
        }
        const { incident, deploys, similar, history = [] } = answer
        const text = proofOf({
          incidentId: incident.id,
          exportedAt: systemClock.nowMs(),
          detail: { incident, deploys, similar },
          events: history,
          rules,
        })
        writeFileSync(out, text)
        return told(io, given, verifyProof(text), out)
      },
    },
    verify: {
      usage: 'verify FILE [--head HASH] [--print]',
      options: [
        {
          name: 'head',
          type: 'text',
          value: 'hash',
          about: 'the head that was printed at the export: it must be the end of the file',
        },
        { name: 'print', type: 'flag', about: 'print the document when it holds' },
      ],
      async run({ given, positional, io }) {
        const [file] = positional
        if (file === undefined)
          throw new FaultlineError('usage', 'name the file that export has written')
        let text: string
        try {
          text = readFileSync(file, 'utf8')
        } catch (error) {
          throw new FaultlineError('usage', `${file} cannot be read: ${messageOf(error)}`)
        }
        const head = typeof given['head'] === 'string' ? given['head'] : ''
        const verdict = verifyProof(text, head)
        if (verdict.ok && given['print'] === true) io.stdout.write(`${verdict.markdown}\n`)
        return told(io, given, verdict, file)
      },
    },
  },
)

function told(io: Io, given: OptionValues, verdict: Verdict, file: string): number {
  const place = verdict.ok || verdict.line === 0 ? '' : `, line ${verdict.line}`
  print(io, given, verdict, () =>
    verdict.ok
      ? `${file} holds: ${verdict.lines} lines, ${verdict.events} events; room and document follow from them\nhead ${verdict.head}\n`
      : `${file} does not hold${place}: ${verdict.what}\n`,
  )
  return verdict.ok ? 0 : 1
}
