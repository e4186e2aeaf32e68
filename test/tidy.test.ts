/** The linter of our own: what ARCHITECTURE.md and docs/ say is what the code does. */
import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import { METRIC_CATALOGUE } from '#/kernel/metrics.ts'
import { generate } from '#/schemas/generate.ts'
import { topicsTable } from '#/cli/topics.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const ARCHITECTURE = read('ARCHITECTURE.md')

// Files git tracks or would track: what lies in ignored folders is nobody's code.
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '')
const CODE = FILES.filter(
  (path) => /\.(ts|js|svelte)$/.test(path) && !path.startsWith('node_modules/'),
)

/** Cells of the table under a heading. */
function table(heading: string, text = ARCHITECTURE): string[][] {
  const section = text.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    .slice(1)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

const LAYERS = new Map(
  table('Who may import whom').map(([layer = '', may = '']) => [
    layer,
    may.split(', ').filter((name) => name !== ''),
  ]),
)

export function layerOf(path: string): string {
  const known = [...LAYERS.keys()].toSorted((a, b) => b.length - a.length)
  return known.find((layer) => path.startsWith(`${layer}/`)) ?? ''
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

const isTest = (path: string): boolean =>
  path.endsWith('.test.ts') || path.startsWith('test/') || /(^|\/)(test-|contract-suite)/.test(path)

/** What is wrong with one file, as sentences. */
export function complaintsAbout(path: string, text: string): string[] {
  const complaints: string[] = []
  const layer = layerOf(path)
  const inDashboard = path.startsWith('dashboard/')
  for (const specifier of importsOf(text)) {
    if (
      specifier.startsWith('../') &&
      path !== 'dashboard/src/lib/contract.ts' &&
      !specifier.includes('/$types')
    ) {
      complaints.push(`${path} imports ${specifier}: write #/folder/file.ts`)
    }
    if (isTest(path)) continue
    if (specifier.startsWith('#/')) {
      const target = layerOf(specifier.slice(2))
      const may = LAYERS.get(layer) ?? []
      if (target !== layer && !may.includes(target) && !may.includes('everything')) {
        complaints.push(`${path} (${layer}) may not import ${specifier} (${target})`)
      }
    }
    for (const [vendor = '', door = ''] of table('One vendor, one door')) {
      const isVendor = specifier === vendor || specifier.startsWith(`${vendor}/`)
      if (isVendor && !inDashboard && !path.startsWith(door))
        complaints.push(`${path} imports ${vendor}: only ${door} does`)
    }
  }
  if (isTest(path)) return complaints
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  for (const [call = '', only = '', instead = ''] of table('Banned calls')) {
    const needle = call.replaceAll('`', '')
    const allowed = only.split(', ').filter((place) => place !== '')
    const isBrowserTime = inDashboard && needle !== '{@html' && needle !== 'console.'
    if (isBrowserTime || path === 'cli/boot.js') continue
    if (code.includes(needle) && !allowed.some((place) => path.startsWith(place))) {
      complaints.push(`${path} calls ${needle}: ${instead}`)
    }
  }
  return complaints
}

describe('the house', () => {
  it('has layers to check', () => {
    expect(LAYERS.size).toBeGreaterThan(8)
    expect(CODE.length).toBeGreaterThan(20)
  })

  it('imports only what the layer table allows, vendors by their doors, no banned calls', () => {
    const complaints = CODE.filter(
      (path) => !path.startsWith('.') && path !== 'vitest.config.ts',
    ).flatMap((path) => complaintsAbout(path, read(path)))
    expect(complaints).toEqual([])
  })

  it('notices a breach (negative control)', () => {
    expect(complaintsAbout('kernel/x.ts', "import { a } from '#/api/app.ts'")).toHaveLength(1)
    expect(complaintsAbout('api/x.ts', "import { a } from 'chdb'")).toHaveLength(1)
    expect(
      complaintsAbout('api/x.ts', ['import { a } from ', '../kernel/a.ts', ''].join("'")),
    ).toHaveLength(1)
    expect(complaintsAbout('api/x.ts', 'const now = Date.now()')).toHaveLength(1)
    expect(complaintsAbout('api/x.ts', '// Date.now() is banned')).toEqual([])
  })

  it('does not take an empty read below an end for the end', () => {
    const places = /^(?:api|cli|clickhouse|processors)\//
    // The log itself; a step of a worker; and who reads until there is nothing, wherever that may be.
    const others = [
      'processors/log/',
      'processors/runtime/driver.ts',
      'processors/notify/takers.ts',
    ]
    const found = CODE.filter(
      (path) => places.test(path) && !/(?:test|\/test-[a-z-]+)\.ts$/.test(path),
    )
      .filter((path) => !others.some((other) => path.startsWith(other)))
      .filter((path) => read(path).includes('waitMs: 0'))
    expect(found, 'use readBelow of processors/log/read-below.ts').toEqual([])
  })

  it('keeps files small and the kernel short', () => {
    // Records are made from the Avro schemas: nobody writes or reads that file from top to bottom.
    const tooLong = CODE.filter(
      (path) =>
        !path.endsWith('.test.ts') &&
        path !== 'schemas/records.ts' &&
        read(path).split('\n').length > 401,
    )
    expect(tooLong).toEqual([])
    expect(
      FILES.filter((path) => path.startsWith('kernel/') && !path.endsWith('.test.ts')).length,
    ).toBeLessThanOrEqual(8)
    const oddNames = CODE.filter(
      (path) => !path.startsWith('dashboard/') && !/^[a-z0-9./-]+$/.test(path),
    )
    expect(oddNames).toEqual([])
  })

  it('says where nothing of a machine belongs', () => {
    const machine = /[\s'"`(=]\/(?:work|root|home)\/[a-z]/
    const found = FILES.filter(
      (path) => !/\.(?:png|webp)$/.test(path) && path !== 'test/tidy.test.ts',
    ).filter((path) => machine.test(read(path)))
    expect(found).toEqual([])
  })
})

// Formatting apart, both texts are the same.
const squeeze = (text: string): string => text.replaceAll(/[\s;|]+/g, '').replaceAll(/["']/g, '')

describe('the catalogues', () => {
  it('docs/errors.md lists every error with its status', () => {
    const rows = Object.entries(ERROR_CATALOGUE).map(
      ([code, { status, retryable, text }]) =>
        `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${text} |`,
    )
    const documented = read('docs/errors.md')
    expect(rows.filter((row) => !documented.includes(row))).toEqual([])
  })

  it('docs/metrics.md lists every metric', () => {
    const rows = Object.entries(METRIC_CATALOGUE).map(
      ([name, { type, labels, help }]) =>
        `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
    )
    const documented = read('docs/metrics.md')
    expect(rows.filter((row) => !documented.includes(row))).toEqual([])
  })

  it('[B2] docs/topics.md holds the table that `faultline topics` prints', () => {
    expect(read('docs/topics.md')).toContain(topicsTable())
  })

  it('generated records agree with the Avro schemas', () => {
    const { records, schemas } = generate(join(ROOT, 'schemas/avro'))
    expect(squeeze(read('schemas/records.ts'))).toBe(squeeze(records))
    expect(squeeze(read('schemas/avro-schemas.ts')).replaceAll('\\', '')).toBe(
      squeeze(schemas).replaceAll('\\', ''),
    )
  })

  it('every rule of a SPEC.md has a test that carries its number', () => {
    const tests = FILES.filter((path) => path.endsWith('.ts'))
      .map(read)
      .join('\n')
    const missing = FILES.filter((path) => path.endsWith('SPEC.md')).flatMap((path) =>
      [...read(path).matchAll(/\[([A-Z]{2,}\d+)\]/g)]
        .map((match) => match[1] ?? '')
        .filter((id) => !tests.includes(`[${id}]`)),
    )
    expect([...new Set(missing)]).toEqual([])
  })
})
