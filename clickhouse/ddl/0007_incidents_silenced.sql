-- Whether all of an incident is muted, so that lists can show and filter it. Read out of the stored incident: rows
-- from before have it too.
ALTER TABLE incidents{{cluster}}
  ADD COLUMN IF NOT EXISTS silenced Bool DEFAULT JSONHas(detail, 'silenced') AFTER flapping;
