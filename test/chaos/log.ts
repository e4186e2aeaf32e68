import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { openEmbeddedLog } from '#/processors/log/embedded.ts'
import type { ConsumedRecord, Log } from '#/processors/log/port.ts'

/**
 * Kills a process that writes to the embedded log (log-writer.ts) at random moments and looks at what is left:
 * everything acknowledged is there once, no append is visible in part, offsets are dense, and the copies agree
 * with the committed offset. Run it with node: `test/chaos/log.ts [kills] [seed] [durability]`.
 */
const PARTITIONS = [0, 1, 2]
const WRITER = join(import.meta.dirname, 'log-writer.ts')

export interface ChaosOptions {
  kills: number
  seed: number
  durability: 'write' | 'fsync'
  /** How long the writer lives after it is ready, at most. */
  lifeMsMax: number
}

export interface ChaosReport {
  kills: number
  acknowledged: number
  records: number
  /** What is wrong, as sentences; empty is good. */
  faults: string[]
}

/** What the writer was told is durable. */
interface Acknowledged {
  /** Records of each append by its id. */
  appends: Map<string, number>
  /** The last value of each key of the compacted topic. */
  state: Map<string, number>
}

/** Starts the writer, kills it, and adds what it was told is durable. */
function writeUntilKilled(
  dir: string,
  { seed, durability }: { seed: number; durability: string },
  life: { lifeMs: number; acknowledged: Acknowledged },
): Promise<void> {
  const child = spawn(process.execPath, [WRITER, dir, String(seed), durability], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (part: string) => {
      if (text === '') setTimeout(() => child.kill('SIGKILL'), life.lifeMs)
      text += part
    })
    child.on('close', (code) => {
      if (code !== null) {
        reject(new Error(`the writer ended by itself with ${code}`))
        return
      }
      // The last line may be cut.
      for (const line of text.split('\n').slice(1, -1)) note(life.acknowledged, line)
      resolve()
    })
    child.on('error', reject)
  })
}

function note({ appends, state }: Acknowledged, line: string): void {
  const [id = '', first = '', second] = line.split(' ')
  if (id === 'state') state.set(first, Number(second))
  else appends.set(id, Number(first))
}

/** Keys of the compacted topic: each must have its last acknowledged value, or one that came after. */
async function judgeState(
  log: Log,
  acknowledged: ReadonlyMap<string, number>,
  faults: string[],
): Promise<void> {
  const tp = { topic: 'state', partition: 0 }
  const values = new Map<string, number>()
  const end = await log.endOffset(tp)
  for (let next = 0; next < end;) {
    for (const { offset, key, value } of await log.read(tp, next, { bytesMax: 1e6, waitMs: 0 })) {
      if (String(value) !== String(offset)) faults.push(`state holds ${String(value)} at ${offset}`)
      values.set(String(key), offset)
      next = offset + 1
    }
  }
  for (const [key, value] of acknowledged) {
    const found = values.get(key)
    if (found === undefined || found < value) faults.push(`${key} is ${found}, not ${value}`)
  }
}

async function readAll(log: Log, topic: string, partition: number): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  const end = await log.endOffset({ topic, partition })
  while (records.length < end) {
    const from = records.length
    records.push(...(await log.read({ topic, partition }, from, { bytesMax: 1e6, waitMs: 0 })))
  }
  return records
}

/** Adds what is wrong with the log to `faults`; returns how many source records there are. */
export async function judgeLog(
  log: Log,
  acknowledged: ReadonlyMap<string, number>,
  faults: string[],
): Promise<number> {
  const seen = new Map<string, { count: number; total: number }>()
  let records = 0
  for (const partition of PARTITIONS) {
    const source = await readAll(log, 'source', partition)
    records += source.length
    source.forEach(({ offset, value }, index) => {
      if (offset !== index) faults.push(`source/${partition} has offset ${offset} at ${index}`)
      const [id = '', total] = String(value).split(' ')
      const one = seen.get(id) ?? { count: 0, total: Number(total) }
      seen.set(id, { ...one, count: one.count + 1 })
    })
    const copy = await readAll(log, 'copy', partition)
    const commit = await log.committed('copy', { topic: 'source', partition })
    const copied = commit?.offset ?? 0
    if (copy.length !== copied) faults.push(`${copy.length} copies, ${copied} committed`)
    if (commit !== undefined && commit.metadata !== `{"hi":${copied}}`) {
      faults.push(`metadata ${commit.metadata} at ${copied}`)
    }
    const isSame = copy.every(({ value }, index) => source[index]?.value?.equals(value!) === true)
    if (!isSame) faults.push(`copy/${partition} differs from its source`)
  }
  for (const [id, { count, total }] of seen) {
    if (count !== total) faults.push(`append ${id} is visible in part: ${count} of ${total}`)
  }
  for (const [id, total] of acknowledged) {
    if (seen.get(id)?.count !== total) faults.push(`acknowledged append ${id} is not there`)
  }
  return records
}

export async function runLogChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = createSeededRandom(options.seed)
  const dir = mkdtempSync(join(tmpdir(), 'faultline-chaos-'))
  const acknowledged: Acknowledged = { appends: new Map(), state: new Map() }
  const faults: string[] = []
  let records = 0
  let kills = 0
  while (kills < options.kills && faults.length === 0) {
    const lifeMs = random.int(options.lifeMsMax)
    const writer = { seed: options.seed * 1000 + kills, durability: options.durability }
    await writeUntilKilled(dir, writer, { lifeMs, acknowledged })
    kills++
    const log = await openEmbeddedLog({ dir, clock: systemClock })
    records = await judgeLog(log, acknowledged.appends, faults)
    await judgeState(log, acknowledged.state, faults)
    await log.close()
  }
  rmSync(dir, { recursive: true })
  return { kills, acknowledged: acknowledged.appends.size, records, faults }
}

if (import.meta.main) {
  const [kills = '50', seed = '1', durability = 'write'] = process.argv.slice(2)
  const report = await runLogChaos({
    kills: Number(kills),
    seed: Number(seed),
    durability: durability === 'fsync' ? 'fsync' : 'write',
    lifeMsMax: 400,
  })
  process.stdout.write(`${JSON.stringify({ seed: Number(seed), durability, ...report })}\n`)
  process.exitCode = report.faults.length === 0 ? 0 : 1
}
