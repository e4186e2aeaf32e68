import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#/kernel/clock.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { Manifest } from './backup-files.ts'
import { openDrillStore } from './drill/store.ts'
import { run } from './main.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'faultline-backup-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)

async function faultline(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const exit = await run(args, { stdin: new PassThrough(), stdout, stderr })
  return { exit, out: `${stdout.read() ?? ''}`, err: `${stderr.read() ?? ''}` }
}

const open = (dir: string) =>
  openEmbeddedLog({ dir, clock: systemClock, onProblem: () => undefined })
const TP = { topic: 'a', partition: 0 }

/** A stopped platform's folder, as far as a backup looks at it. */
async function makeData(dir: string): Promise<void> {
  const log = await open(dir)
  const unlimited = { retentionMs: Infinity, retentionBytes: Infinity, compacted: false }
  await log.createTopics([{ name: 'a', partitions: 1, ...unlimited }])
  const records = ['x', 'y'].map((text) => ({
    key: null,
    value: Buffer.from(text),
    timestampMs: 1,
  }))
  await log.append([{ ...TP, records }])
  await log.close()
  writeFileSync(join(dir, 'ingest-key'), 'fl_key\n')
  for (const name of ['registry', 'clickhouse']) {
    mkdirSync(join(dir, name))
    writeFileSync(join(dir, name, '1.json'), name)
  }
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(at(name), 'backup.json'), 'utf8')) as Manifest

describe('backup and restore', () => {
  it('[K11] the folder of a stopped platform comes back, with its keys, without its tables', async () => {
    await makeData(at('data'))
    const backup = await faultline('backup', at('b'), '--data-dir', at('data'), '--json')
    expect(backup.exit).toBe(0)
    expect(JSON.parse(backup.out)).toMatchObject({ has_tables: false })
    const names = manifestOf('b').files.map(({ path }) => path)
    expect(names).toEqual(expect.arrayContaining(['meta.db', 'ingest-key', 'registry/1.json']))
    expect(names.filter((name) => name.startsWith('clickhouse/'))).toEqual([])
    const restored = await faultline('restore', at('b'), '--data-dir', at('r'), '--no-rebuild')
    expect(restored.exit).toBe(0)
    expect(readFileSync(join(at('r'), 'ingest-key'), 'utf8')).toBe('fl_key\n')
    const log = await open(at('r'))
    expect(await log.read(TP, 0, { bytesMax: 100, waitMs: 0 })).toHaveLength(2)
    await log.close()
    // The folder it was taken from is as it was.
    await (await open(at('data'))).close()
  })

  it('[K11] tables are copied where they are asked for', async () => {
    await makeData(at('data'))
    await faultline('backup', at('b'), '--data-dir', at('data'), '--with-tables')
    const { hasTables, files } = manifestOf('b')
    expect({ hasTables, has: files.some(({ path }) => path === 'clickhouse/1.json') }).toEqual({
      hasTables: true,
      has: true,
    })
  })

  it('[K11] drills that are over are in it with their records, one that runs is not', async () => {
    await makeData(at('data'))
    for (const [id, state] of Object.entries({ 1: 'ended', 2: 'failed', 3: 'playing' })) {
      const of = (name: string): string => join(at('data'), 'drills', id, name)
      mkdirSync(of('sandbox'), { recursive: true })
      writeFileSync(of('sandbox/meta.db'), 'a log of its own')
      writeFileSync(of('drill.json'), JSON.stringify({ view: { id: Number(id), state } }))
      if (state === 'ended') writeFileSync(of('record.jsonl'), 'what both logs say\n')
    }
    await faultline('backup', at('b'), '--data-dir', at('data'))
    await faultline('restore', at('b'), '--data-dir', at('r'), '--no-rebuild')
    const restored = readdirSync(join(at('r'), 'drills'), { recursive: true, encoding: 'utf8' })
    expect(restored.toSorted()).toEqual([
      '1',
      '1/drill.json',
      '1/record.jsonl',
      '2',
      '2/drill.json',
    ])
    const store = openDrillStore(join(at('r'), 'drills'))
    expect(store.all.map(({ view }) => view.state)).toEqual(['ended', 'failed'])
    expect(store.record(1)).toBe('what both logs say\n')
  })

  it('[K11] a damaged backup is told, and nothing is restored', async () => {
    await makeData(at('data'))
    await faultline('backup', at('b'), '--data-dir', at('data'))
    const [segment] = manifestOf('b').files
    const bytes = readFileSync(join(at('b'), segment!.path))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(join(at('b'), segment!.path), bytes)
    const restored = await faultline('restore', at('b'), '--data-dir', at('r'))
    expect(restored.exit).toBe(1)
    expect(restored.err).toContain(`${segment!.path} of the backup was changed or damaged`)
    expect(() => readFileSync(at('r'))).toThrow('ENOENT')
  })

  it.each([
    ['no folder', ['backup'], 'takes one folder'],
    ['no log', ['backup', 'B', '--data-dir', 'EMPTY'], 'holds no log'],
    ['a full target', ['backup', 'FULL', '--data-dir', 'DATA'], 'is not empty'],
    ['an unfinished backup', ['restore', 'FULL', '--data-dir', 'R'], 'no complete backup'],
    ['a folder in use', ['restore', 'GOOD', '--data-dir', 'DATA'], 'is not empty'],
    ['a path outside', ['restore', 'EVIL', '--data-dir', 'R'], 'outside of it'],
  ])('[K11] %s is refused in words', async (_, args, words) => {
    await makeData(at('DATA'))
    mkdirSync(at('EMPTY'))
    mkdirSync(at('FULL'))
    writeFileSync(join(at('FULL'), 'x'), 'x')
    await faultline('backup', at('GOOD'), '--data-dir', at('DATA'))
    mkdirSync(at('EVIL'))
    const files = [{ path: '../evil', bytes: 1, sha256: '' }]
    writeFileSync(join(at('EVIL'), 'backup.json'), JSON.stringify({ format: 1, files }))
    const there = args.map((arg) => (/^[A-Z]+$/.test(arg) ? at(arg) : arg))
    const { exit, err } = await faultline(...there)
    expect(exit).toBe(2)
    expect(err).toContain(words)
  })
})
