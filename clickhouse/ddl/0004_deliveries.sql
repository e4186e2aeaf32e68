-- Notifications, one row for each step of each: planned, every attempt, its end.
CREATE TABLE IF NOT EXISTS deliveries{{cluster}} (
  project LowCardinality(String),
  delivery_id String,
  incident_id String,
  incident_number Int32,
  incident_seq Int32,
  at DateTime64(3, 'UTC'),
  reason String,
  target String,
  target_kind String,
  status LowCardinality(String),
  attempt Int32,
  next_at Nullable(DateTime64(3, 'UTC')),
  status_code UInt16,
  duration_ms Nullable(Float64),
  detail String,
  title LowCardinality(String),
  severity UInt8,
  on_call String,
  is_page Bool,
  is_night Bool,
  content String,
  _topic LowCardinality(String),
  _partition UInt16,
  _offset UInt64,
  _epoch UInt32
) ENGINE = {{MergeTree}}
ORDER BY (project, at, delivery_id)
SETTINGS non_replicated_deduplication_window = 10000;
