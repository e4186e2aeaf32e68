-- Who asked and as what, what became of it, what it replaced.
ALTER TABLE actions{{cluster}} ADD COLUMN IF NOT EXISTS actor_name String AFTER payload;
ALTER TABLE actions{{cluster}} ADD COLUMN IF NOT EXISTS role LowCardinality(String) AFTER actor_name;
ALTER TABLE actions{{cluster}} ADD COLUMN IF NOT EXISTS result LowCardinality(String) AFTER role;
ALTER TABLE actions{{cluster}} ADD COLUMN IF NOT EXISTS previous String AFTER result;
ALTER TABLE actions{{cluster}} ADD COLUMN IF NOT EXISTS context String AFTER previous;
