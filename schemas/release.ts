/** Freezes today's schemas under a version: `node schemas/release.ts 1.2.0`. Refuses to change a released one. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AVRO_SCHEMAS } from '#/schemas/avro-schemas.ts'

export const RELEASED_DIR = join(import.meta.dirname, 'released')

if (import.meta.main) {
  const version = process.argv[2] ?? ''
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error('usage: node schemas/release.ts 1.2.0')
  const dir = join(RELEASED_DIR, version)
  // Fails when the folder is there: what was released stays as it was.
  mkdirSync(dir)
  for (const [name, schema] of Object.entries(AVRO_SCHEMAS))
    writeFileSync(
      join(dir, `${name}.avsc`),
      `${JSON.stringify(JSON.parse(schema), undefined, 1)}\n`,
    )
}
