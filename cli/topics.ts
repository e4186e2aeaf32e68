import { TOPICS } from '#/schemas/topics.ts'
import type { Command } from './io.ts'
import { parseArguments, type OptionSpec } from './options.ts'

const OPTIONS = [
  { name: 'json', type: 'flag', about: 'as JSON' },
] as const satisfies readonly OptionSpec[]

/** The topic table as Markdown; docs/topics.md holds exactly this. */
export function topicsTable(): string {
  const rows = Object.values(TOPICS).map((topic) => {
    const partitions = topic.partitions === 'one' ? '1' : 'configured'
    const retention = topic.retention === 'forever' ? 'for ever' : 'as configured (7 days)'
    return `| \`${topic.name}\` | ${topic.key} | ${topic.schema} | ${partitions} | ${retention}${topic.compacted ? ', compacted' : ''} | ${topic.about} |`
  })
  return `| topic | key | value | partitions | kept | what |\n| --- | --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

export const topicsCommand: Command = async (args, io) => {
  const { given, help } = parseArguments(args, OPTIONS)
  if (help) io.stdout.write('Usage: faultline topics [--json]\n\nPrints every topic of the log.\n')
  else
    io.stdout.write(
      given['json'] === true ? `${JSON.stringify(Object.values(TOPICS))}\n` : topicsTable(),
    )
  return 0
}
