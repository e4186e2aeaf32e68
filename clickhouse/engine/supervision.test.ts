import { createServer } from 'node:net'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { startTestEngine } from './test-engine.ts'
import type { TestEngine } from './test-engine.ts'

function kill(test: TestEngine): void {
  const { pid } = test.engine
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

async function untilAnswers(test: TestEngine): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answered = await test.clickhouse.ping().then(
      () => true,
      () => false,
    )
    if (answered && test.engine.pid !== undefined) return
    await systemClock.sleep(25)
  }
  throw new Error('the engine did not come back')
}

describe('the engine process', () => {
  it('[CH17] killed, it comes back on the same port with what was acknowledged', async () => {
    const reasons: string[] = []
    await using test = await startTestEngine({ onRestart: (reason) => reasons.push(reason) })
    const { clickhouse, engine } = test
    await clickhouse.command('CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a')
    await clickhouse.insertRaw({
      table: 'kept',
      format: 'CSVWithNames',
      body: Buffer.from('a\n7\n'),
    })
    const { port, pid } = engine
    kill(test)
    await systemClock.sleep(50)
    await untilAnswers(test)
    expect(await clickhouse.query('SELECT a FROM kept')).toEqual([{ a: 7 }])
    expect(engine).toMatchObject({ port, restarts: 1 })
    expect(engine.pid).not.toBe(pid)
    expect(reasons).toEqual([expect.stringContaining('SIGKILL')])
  })

  it('[CH18] a folder in use, a port in use: said in words', async () => {
    await using test = await startTestEngine()
    const { engine, dataDir } = test
    await expect(startTestEngine({ dataDir })).rejects.toMatchObject({
      code: 'data_dir_locked',
      message: expect.stringContaining(String(engine.pid)) as string,
    })
    await expect(startTestEngine({ port: engine.port })).rejects.toMatchObject({
      code: 'port_taken',
    })
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(startTestEngine({ port })).rejects.toMatchObject({ code: 'port_taken' })
    other.close()
  })

  it('[CH18] a lock whose process is gone, or is another one by now, is taken over', async () => {
    for (const holder of [
      '{"pid":4194303,"started":"1"}',
      `{"pid":${process.pid},"started":"1"}`,
      'torn',
    ]) {
      const dataDir = mkdtempSync(join(tmpdir(), 'faultline-lock-'))
      mkdirSync(dataDir, { recursive: true })
      writeFileSync(join(dataDir, 'engine.lock'), holder)
      const test = await startTestEngine({ dataDir })
      await test.stop()
      rmSync(dataDir, { recursive: true, force: true })
    }
  })

  it('[CH18] an engine that lost its platform is waited for while it finishes', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'faultline-lock-'))
    const orphan = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 700)'])
    const holder = { pid: orphan.pid, parent: { pid: 4_194_303, started: '1' } }
    writeFileSync(join(dataDir, 'engine.lock'), JSON.stringify(holder))
    const test = await startTestEngine({ dataDir })
    expect(orphan.exitCode).toBe(0)
    await test.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('[CH19] stop ends an engine that is just coming back, too', async () => {
    for (const delayMs of [0, 110, 250, 400]) {
      const test = await startTestEngine()
      kill(test)
      await systemClock.sleep(delayMs)
      await test.stop()
      expect(test.engine.pid === undefined || !existsSync(`/proc/${test.engine.pid}`)).toBe(true)
    }
  })

  it('[CH19] stop waits for what runs, and takes no more', async () => {
    const test = await startTestEngine()
    const running = test.clickhouse.query<{ n: string }>(
      'SELECT count() AS n FROM numbers(3) WHERE sleepEachRow(0.2) = 0',
    )
    await systemClock.sleep(100)
    const stopped = test.engine.stop()
    expect(await running).toEqual([{ n: '3' }])
    await stopped
    const late = createClickHouse({
      url: test.engine.url,
      username: 'faultline',
      password: 'x',
      database: 'x',
    })
    await expect(late.ping()).rejects.toMatchObject({ code: 'storage_unavailable' })
    await late.close()
    await test.stop()
  })

  it('[CH25] kill -9 amid inserts with tokens: nothing lost, nothing doubled, views included', async () => {
    await using test = await startTestEngine()
    const { clickhouse } = test
    const random = createSeededRandom(25)
    const window = 'SETTINGS non_replicated_deduplication_window = 1000'
    await clickhouse.command(`CREATE TABLE base (n UInt32) ENGINE = MergeTree ORDER BY n ${window}`)
    await clickhouse.command(
      `CREATE TABLE rollup (c UInt64) ENGINE = SummingMergeTree ORDER BY tuple() ${window}`,
    )
    await clickhouse.command(
      'CREATE MATERIALIZED VIEW to_rollup TO rollup AS SELECT count() AS c FROM base',
    )
    const insert = async (block: number): Promise<void> => {
      const body = Buffer.from(
        Array.from({ length: 500 }, (_, row) => `{"n":${block * 500 + row}}\n`).join(''),
      )
      const settings = {
        async_insert: 0,
        insert_deduplication_token: `t:${block}`,
        deduplicate_blocks_in_dependent_materialized_views: 1,
      }
      for (;;) {
        const done = await clickhouse
          .insertRaw({ table: 'base', format: 'JSONEachRow', body, settings })
          .then(
            () => true,
            () => false,
          )
        if (done) return
        await systemClock.sleep(20)
      }
    }
    const killed = new AbortController()
    const killer = (async () => {
      for (let round = 0; round < 4; round += 1) {
        await systemClock.sleep(100 + random.int(250))
        kill(test)
        await untilAnswers(test)
      }
      killed.abort()
    })()
    let block = 0
    while (!killed.signal.aborted || block < 40) {
      await insert(block)
      block += 1
    }
    await killer
    const expected = String(block * 500)
    expect(
      await clickhouse.query('SELECT count() AS rows, uniqExact(n) AS distinct FROM base'),
    ).toEqual([{ rows: expected, distinct: expected }])
    expect(await clickhouse.query('SELECT sum(c) AS rows FROM rollup')).toEqual([
      { rows: expected },
    ])
    expect(test.engine.restarts).toBe(4)
    // The control: without its token the same block does count twice, so the check above can fail.
    const again = Buffer.from('{"n":0}\n')
    await clickhouse.insertRaw({
      table: 'base',
      format: 'JSONEachRow',
      body: again,
      settings: { insert_deduplication_token: 'other' },
    })
    expect(await clickhouse.query('SELECT count() = uniqExact(n) AS same FROM base')).toEqual([
      { same: 0 },
    ])
  })
})
