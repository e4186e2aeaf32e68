-- Merges and splits that people decide hold for old rows too: events and rollups keep the group an event would have
-- alone beside the one it was counted in, and reads look up where that one belongs now.
ALTER TABLE events{{cluster}}
  ADD COLUMN IF NOT EXISTS fingerprint_own LowCardinality(String) AFTER params,
  ADD COLUMN IF NOT EXISTS fingerprint_rule LowCardinality(String) AFTER fingerprint_own;

ALTER TABLE issues_1m{{cluster}}
  ADD COLUMN IF NOT EXISTS own LowCardinality(String),
  MODIFY ORDER BY (project, fingerprint, bucket, service, release, own);

ALTER TABLE issues{{cluster}}
  ADD COLUMN IF NOT EXISTS own String,
  MODIFY ORDER BY (project, fingerprint, own);

ALTER TABLE issue_aliases{{cluster}}
  ADD COLUMN IF NOT EXISTS actor String AFTER reason,
  ADD COLUMN IF NOT EXISTS decision String AFTER actor;
