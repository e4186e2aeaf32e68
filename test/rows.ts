/** `npm run rows`: every row of docs/features.md with the tests that show it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

export interface FeatureRow {
  id: string
  feature: string
  tests: readonly { file: string; title: string }[]
}

function testTitles(): { file: string; title: string }[] {
  const files = execFileSync(
    'git',
    ['ls-files', '*.test.ts', '**/contract-suite*.ts', 'test/**/*.ts'],
    { cwd: ROOT, encoding: 'utf8' },
  )
  return [...new Set(files.split('\n'))]
    .filter((file) => file !== '')
    .flatMap((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8')
      return [
        ...text.matchAll(
          /(?:it|test)(?:\.\w+)*(?:\([^()]*\))?\(\s*['"`]((?:\[[A-Z]+\d+\] ?)+[^'"`]*)/g,
        ),
      ].map((match) => ({ file, title: match[1] ?? '' }))
    })
}

/** Rows in the order of the document. */
export function featureRows(): FeatureRow[] {
  const titles = testTitles()
  const text = readFileSync(join(ROOT, 'docs/features.md'), 'utf8')
  return [...text.matchAll(/^\| ([A-Z]\d+) \| (.+?) \|/gm)].map(([, id = '', feature = '']) => ({
    id,
    feature,
    tests: titles.filter(({ title }) => title.includes(`[${id}]`)),
  }))
}

if (import.meta.main) {
  const rows = featureRows()
  for (const { id, feature, tests } of rows) {
    process.stdout.write(`${tests.length > 0 ? '✓' : '·'} ${id.padEnd(4)} ${feature}\n`)
    for (const { file, title } of tests) process.stdout.write(`         ${file}: ${title}\n`)
  }
  const shown = rows.filter(({ tests }) => tests.length > 0).length
  process.stdout.write(`\n${shown} of ${rows.length} rows have a test\n`)
}
