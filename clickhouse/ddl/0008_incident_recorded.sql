-- When the platform took a step, as against when it happened: what was known at a moment. Rows from before say when it
-- happened.
ALTER TABLE incident_events{{cluster}}
  ADD COLUMN IF NOT EXISTS recorded_at DateTime64(3, 'UTC') DEFAULT at AFTER detail;
