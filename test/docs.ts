/** Writes the reference pages that hold catalogues of the code: `npm run generate`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessPage } from '#/api/accounts/access-table.ts'
import { everyRoute } from '#/api/accounts/every-route.ts'
import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import { METRIC_CATALOGUE } from '#/kernel/metrics.ts'
import { topicsTable } from '#/cli/topics.ts'

const docs = join(import.meta.dirname, '..', 'docs')

const errors = Object.entries(ERROR_CATALOGUE).map(
  ([code, { status, retryable, text }]) =>
    `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${text} |`,
)
writeFileSync(
  join(docs, 'errors.md'),
  `# Errors

Every error answer is a problem document (RFC 9457) with a stable \`code\`, the \`path\` of the offending field where there is one, and a \`remedy\`. Codes are never used again for something else. *Retryable*: the same call may succeed later; answers 429 and 503 say when in \`Retry-After\`.

| code | status | retryable | meaning |
| --- | --- | --- | --- |
${errors.join('\n')}
`,
)

const metrics = Object.entries(METRIC_CATALOGUE).map(
  ([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
)
writeFileSync(
  join(docs, 'metrics.md'),
  `# Metrics

\`GET /metrics\` answers in Prometheus' text format. Counters end in \`_total\`, units stand in the name.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
${metrics.join('\n')}
`,
)

writeFileSync(
  join(docs, 'topics.md'),
  `# Topics

What \`npx faultline topics\` prints. Values are Avro in Confluent's wire format (a zero byte, four bytes of schema id, the datum); subjects are \`<topic>-value\`. Consumer groups are named after the processor: \`fingerprint\`, \`detect\`, \`actions\`, \`cluster\`, \`enrich\`, \`ai-answers\`, \`events-sink\`, \`derived-sink\`, and beside the chain \`notify\`, \`ai-plan\`, \`rooms\` (decides what people ask for) and \`rooms-engine\` (tells rooms what the engine did). Names other systems know them by: \`indexer-group\` is the sinks, \`incident-engine-group\` is cluster, \`ai-worker-group\` is enrich and ai-plan, \`system.telemetry\` is \`signals.raw.v1\`.

${topicsTable()}`,
)

writeFileSync(join(docs, 'access.md'), accessPage(everyRoute()))
