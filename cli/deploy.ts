import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { systemRandom, uuidV7 } from '#/kernel/random.ts'
import type { Command } from './io.ts'
import { describeOptions, parseArguments } from './options.ts'
import type { OptionSpec, OptionValues } from './options.ts'
import { createSender } from './sender.ts'
import { TARGET_OPTIONS, targetOf } from './target.ts'

const OPTIONS: readonly OptionSpec[] = [
  { name: 'service', type: 'text', value: 'name', about: 'what was deployed' },
  { name: 'release', type: 'text', value: 'version', about: 'the version that runs now' },
  { name: 'environment', type: 'text', value: 'name', about: 'where (default prod)' },
  { name: 'commit', type: 'text', value: 'sha', about: 'the commit it was built from' },
  {
    name: 'kind',
    type: 'text',
    default: 'code',
    value: 'kind',
    about: 'what changed: code, configuration, migration, flag, dependency, …',
  },
  {
    name: 'id',
    type: 'text',
    value: 'id',
    about: 'the id of this deployment, so that telling it twice counts once; made when missing',
  },
  { name: 'at', type: 'text', value: 'time', about: 'when (default now), as 2026-01-31T02:30:00Z' },
  { name: 'message', type: 'text', value: 'text', about: 'what a person should know of it' },
  { name: 'json', type: 'flag', default: false, about: 'answer as JSON' },
  ...TARGET_OPTIONS,
]

const HELP = `Usage: faultline deploy --service NAME --release VERSION [options]

Tells the platform that a service runs a new version, as the last step of a deployment. It is drawn on the charts,
and is what a suspect deploy is found among.

${describeOptions(OPTIONS)}
`

/** The event of a deployment, as its options tell it. Fails with `usage`. */
export function deployEvent(options: OptionValues, makeId: () => string): Record<string, unknown> {
  for (const name of ['service', 'release'])
    if (typeof options[name] !== 'string' || options[name].trim() === '')
      throw new FaultlineError('usage', `deploy needs --${name}`, {
        remedy:
          'faultline deploy --service checkout --release v2.4.2 --commit "$(git rev-parse HEAD)"',
      })
  const id = typeof options['id'] === 'string' ? options['id'] : makeId()
  if (!/^[A-Za-z0-9_-]{1,57}$/.test(id))
    throw new FaultlineError('usage', '--id must be 1 to 57 of A-Z, a-z, 0-9, _ and -')
  return {
    event_type: 'deploy',
    event_id: `deploy-${id}`,
    service: options['service'],
    release: options['release'],
    ...taken(options, { environment: 'environment', at: 'occurred_at', message: 'message' }),
    attributes: {
      deploy_id: id,
      change_kind: options['kind'] ?? 'code',
      ...taken(options, { commit: 'commit' }),
    },
  }
}

/** Options that were given, under the names the event has for them. */
function taken(
  options: OptionValues,
  names: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([option, field]) =>
      options[option] === undefined ? [] : [[field, options[option]]],
    ),
  )
}

export const deployCommand: Command = async (args, io) => {
  const { given: options, help, positional } = parseArguments(args, OPTIONS)
  if (help) {
    io.stdout.write(HELP)
    return 0
  }
  if (positional.length > 0)
    throw new FaultlineError('usage', `deploy takes no argument: ${positional.join(' ')}`)
  const event = deployEvent(options, () => uuidV7(systemClock.nowMs()))
  const { url, key } = targetOf(options)
  const sender = createSender({
    url,
    key,
    clock: systemClock,
    random: systemRandom,
    // A pipeline waits for this: ten seconds, not minutes.
    attemptsMax: 6,
  })
  const { rejected } = await sender.send([event])
  const [refused] = rejected
  if (refused !== undefined) throw new FaultlineError('invalid_event', refused.message)
  const { deploy_id: id } = event['attributes'] as { deploy_id: string }
  io.stdout.write(
    options['json'] === true
      ? `${JSON.stringify({ deploy_id: id, event_id: event['event_id'] })}\n`
      : `${String(event['service'])} ${String(event['release'])}: deploy ${id}\n`,
  )
  return 0
}
