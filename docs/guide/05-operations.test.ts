import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openKit } from '#/cli/open-kit.ts'
import { firstKey } from '#/cli/first-key.ts'
import { openKeys } from '#/api/keys.ts'
import { loadConfig } from '#/cli/config.ts'
import { CONFIG_OPTIONS } from '#/cli/settings.ts'
import { createLogger } from '#/cli/logger.ts'
import { systemClock } from '#/kernel/clock.ts'
import { ERROR_CATALOGUE } from '#/kernel/errors.ts'
import { METRIC_CATALOGUE } from '#/kernel/metrics.ts'
import { topicConfigsOf } from '#/processors/topology.ts'
import { filesIn, firstCells, read } from './pages.ts'

const page = read('docs/operations.md')

/** Messages the composition root writes to its log. */
function logMessages(): string[] {
  return ['cli', 'cli/drill']
    .flatMap((folder) => filesIn(folder))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .flatMap((path) => [...read(path).matchAll(/logger\.\w+\(\s*'([^']+)'/g)])
    .map((match) => match[1] ?? '')
}

describe('docs/operations.md', () => {
  it('[K9] has every setting with its default', () => {
    const shown = firstCells(page, 'setting').filter((name) => name !== '')
    expect(shown).toEqual(CONFIG_OPTIONS.map(({ name }) => name))
    const rows = CONFIG_OPTIONS.map((option) => {
      const fallback = 'default' in option ? ` ${option.default} ` : ' '
      return `| \`${option.name}\` |${fallback}|`
    })
    expect(rows.filter((row) => !page.includes(row))).toEqual([])
  })

  it('explains every line of the log, and no other', () => {
    const messages = [...new Set(logMessages())].toSorted()
    expect(messages.length).toBeGreaterThan(8)
    const shown = [...page.matchAll(/^\| (?:info|warn|error) \| `([^`]+)` \|/gm)]
    expect(shown.map((match) => match[1] ?? '').toSorted()).toEqual(messages)
  })

  it('names metrics and codes that exist', () => {
    const metrics = [...page.matchAll(/`(faultline_\w+)`/g)].map((match) => match[1] ?? '')
    expect(metrics.length).toBeGreaterThan(8)
    expect(metrics.filter((name) => !(name in METRIC_CATALOGUE))).toEqual([])
    const section = page.split('### It does not start')[1] ?? ''
    const codes = firstCells(section, 'code').filter((name) => name !== '')
    expect(codes.length).toBeGreaterThan(5)
    expect(codes.filter((code) => !(code in ERROR_CATALOGUE))).toEqual([])
  })

  it('lists what lies in the data folder', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-docs-'))
    const closers: (() => Promise<void>)[] = []
    try {
      const { config } = loadConfig({ 'data-dir': dir })
      const logger = createLogger({ stream: process.stderr, clock: systemClock, level: 'error' })
      const kit = await openKit({ config, logger, version: '0.0.0' }, closers)
      await kit.log.createTopics(topicConfigsOf([], { partitions: 1, retentionMs: 1000 }))
      const keys = await openKeys({ ...kit, clock: systemClock })
      closers.push(() => keys.close())
      await firstKey(keys, kit.dataDir)
      kit.dataDir.secret('operator-token')
      kit.dataDir.secret('setup-token')
      const shown = new Set(firstCells(page, 'path').map((name) => name.replace(/\/$/, '')))
      const there = readdirSync(dir).filter((name) => !/^meta\.db-\w+$/.test(name))
      expect(there.length).toBeGreaterThan(4)
      expect(there.filter((name) => !shown.has(name))).toEqual([])
    } finally {
      for (const close of closers.toReversed()) await close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
