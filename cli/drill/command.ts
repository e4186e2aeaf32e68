import { writeFileSync } from 'node:fs'
import type { DrillFile } from '#/api/drills.ts'
import { operatorCommand, print, table, type Ask } from '#/cli/operate.ts'
import type { OptionSpec, OptionValues } from '#/cli/options.ts'
import { targetUrl } from '#/cli/target.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { DRILL_LIMITS } from '#/processors/domain/drill/plan.ts'
import type { DrillView } from '#/schemas/drill-view.ts'

const PROJECT: OptionSpec = {
  name: 'project',
  type: 'text',
  default: 'default',
  value: 'project',
  about: 'of the incident',
}
const POLL_MS = 500
/** A ClickHouse has to be started; on a busy machine that takes a while. */
const OPEN_MS_MAX = 120_000

const projectOf = (given: OptionValues): string =>
  `project=${encodeURIComponent(String(given['project'] ?? 'default'))}`

async function listOf(ask: Ask, given: OptionValues): Promise<readonly DrillView[]> {
  const { items } = (await ask('GET', `/api/drills?${projectOf(given)}`)) as {
    items: readonly DrillView[]
  }
  return items
}

/** The one that is named, else the one that runs, else the newest. */
async function chosen(ask: Ask, given: OptionValues, name: string | undefined): Promise<number> {
  if (name !== undefined) {
    if (/^\d{1,9}$/.test(name)) return Number(name)
    throw new FaultlineError('usage', `${name} is not the id of a drill; see \`drill list\``)
  }
  const [newest] = await listOf(ask, given)
  if (newest !== undefined) return newest.id
  throw new FaultlineError('not_found', 'There was no drill yet.', {
    remedy: 'faultline drill start 12 --speed 5',
  })
}

function addressOf({ url, port }: DrillView, given: OptionValues): string {
  if (url !== '') return url
  const address = new URL(targetUrl(given))
  address.port = String(port)
  return address.href
}

/** Until its pages can be opened. */
async function opened(ask: Ask, given: OptionValues, id: number): Promise<DrillView> {
  for (let waited = 0; waited < OPEN_MS_MAX; waited += POLL_MS) {
    const found = (await listOf(ask, given)).find((one) => one.id === id)
    if (found === undefined || found.state === 'failed')
      throw new FaultlineError('conflict', `Drill ${id} failed: ${found?.why ?? 'it is gone'}`)
    if (found.port !== 0 || found.state === 'ended') return found
    await systemClock.sleep(POLL_MS)
  }
  throw new FaultlineError('conflict', `Drill ${id} is not open after ${OPEN_MS_MAX / 1000} s.`, {
    remedy: 'See `faultline drill list`, and the log of the platform.',
  })
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

/** Recorded outages played again to trainees, and what came of it. */
export const drillCommand = operatorCommand(
  'drill',
  'A recorded incident played again to trainees in a sandbox; afterwards both are compared.',
  {
    start: {
      usage: 'start INCIDENT [--speed 1] [--minutes N] [--grace-s 600] [--answer WORDS]',
      options: [
        PROJECT,
        {
          name: 'speed',
          type: 'number',
          ...bounds(DRILL_LIMITS.speed),
          about: 'times faster, 1 to 20',
        },
        {
          name: 'minutes',
          type: 'number',
          ...bounds(DRILL_LIMITS.minutes),
          about: 'how much of the record is played (default: to the end of the incident)',
        },
        {
          name: 'grace-s',
          type: 'number',
          ...bounds(DRILL_LIMITS.graceS),
          about: 'how long it stays open when all is played, in seconds',
        },
        {
          name: 'answer',
          type: 'text',
          isList: true,
          value: 'words',
          about:
            'by which naming the cause is noticed, separated by commas (default: the suspected release)',
        },
      ],
      async run({ ask, given, positional, io }) {
        const [incident] = positional
        if (incident === undefined)
          throw new FaultlineError('usage', 'name the incident', {
            remedy: 'faultline drill start 12 --speed 5',
          })
        const answer = typeof given['answer'] === 'string' ? given['answer'].split(',') : []
        const wish = {
          incident,
          answer: answer.map((one) => one.trim()),
          ...(given['speed'] === undefined ? {} : { speed: given['speed'] }),
          ...(given['minutes'] === undefined ? {} : { minutes: given['minutes'] }),
          ...(given['grace-s'] === undefined ? {} : { grace_s: given['grace-s'] }),
        }
        const begun = (await ask('POST', `/api/drills?${projectOf(given)}`, wish)) as DrillView
        io.stderr.write(`… ${begun.events} events are copied, opening the sandbox\n`)
        const view = await opened(ask, given, begun.id)
        return print(io, given, view, () => {
          const playsFor = seconds(view.played_at - view.started_at)
          return `drill ${view.id} plays #${view.incident_number} at ${view.speed}x for ${playsFor}: ${addressOf(view, given)}\n`
        })
      },
    },
    list: {
      usage: 'list',
      options: [PROJECT],
      async run({ ask, given, io }) {
        const items = await listOf(ask, given)
        const rows = items.map((one) => [
          String(one.id),
          `#${one.incident_number}`,
          `${one.speed}x`,
          one.state,
          `${one.played}/${one.events}`,
          one.started_by,
          one.port === 0 ? one.why : addressOf(one, given),
        ])
        return print(io, given, items, () =>
          rows.length === 0
            ? 'no drills\n'
            : table(['id', 'incident', 'speed', 'state', 'events', 'started by', ''], rows),
        )
      },
    },
    end: {
      usage: 'end [ID]',
      options: [PROJECT],
      async run({ ask, given, positional, io }) {
        const id = await chosen(ask, given, positional[0])
        const view = await ask('POST', `/api/drills/${id}/end?${projectOf(given)}`, {})
        return print(io, given, view, () => `drill ${id} has ended: faultline drill report ${id}\n`)
      },
    },
    report: {
      usage: 'report [ID] [--out FILE] [--json]',
      options: [
        PROJECT,
        { name: 'out', type: 'text', value: 'file', about: 'where it goes instead of stdout' },
      ],
      async run({ ask, given, positional, io }) {
        const id = await chosen(ask, given, positional[0])
        const path = `/api/drills/${id}/report?${projectOf(given)}`
        const file = (await ask('GET', path)) as DrillFile
        const text = given['json'] === true ? `${JSON.stringify(file, null, 2)}\n` : file.markdown
        if (typeof given['out'] !== 'string') {
          io.stdout.write(text)
          return 0
        }
        writeFileSync(given['out'], text)
        io.stderr.write(`${given['out']} holds the report of drill ${id}\n`)
        return 0
      },
    },
  },
)

function bounds({ min, max }: { min: number; max: number }): { min: number; max: number } {
  return { min, max }
}
