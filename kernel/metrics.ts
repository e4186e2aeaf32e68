/**
 * The one list of metrics. Counters end in `_total`, units stand in the name, labels are closed sets.
 * docs/metrics.md shows the same table (a test compares).
 */
export const METRIC_CATALOGUE = {
  faultline_ingest_events_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Events at the door by result: accepted, rejected, limited.',
  },
  faultline_ingest_skipped_total: {
    type: 'counter',
    labels: ['what'],
    help: 'Read at the door and not kept: internal_span, and items of envelopes by kind.',
  },
  faultline_ingest_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From request received to durable acknowledgement.',
  },
  faultline_ingest_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Decoded bytes of ingested bodies.',
  },
  faultline_http_requests_total: {
    type: 'counter',
    labels: ['route', 'status'],
    help: 'HTTP requests by route pattern and status.',
  },
  faultline_http_seconds: {
    type: 'histogram',
    labels: ['route'],
    help: 'HTTP request duration by route pattern.',
  },
  faultline_stage_records_total: {
    type: 'counter',
    labels: ['stage', 'result'],
    help: 'Records by stage and result: ok, drop, dlq, late.',
  },
  faultline_stage_seconds_total: {
    type: 'counter',
    labels: ['stage'],
    help: 'CPU-bound time spent in a stage.',
  },
  faultline_stage_lag_records: {
    type: 'gauge',
    labels: ['stage', 'partition'],
    help: 'Records between the committed and the end offset.',
  },
  faultline_dead_letters_total: {
    type: 'counter',
    labels: ['stage'],
    help: 'Records written to the dead-letter topic.',
  },
  faultline_late_events_total: {
    type: 'counter',
    labels: ['stage'],
    help: 'Events older than the grace of their window.',
  },
  faultline_task_restarts_total: {
    type: 'counter',
    labels: ['stage'],
    help: 'Restarts of a failed task by the supervisor.',
  },
  faultline_log_append_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Duration of one durable append to the log.',
  },
  faultline_log_appended_bytes_total: {
    type: 'counter',
    labels: [],
    help: 'Bytes appended to the log.',
  },
  faultline_log_size_bytes: { type: 'gauge', labels: [], help: 'Bytes of the log on disk.' },
  faultline_sink_rows_total: {
    type: 'counter',
    labels: ['table'],
    help: 'Rows inserted into ClickHouse by table.',
  },
  faultline_sink_insert_seconds: {
    type: 'histogram',
    labels: ['table'],
    help: 'Duration of one insert into ClickHouse.',
  },
  faultline_sink_retries_total: {
    type: 'counter',
    labels: ['table'],
    help: 'Inserts that had to be sent again.',
  },
  faultline_clickhouse_restarts_total: {
    type: 'counter',
    labels: [],
    help: 'Restarts of the embedded engine process.',
  },
  faultline_stream_clients: { type: 'gauge', labels: [], help: 'Open live streams.' },
  faultline_stream_messages_total: {
    type: 'counter',
    labels: ['type'],
    help: 'Messages sent on live streams by type.',
  },
  faultline_stream_resyncs_total: {
    type: 'counter',
    labels: [],
    help: 'Live clients told to read everything again.',
  },
  faultline_notifications_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Steps of notifications: waiting, retrying, delivered, failed, cancelled, suppressed.',
  },
  faultline_notifications_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Notifications planned and not yet over.',
  },
  faultline_notification_seconds: {
    type: 'histogram',
    labels: [],
    help: 'Duration of one attempt to deliver a notification.',
  },
  faultline_incidents_open: { type: 'gauge', labels: [], help: 'Incidents that are not resolved.' },
  faultline_detections_total: { type: 'counter', labels: ['kind'], help: 'Detections by kind.' },
  faultline_ai_calls_total: {
    type: 'counter',
    labels: ['kind', 'outcome'],
    help: 'Calls of the language model by what for (summary, ask, post_mortem) and outcome: ok, invalid, limited, unavailable, refused.',
  },
  faultline_ai_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From the question to the model until its checked answer.',
  },
  faultline_ai_tokens_total: {
    type: 'counter',
    labels: ['direction'],
    help: 'Tokens by direction: prompt, completion.',
  },
  faultline_ai_cost_dollars_total: {
    type: 'counter',
    labels: [],
    help: 'Dollars, by the configured prices.',
  },
  faultline_ai_summaries_total: {
    type: 'counter',
    labels: ['writer'],
    help: 'Attempts at a summary by who wrote it in the end: model, rules, nobody.',
  },
  faultline_ai_jobs_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Jobs that ended without an attempt of this process: given_up.',
  },
  faultline_process_resident_bytes: {
    type: 'gauge',
    labels: ['process'],
    help: 'Resident memory by process.',
  },
} as const

export type MetricName = keyof typeof METRIC_CATALOGUE
type Labels = Readonly<Record<string, string | number>>

// Seconds: from a tenth of a millisecond to ten seconds, three steps a decade.
const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
const SERIES_MAX = 1000

interface Series {
  labels: Labels
  value: number
  buckets?: Float64Array
  count: number
}

export interface Metrics {
  add(name: MetricName, value?: number, labels?: Labels): void
  set(name: MetricName, value: number, labels?: Labels): void
  observe(name: MetricName, seconds: number, labels?: Labels): void
  /** Forgets every series of the metric: for gauges that are told anew at each scrape, so that none stays behind. */
  forget(name: MetricName): void
  /** The current value of one series; histograms give their count. */
  read(name: MetricName, labels?: Labels): number
  /** Prometheus text exposition format 0.0.4. */
  render(): string
}

function keyOf(labels: Labels | undefined): string {
  if (labels === undefined) return ''
  let key = ''
  for (const name in labels) key += `${name}=${labels[name]},`
  return key
}

function renderLabels(labels: Labels, extra = ''): string {
  const parts = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${String(value).replace(/["\\\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`,
  )
  if (extra !== '') parts.push(extra)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function renderHistogram(name: string, series: Series): string {
  let cumulative = 0
  let text = ''
  for (const [index, bound] of BUCKETS.entries()) {
    cumulative += series.buckets?.[index] ?? 0
    text += `${name}_bucket${renderLabels(series.labels, `le="${bound}"`)} ${cumulative}\n`
  }
  text += `${name}_bucket${renderLabels(series.labels, 'le="+Inf"')} ${series.count}\n`
  text += `${name}_sum${renderLabels(series.labels)} ${series.value}\n`
  return `${text}${name}_count${renderLabels(series.labels)} ${series.count}\n`
}

/** Label sets per metric are bounded: past SERIES_MAX further ones are folded into one series. */
export function createMetrics(): Metrics {
  const all = new Map<MetricName, Map<string, Series>>()
  const seriesOf = (name: MetricName, labels: Labels | undefined): Series => {
    let family = all.get(name)
    if (family === undefined) all.set(name, (family = new Map()))
    let key = keyOf(labels)
    let found = family.get(key)
    if (found !== undefined) return found
    let own: Labels = labels ?? {}
    if (family.size >= SERIES_MAX) {
      own = Object.fromEntries(Object.keys(own).map((label) => [label, 'other']))
      key = keyOf(own)
      found = family.get(key)
      if (found !== undefined) return found
    }
    found = { labels: own, value: 0, count: 0 }
    if (METRIC_CATALOGUE[name].type === 'histogram')
      found.buckets = new Float64Array(BUCKETS.length)
    family.set(key, found)
    return found
  }
  return {
    add(name, value = 1, labels) {
      seriesOf(name, labels).value += value
    },
    set(name, value, labels) {
      seriesOf(name, labels).value = value
    },
    observe(name, seconds, labels) {
      const series = seriesOf(name, labels)
      series.value += seconds
      series.count += 1
      const index = BUCKETS.findIndex((bound) => seconds <= bound)
      if (index >= 0 && series.buckets !== undefined)
        series.buckets[index] = (series.buckets[index] ?? 0) + 1
    },
    forget(name) {
      all.delete(name)
    },
    read(name, labels) {
      const series = all.get(name)?.get(keyOf(labels))
      if (series === undefined) return 0
      return series.buckets === undefined ? series.value : series.count
    },
    render() {
      let text = ''
      for (const [name, family] of all) {
        const { type, help } = METRIC_CATALOGUE[name]
        text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
        for (const series of family.values()) {
          text +=
            type === 'histogram'
              ? renderHistogram(name, series)
              : `${name}${renderLabels(series.labels)} ${series.value}\n`
        }
      }
      return text
    },
  }
}
