-- How long requests took, per minute and service and once more for all services together (service ''). A sketch costs
-- microseconds to merge: without releases and routes, and with the sum over services ready, a chart of a day merges
-- hundreds of them instead of hundreds of thousands. Granules are
-- small, since an hour of a service is sixty rows.
CREATE TABLE IF NOT EXISTS durations_1m{{cluster}} (
  project LowCardinality(String),
  service LowCardinality(String),
  bucket DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  environment LowCardinality(String),
  durations AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64),
  received_on SimpleAggregateFunction(max, Date)
) ENGINE = {{AggregatingMergeTree}}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project, service, bucket, environment)
TTL received_on + INTERVAL {{retention_days}} DAY
SETTINGS index_granularity = 64, non_replicated_deduplication_window = 10000;

-- Of what is stored already today and the two days before, each in a statement of its own so that none runs for long,
-- and in small blocks since sketches are large in memory; reads that begin earlier know it (queries/durations.ts) and
-- merge what they always merged. Emptied first, so that a start that ended half way may do it again; the view that goes
-- on from here is made afterwards.
TRUNCATE TABLE durations_1m{{cluster}};

INSERT INTO durations_1m
SELECT project, arrayJoin(['', toString(events_1m.service)]) AS service, bucket, environment, durations, received_on FROM events_1m
WHERE event_type = 'http_request' AND bucket >= toStartOfDay(now('UTC'))
SETTINGS max_threads = 1, max_block_size = 2048, min_insert_block_size_rows = 16384, min_insert_block_size_bytes = 0;

INSERT INTO durations_1m
SELECT project, arrayJoin(['', toString(events_1m.service)]) AS service, bucket, environment, durations, received_on FROM events_1m
WHERE event_type = 'http_request' AND bucket >= toStartOfDay(now('UTC')) - INTERVAL 1 DAY AND bucket < toStartOfDay(now('UTC'))
SETTINGS max_threads = 1, max_block_size = 2048, min_insert_block_size_rows = 16384, min_insert_block_size_bytes = 0;

INSERT INTO durations_1m
SELECT project, arrayJoin(['', toString(events_1m.service)]) AS service, bucket, environment, durations, received_on FROM events_1m
WHERE event_type = 'http_request' AND bucket >= toStartOfDay(now('UTC')) - INTERVAL 2 DAY AND bucket < toStartOfDay(now('UTC')) - INTERVAL 1 DAY
SETTINGS max_threads = 1, max_block_size = 2048, min_insert_block_size_rows = 16384, min_insert_block_size_bytes = 0;
