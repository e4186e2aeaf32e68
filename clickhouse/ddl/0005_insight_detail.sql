-- What the sentences of a summary rest on: facts with their queries, when they were asked and what the answer hashed to.
ALTER TABLE insights{{cluster}}
  ADD COLUMN IF NOT EXISTS detail String CODEC(ZSTD(3)) AFTER fallback;
