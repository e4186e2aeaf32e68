import { markdownText, timeText } from '#/schemas/collab/post-mortem-text.ts'
import { plainTitle } from '#/schemas/plain-title.ts'
import { drillSpan } from '#/schemas/drill-view.ts'
import type { DrillMoment, DrillPairs, DrillReport } from '#/schemas/drill-view.ts'

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function momentText(moment: DrillMoment | null, span: 'after' | 'story'): string {
  if (moment === null) return 'never'
  const by = moment.by === '' ? '' : `, ${markdownText(moment.by)}`
  return `${drillSpan(moment[span])}${by}`
}

function statusesText(moments: readonly DrillMoment[]): string {
  const texts = moments.map((one) => `${markdownText(one.what)} after ${momentText(one, 'after')}`)
  return texts.join('; ') || 'none'
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'None.' : items.map((item) => `- ${item}`).join('\n')
}

function pairsText<T>(pairs: DrillPairs<T>, textOf: (one: T) => string): string[] {
  return [
    '### In both',
    listed(pairs.both.map((pair) => `${textOf(pair.recorded)} — ${textOf(pair.drill)}`)),
    '### Only in the real incident',
    listed(pairs.only_recorded.map(textOf)),
    '### Only in the drill',
    listed(pairs.only_drill.map(textOf)),
  ]
}

/** The report for people, in one document; the same report gives the same bytes. */
export function drillMarkdown(report: DrillReport): string {
  const { drill, milestones, statuses, people, events, rooms, answer } = report
  const parts = [
    `# Drill ${drill.id}: incident #${drill.incident_number}, ${markdownText(plainTitle(drill.title))}`,
    listed([
      `Played at ${drill.speed}x: ${timeText(drill.from)} to ${timeText(drill.to)} of the record, started ${timeText(drill.started_at)} by ${markdownText(drill.started_by)}`,
      `Ended: ${markdownText(drill.why)}`,
      `Naming the cause was noticed by: ${answer.map(markdownText).join(', ') || 'nothing, no cause is known'}`,
      `Events: ${events.recorded} recorded, ${events.played} played, ${events.kept ?? 'an unknown number'} kept by the sandbox`,
      `People in the real incident: ${people.recorded.map(markdownText).join(', ') || 'nobody'}`,
      `People in the drill: ${people.drill.map(markdownText).join(', ') || 'nobody'}`,
    ]),
    '## Times, since it began',
    [
      row(['', 'Real', 'Drill, by the clock', `Drill, in recorded time (${drill.speed}x)`]),
      row(['---', '---', '---', '---']),
      ...milestones.map(({ name, recorded, drill: own }) =>
        row([
          name,
          momentText(recorded, 'after'),
          momentText(own, 'after'),
          momentText(own, 'story'),
        ]),
      ),
    ].join('\n'),
    '## Statuses',
    listed([`Real: ${statusesText(statuses.recorded)}`, `Drill: ${statusesText(statuses.drill)}`]),
    '## Cards',
    ...pairsText(
      report.cards,
      (card) =>
        `${card.kind}: ${markdownText(card.title)} (${markdownText(card.by)}, ${card.state})`,
    ),
    '## Links',
    ...pairsText(
      report.links,
      (link) => `${markdownText(link.from)} ${link.kind} ${markdownText(link.to)}`,
    ),
    '## Incidents of the sandbox',
    listed(
      rooms.map(
        (room) =>
          `#${room.number} ${markdownText(plainTitle(room.title))}: ${room.changes} changes by people${room.compared ? ', compared here' : ''}`,
      ),
    ),
  ]
  return `${parts.join('\n\n')}\n`
}
