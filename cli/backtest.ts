import { createInterface } from 'node:readline'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import { parseTopology } from '#/processors/domain/incident/service-graph.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'
import { createOfflinePipeline } from '#/processors/domain/pipeline.ts'
import type { OfflinePipeline } from '#/processors/domain/pipeline.ts'
import { detectorEventOf } from '#/processors/stages/detector-event.ts'
import { groupInputOf, isGrouped } from '#/processors/domain/grouping/group-input.ts'
import { canonicalize } from '#/schemas/event-input.ts'
import { createEventLedger } from './backtest-members.ts'
import type { EventLedger } from './backtest-members.ts'
import { writeData, type Io } from './io.ts'
import { describeOptions, parseArguments } from './options.ts'
import type { OptionSpec } from './options.ts'
import { createProgress } from './progress.ts'
import { parseRules, readSetting } from './rules-file.ts'
import type { Rules } from './rules-file.ts'
import { openSource } from './source.ts'

const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'topology',
    type: 'text',
    value: 'file',
    about: 'services with criticality, zone, calls and external hosts (JSON or YAML)',
  },
  {
    name: 'rules',
    type: 'text',
    value: 'file',
    about:
      'fingerprints: rules for grouping; incidents: numbers of the policy; topology (JSON or YAML)',
  },
]

const HELP = `Usage: faultline backtest FILE|- [options]

Runs recorded events (one JSON object a line, in order of arrival, with received_at) through grouping, detection
and clustering, without a running platform. Every incident gives one JSON line:
{"incident", "opened_at", "severity", "score", "level_turns", "root", "suspect_deploy", "members": [event id, …]}
"score" is the severity from 0 to 100 fifteen minutes after opening, "severity" the SEV number at that time,
"level_turns" how often it fell after it had risen, or rose after it had fallen.

${describeOptions(OPTIONS)}
`

const SCORED_AFTER_MS = 15 * 60_000
const SHOWN_MAX = 5
const WRITE_CHARS = 65_536
const UPDATE_LINES = 1000

interface Scored {
  level: number
  score: number
}

/** `faultline backtest FILE`: exit code 0 done, 1 the input cannot be read or has refused lines, 2 wrong usage. */
export async function backtestCommand(args: string[], io: Io): Promise<number> {
  try {
    const { given, positional, help } = parseArguments(args, OPTIONS)
    if (help) {
      io.stdout.write(HELP)
      return 0
    }
    const [path, ...others] = positional
    if (path === undefined || others.length > 0)
      throw new FaultlineError('usage', 'give one FILE, or - for standard input')
    const rules = readSetting(given['rules'], parseRules) ?? {}
    const topology = readSetting(given['topology'], parseTopology) ?? rules.topology ?? []
    return await backtest({ path, topology, rules }, io)
  } catch (error) {
    const place = isFaultlineError(error) && error.path !== undefined ? ` (${error.path})` : ''
    const remedy = isFaultlineError(error) && error.remedy !== undefined ? `; ${error.remedy}` : ''
    io.stderr.write(`faultline backtest: ${messageOf(error)}${place}${remedy}\n`)
    return isFaultlineError(error, 'usage') ? 2 : 1
  }
}

async function backtest(
  input: { path: string; topology: readonly TopologyService[]; rules: Rules },
  io: Io,
): Promise<number> {
  const pipeline = createOfflinePipeline({
    project: 'backtest',
    reading: { isGrouped, groupInputOf, detectorEventOf },
    ...input.rules,
    topology: input.topology,
  })
  const source = openSource(input.path, io)
  const progress = createProgress({ stream: io.stderr, clock: systemClock, unit: 'events' })
  const reader = createReader(pipeline, io)
  let lines = 0
  for await (const line of createInterface({ input: source.stream, crlfDelay: Infinity })) {
    lines += 1
    if (line.trim() !== '') reader.read(line, lines)
    if (lines % UPDATE_LINES === 0)
      progress.update({ done: source.bytesRead(), total: source.bytesTotal, items: lines })
  }
  reader.end()
  const { ledger, scores, levelTurns } = reader
  await writeIncidents({ pipeline, ledger, scores, levelTurns }, io)
  const incidents = pipeline.clusterer.memberships().length
  const refused = reader.refused() > 0 ? `, ${reader.refused()} lines refused` : ''
  progress.finish(`${lines} lines, ${incidents} incidents${refused}`)
  return reader.refused() > 0 ? 1 : 0
}

/** Feeds lines to the pipeline, keeps which event had which issue, and each incident's severity when it is due. */
function createReader(pipeline: OfflinePipeline, io: Io) {
  const ledger = createEventLedger()
  const scores = new Map<string, Scored>()
  const levels = new Map<string, { level: number; direction: number }>()
  const levelTurns = new Map<string, number>()
  const due = new Map<string, number>()
  let latestMs = 0
  let made = 0
  let refused = 0

  function follow(changes: ReturnType<OfflinePipeline['finish']>): void {
    for (const { kind, incident } of changes) {
      noteLevel(incident.id, incident.severity.level)
      if (kind === 'opened') due.set(incident.id, incident.openedAt + SCORED_AFTER_MS)
      if (due.has(incident.id)) scores.set(incident.id, incident.severity)
    }
    for (const [id, atMs] of due) {
      if (pipeline.nowMs < atMs) continue
      const incident = pipeline.clusterer.incident(id)
      if (incident?.id === id && incident.status !== 'resolved') scores.set(id, incident.severity)
      due.delete(id)
    }
  }

  function noteLevel(id: string, level: number): void {
    const before = levels.get(id)
    if (before?.level === level) return
    const direction = before === undefined ? 0 : Math.sign(level - before.level)
    if (before !== undefined && direction === -before.direction)
      levelTurns.set(id, (levelTurns.get(id) ?? 0) + 1)
    levels.set(id, { level, direction })
  }

  function refuse(line: number, text: string): void {
    refused += 1
    if (refused <= SHOWN_MAX) io.stderr.write(`line ${line}: ${text}\n`)
  }

  return {
    ledger,
    scores,
    levelTurns,
    refused: () => refused,
    read(text: string, line: number): void {
      let parsed: unknown
      try {
        parsed = JSON.parse(text)
      } catch (error) {
        refuse(line, `not JSON: ${messageOf(error)}`)
        return
      }
      const read = canonicalize(parsed, {
        project: 'backtest',
        nowMs: latestMs,
        makeId: () => `made-${(made += 1)}`,
        trustReceivedAt: true,
      })
      if (!read.ok) {
        refuse(line, `${read.message}${read.path === '' ? '' : ` (${read.path})`}`)
        return
      }
      const { event } = read
      latestMs = Math.max(latestMs, event.received_at)
      const pushed = pipeline.push(event)
      if (pushed === undefined) return
      const { event_id: id, occurred_at: atMs, service, environment } = event
      ledger.add({ id, atMs, service, environment, fingerprint: pushed.fingerprint })
      follow(pushed.changes)
    },
    end: () => follow(pipeline.finish()),
  }
}

async function writeIncidents(
  found: {
    pipeline: OfflinePipeline
    ledger: EventLedger
    scores: ReadonlyMap<string, Scored>
    levelTurns: ReadonlyMap<string, number>
  },
  io: Io,
): Promise<void> {
  let pending = ''
  for (const membership of found.pipeline.clusterer.memberships()) {
    const { incident } = membership
    const { level, score } = found.scores.get(incident.id) ?? incident.severity
    pending += `${JSON.stringify({
      incident: incident.id,
      opened_at: new Date(incident.openedAt).toISOString(),
      severity: level,
      score,
      level_turns: found.levelTurns.get(incident.id) ?? 0,
      root: incident.root,
      suspect_deploy: incident.suspectDeploy === '' ? null : incident.suspectDeploy,
      members: found.ledger.membersOf(membership),
    })}\n`
    if (pending.length < WRITE_CHARS) continue
    await writeData(pending, io)
    pending = ''
  }
  await writeData(pending, io)
}
