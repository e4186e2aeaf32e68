-- How many events, per minute and everything about them that has few values: what most charts, lists and facets count.
-- Routes and users are left to the minutes of events, which have many times as many rows.
CREATE TABLE IF NOT EXISTS volume_1m{{cluster}} (
  project LowCardinality(String),
  bucket DateTime('UTC') CODEC(Delta, LZ4),
  service LowCardinality(String),
  environment LowCardinality(String),
  event_type LowCardinality(String),
  severity UInt8,
  release LowCardinality(String),
  error_type LowCardinality(String),
  events SimpleAggregateFunction(sum, UInt64),
  failures SimpleAggregateFunction(sum, UInt64),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, bucket, service, environment, event_type, severity, release, error_type)
TTL received_on + INTERVAL {{retention_days}} DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- What is stored already, a quarter of the days of arrival at a time so that no statement runs for long; sums that do
-- not fit into memory go to the disk. Emptied first, so that a start that ended half way may do it again; the view that goes on from here is made
-- afterwards.
TRUNCATE TABLE volume_1m{{cluster}};

INSERT INTO volume_1m
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, error_type, count() AS events, countIf(status_code >= 500) AS failures, max(toDate(received_at)) AS received_on
FROM events WHERE toUInt32OrZero(_partition_id) % 4 = 0 GROUP BY ALL
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 100000000, min_insert_block_size_bytes = 0;

INSERT INTO volume_1m
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, error_type, count() AS events, countIf(status_code >= 500) AS failures, max(toDate(received_at)) AS received_on
FROM events WHERE toUInt32OrZero(_partition_id) % 4 = 1 GROUP BY ALL
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 100000000, min_insert_block_size_bytes = 0;

INSERT INTO volume_1m
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, error_type, count() AS events, countIf(status_code >= 500) AS failures, max(toDate(received_at)) AS received_on
FROM events WHERE toUInt32OrZero(_partition_id) % 4 = 2 GROUP BY ALL
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 100000000, min_insert_block_size_bytes = 0;

INSERT INTO volume_1m
SELECT project, toDateTime(toStartOfMinute(occurred_at), 'UTC') AS bucket, service, environment, event_type, severity,
  release, error_type, count() AS events, countIf(status_code >= 500) AS failures, max(toDate(received_at)) AS received_on
FROM events WHERE toUInt32OrZero(_partition_id) % 4 = 3 GROUP BY ALL
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 100000000, min_insert_block_size_bytes = 0;

-- Users per minute over all services: a sketch for each service and route would be merged thousands of times for an
-- hour.
CREATE TABLE IF NOT EXISTS users_1m{{cluster}} (
  project LowCardinality(String),
  bucket DateTime('UTC') CODEC(Delta, LZ4),
  environment LowCardinality(String),
  event_type LowCardinality(String),
  users AggregateFunction(uniqCombined(12), String),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, bucket, environment, event_type)
TTL received_on + INTERVAL {{retention_days}} DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

TRUNCATE TABLE users_1m{{cluster}};

INSERT INTO users_1m
SELECT project, bucket, environment, event_type, uniqCombinedMergeState(12)(users) AS users, max(received_on) AS received_on
FROM events_1m WHERE toUInt16(toDate(bucket)) % 2 = 0 GROUP BY project, bucket, environment, event_type
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1, max_block_size = 8192;

INSERT INTO users_1m
SELECT project, bucket, environment, event_type, uniqCombinedMergeState(12)(users) AS users, max(received_on) AS received_on
FROM events_1m WHERE toUInt16(toDate(bucket)) % 2 = 1 GROUP BY project, bucket, environment, event_type
SETTINGS max_threads = 1, optimize_aggregation_in_order = 1, max_block_size = 8192;

-- Questions of a time read these columns of every row near it, which is three times as fast this way and about as
-- small. What is stored already changes as it is merged.
ALTER TABLE events{{cluster}} MODIFY COLUMN occurred_at CODEC(T64, LZ4);
ALTER TABLE events_10s{{cluster}} MODIFY COLUMN bucket CODEC(Delta, LZ4);
ALTER TABLE events_1m{{cluster}} MODIFY COLUMN bucket CODEC(Delta, LZ4);
ALTER TABLE events_1h{{cluster}} MODIFY COLUMN bucket CODEC(Delta, LZ4);
ALTER TABLE durations_1m{{cluster}} MODIFY COLUMN bucket CODEC(Delta, LZ4);
ALTER TABLE issues_1m{{cluster}} MODIFY COLUMN bucket CODEC(Delta, LZ4);
