CREATE TABLE IF NOT EXISTS detections{{cluster}} (
  project LowCardinality(String),
  detection_id String,
  revision Int32,
  kind LowCardinality(String),
  at DateTime64(3, 'UTC'),
  service LowCardinality(String),
  environment LowCardinality(String),
  fingerprint LowCardinality(String),
  observed Float64,
  expected Float64,
  window_min Float64,
  score Float64,
  sentence String,
  source_partition Int32,
  slice Int64,
  detail String CODEC(ZSTD(3)),
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
PARTITION BY toYYYYMM(at)
ORDER BY (project, kind, at, service)
SETTINGS non_replicated_deduplication_window = 10000;

-- Every step of every incident; kept for ever.
CREATE TABLE IF NOT EXISTS incident_events{{cluster}} (
  project LowCardinality(String),
  incident_id String,
  number Int32,
  seq Int32,
  kind LowCardinality(String),
  at DateTime64(3, 'UTC'),
  sentence String,
  status LowCardinality(String),
  title LowCardinality(String),
  severity UInt8,
  severity_score Int32,
  opened_at DateTime64(3, 'UTC'),
  updated_at DateTime64(3, 'UTC'),
  resolved_at Nullable(DateTime64(3, 'UTC')),
  services Array(LowCardinality(String)),
  fingerprints Array(LowCardinality(String)),
  events Int64,
  users Int64,
  root String,
  suspect_deploy String,
  redirect_to String,
  regressed Bool,
  flapping Bool,
  detail String CODEC(ZSTD(3)),
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (project, incident_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;

-- The incident as it stands: the row of the highest seq wins.
CREATE TABLE IF NOT EXISTS incidents{{cluster}} (
  project LowCardinality(String),
  incident_id String,
  number Int32,
  seq Int32,
  status LowCardinality(String),
  title String,
  severity UInt8,
  severity_score Int32,
  opened_at DateTime64(3, 'UTC'),
  updated_at DateTime64(3, 'UTC'),
  resolved_at Nullable(DateTime64(3, 'UTC')),
  services Array(LowCardinality(String)),
  fingerprints Array(String),
  events Int64,
  users Int64,
  root String,
  suspect_deploy String,
  redirect_to String,
  regressed Bool,
  flapping Bool,
  detail String CODEC(ZSTD(3))
) ENGINE = {{ReplacingMergeTree:seq}}
ORDER BY (project, incident_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS insights{{cluster}} (
  project LowCardinality(String),
  incident_id String,
  incident_seq Int32,
  at DateTime64(3, 'UTC'),
  title String,
  impact String,
  likely_causes Array(String),
  evidence Array(String),
  next_steps Array(String),
  confidence Float64,
  model LowCardinality(String),
  prompt_version LowCardinality(String),
  tokens Int32,
  fallback Bool,
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (project, incident_id, incident_seq)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS dead_letters{{cluster}} (
  stage LowCardinality(String),
  topic LowCardinality(String),
  partition Int32,
  offset Int64,
  at DateTime64(3, 'UTC'),
  schema_id Int32,
  code LowCardinality(String),
  error String,
  attempt Int32,
  project LowCardinality(String),
  key Nullable(String),
  value Nullable(String),
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (stage, topic, partition, offset)
TTL toDateTime(at) + INTERVAL {{retention_days}} DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS issue_aliases{{cluster}} (
  project LowCardinality(String),
  service LowCardinality(String),
  alias String,
  canonical String,
  at DateTime64(3, 'UTC'),
  reason String,
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (project, alias)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS actions{{cluster}} (
  project LowCardinality(String),
  incident_id String,
  seq Int32,
  command_id String,
  kind LowCardinality(String),
  actor String,
  at DateTime64(3, 'UTC'),
  payload String,
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (project, incident_id, seq)
SETTINGS non_replicated_deduplication_window = 10000;
