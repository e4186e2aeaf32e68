import type { RecordName } from '#/schemas/avro-schemas.ts'

/** One row per topic; docs/topics.md shows the same table (a test compares). */
export interface TopicSpec {
  name: string
  /** What the record key is made of. */
  key: string
  schema: RecordName
  partitions: 'telemetry' | 'one'
  /** `telemetry` topics follow the configured retention; others are kept for ever. */
  retention: 'telemetry' | 'forever'
  compacted: boolean
  about: string
}

const topic = (
  name: string,
  schema: RecordName,
  key: string,
  about: string,
  rest: Partial<Pick<TopicSpec, 'partitions' | 'retention' | 'compacted'>> = {},
): TopicSpec => ({
  name,
  schema,
  key,
  about,
  partitions: 'one',
  retention: 'telemetry',
  compacted: false,
  ...rest,
})

const spread = { partitions: 'telemetry' } as const
const forever = { retention: 'forever' } as const

export const TOPICS = {
  raw: topic(
    'signals.raw.v1',
    'Event',
    'project + service',
    'Events as accepted at the door, with ticks in between.',
    spread,
  ),
  fingerprinted: topic(
    'signals.fingerprinted.v1',
    'GroupedEvent',
    'project + service',
    'The same events with fingerprint and template, each once.',
    spread,
  ),
  late: topic(
    'signals.late.v1',
    'GroupedEvent',
    'project + service',
    'Events that came after their window had closed.',
    spread,
  ),
  deadLetters: topic(
    'signals.dlq.v1',
    'DeadLetter',
    'stage',
    'Records that could not be processed, kept whole.',
  ),
  detections: topic(
    'detections.v1',
    'Detection',
    'project',
    'Spikes, new and regressed issues, deploys, activity.',
  ),
  aliases: topic(
    'fingerprints.aliases.v1',
    'FingerprintAlias',
    'project + alias',
    'Ids that turned out to be one.',
    { ...forever, compacted: true },
  ),
  lifecycle: topic(
    'incidents.lifecycle.v1',
    'IncidentEvent',
    'incident',
    'Every step in the life of an incident.',
    forever,
  ),
  commands: topic(
    'investigation.commands.v1',
    'Action',
    'incident',
    'Changes people ask for.',
    forever,
  ),
  actions: topic(
    'investigation.actions.v1',
    'Action',
    'incident',
    'Changes accepted or rejected.',
    forever,
  ),
  aiJobs: topic(
    'ai.jobs.v1',
    'AiJob',
    'incident',
    'Work of the AI worker: wishes, leases, answers with what they cost.',
    // A replay makes summaries from the answers, which were paid for.
    forever,
  ),
  presence: topic(
    'investigation.presence.v1',
    'Action',
    'gateway + incident',
    'Who is looking, told from one API process to the others; nothing reads it back.',
    { compacted: true },
  ),
  insights: topic('ai.insights.v1', 'Insight', 'incident', 'Summaries of incidents.', forever),
  deliveries: topic(
    'notify.deliveries.v1',
    'Delivery',
    'incident',
    'Notifications: planned, each attempt, how they ended.',
    forever,
  ),
  audit: topic(
    'audit.v1',
    'AuditEntry',
    'actor',
    'Decisions about access and administration.',
    forever,
  ),
  clock: topic('clock.v1', 'Tick', 'none', 'Recorded readings of the wall clock.'),
  config: topic('config.v1', 'ConfigEntry', 'kind + id', 'Projects, keys, rules, epochs.', {
    ...forever,
    compacted: true,
  }),
} as const satisfies Record<string, TopicSpec>

/** The key that keeps the events of one service in order on one partition. */
export function telemetryKey(project: string, service: string): string {
  return `${project}/${service}`
}
