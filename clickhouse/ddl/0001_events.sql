-- Events as they came, one row each. Partitioned by arrival: by event time one imported file would touch more than
-- a hundred partitions, and the TTL would eat imported history. The window counts parts, hence 10,000.
CREATE TABLE IF NOT EXISTS events{{cluster}} (
  project LowCardinality(String),
  event_id String CODEC(ZSTD(1)),
  id_made Bool,
  event_type LowCardinality(String),
  occurred_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  release LowCardinality(String),
  host LowCardinality(String),
  severity UInt8,
  message String CODEC(ZSTD(1)),
  error_type LowCardinality(String),
  error_code LowCardinality(String),
  stack String CODEC(ZSTD(1)),
  route LowCardinality(String),
  method LowCardinality(String),
  status_code UInt16,
  duration_ms Nullable(Float64),
  user_id String CODEC(ZSTD(1)),
  session_id String CODEC(ZSTD(1)),
  request_id String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  parent_span_id String CODEC(ZSTD(1)),
  tags Array(LowCardinality(String)),
  attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attribute_kinds Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  flags Array(LowCardinality(String)),
  fingerprint LowCardinality(String),
  fingerprint_method LowCardinality(String),
  title LowCardinality(String),
  culprit LowCardinality(String),
  template LowCardinality(String),
  template_id LowCardinality(String),
  params Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64 CODEC(Delta, ZSTD(1)),
  _epoch UInt32,
  INDEX message_words lower(message) TYPE text(tokenizer = 'splitByNonAlpha'),
  INDEX occurred_range occurred_at TYPE minmax GRANULARITY 1,
  INDEX event_id_filter event_id TYPE bloom_filter(0.001) GRANULARITY 4,
  INDEX request_filter request_id TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX trace_filter trace_id TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX user_filter user_id TYPE bloom_filter(0.01) GRANULARITY 4
) ENGINE = {{MergeTree}}
PARTITION BY toDate(received_at)
ORDER BY (project, event_type, service, fingerprint, occurred_at)
TTL toDateTime(received_at) + INTERVAL {{retention_days}} DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- Rollups. Every target of a view needs a deduplication window of its own, else a repeated insert counts twice here
-- while the base table stays right. They expire by the day of arrival as the events do: by event time an imported
-- history would be gone at once.
CREATE TABLE IF NOT EXISTS events_10s{{cluster}} (
  project LowCardinality(String),
  bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  event_type LowCardinality(String),
  severity UInt8,
  events SimpleAggregateFunction(sum, UInt64),
  failures SimpleAggregateFunction(sum, UInt64),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, bucket, service, environment, event_type, severity)
TTL received_on + INTERVAL 3 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS events_1m{{cluster}} (
  project LowCardinality(String),
  bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  event_type LowCardinality(String),
  severity UInt8,
  release LowCardinality(String),
  route LowCardinality(String),
  events SimpleAggregateFunction(sum, UInt64),
  failures SimpleAggregateFunction(sum, UInt64),
  users AggregateFunction(uniqCombined(12), String),
  durations AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, bucket, service, environment, event_type, severity, release, route)
TTL received_on + INTERVAL {{retention_days}} DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS events_1h{{cluster}} (
  project LowCardinality(String),
  bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  event_type LowCardinality(String),
  severity UInt8,
  events SimpleAggregateFunction(sum, UInt64),
  failures SimpleAggregateFunction(sum, UInt64),
  users AggregateFunction(uniqCombined(12), String),
  durations AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYear(bucket)
ORDER BY (project, bucket, service, environment, event_type, severity)
SETTINGS non_replicated_deduplication_window = 10000;

-- Events of one issue per minute: sparklines, and which events an incident holds.
CREATE TABLE IF NOT EXISTS issues_1m{{cluster}} (
  project LowCardinality(String),
  fingerprint LowCardinality(String),
  bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  service LowCardinality(String),
  release LowCardinality(String),
  events SimpleAggregateFunction(sum, UInt64),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, fingerprint, bucket, service, release)
TTL received_on + INTERVAL {{retention_days}} DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS issues{{cluster}} (
  project LowCardinality(String),
  fingerprint String,
  first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
  last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
  events SimpleAggregateFunction(sum, UInt64),
  users AggregateFunction(uniqCombined(12), String),
  severity SimpleAggregateFunction(max, UInt8),
  services SimpleAggregateFunction(groupUniqArrayArray(50), Array(String)),
  releases SimpleAggregateFunction(groupUniqArrayArray(50), Array(String)),
  title SimpleAggregateFunction(max, String),
  culprit SimpleAggregateFunction(max, String),
  template SimpleAggregateFunction(max, String),
  fingerprint_method SimpleAggregateFunction(max, String)
) ENGINE = {{AggregatingMergeTree}}
ORDER BY (project, fingerprint)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS deploys{{cluster}} (
  project LowCardinality(String),
  occurred_at DateTime64(3, 'UTC'),
  service LowCardinality(String),
  environment LowCardinality(String),
  release LowCardinality(String),
  deploy_id String,
  change_kind LowCardinality(String),
  message String,
  user_id String,
  attributes Map(LowCardinality(String), String)
) ENGINE = {{MergeTree}}
ORDER BY (project, occurred_at, service)
SETTINGS non_replicated_deduplication_window = 10000;
