import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { queryRows, residentBytes, startPlatform, temporaryFolder } from '#/test/e2e/platform.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'
import { openRoleCluster } from '#/test/kafka/role-cluster.ts'
import { startBroker } from '#/test/kafka/broker.ts'
import type { Ask } from './judge.ts'
import type { Target } from './lanes.ts'

export type Outage = 'clickhouse' | 'broker' | 'disk'

/** A running platform of which a part can be taken away. */
export interface OutageSite extends AsyncDisposable {
  readonly target: Target
  /** As the platform's own user, who may ask for everything. */
  readonly ask: Ask
  /** The processes; the first ones are those whose readiness the outage is about. */
  readonly processes: readonly RunningPlatform[]
  readonly affected: readonly RunningPlatform[]
  takeAway(): Promise<void>
  bringBack(): Promise<void>
}

/** Of the largest process of the platform, in MB. */
export function residentMb({ processes }: OutageSite): number {
  return Math.round(Math.max(...processes.map(({ pid }) => residentBytes(pid))) / (1 << 20))
}

const READY_MS_MAX = 150_000
const DISK_MB = 640

/** One process with everything embedded: its ClickHouse is stopped in its tracks and answers nobody. */
export async function embeddedSite(outage: Outage): Promise<OutageSite> {
  const disk = outage === 'disk' ? mountSmallDisk() : undefined
  const dataDir = disk === undefined ? temporaryFolder('outage') : join(disk.folder, 'data')
  const platform = await startPlatform({ dataDir, readyMsMax: READY_MS_MAX })
  const engine = (): number => platform.children()[0] ?? 0
  const address = new URL(platform.clickhouseUrl)
  address.username = 'faultline'
  address.password = readFileSync(join(dataDir, 'clickhouse-internal'), 'utf8').trim()
  return {
    target: { url: platform.url, key: platform.key },
    ask: (sql) => queryRows(address.href, sql),
    processes: [platform],
    affected: [platform],
    async takeAway() {
      if (disk === undefined) process.kill(engine(), 'SIGSTOP')
      else disk.fill()
    },
    async bringBack() {
      if (disk === undefined) process.kill(engine(), 'SIGCONT')
      else disk.free()
    },
    async [Symbol.asyncDispose]() {
      if (disk === undefined && engine() !== 0) process.kill(engine(), 'SIGCONT')
      await platform[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true })
      disk?.unmount()
    },
  }
}

/** Every role a process of its own, on a Kafka of its own; the broker or the engine is stopped. */
export async function kafkaSite(outage: Outage): Promise<OutageSite> {
  const broker = await startBroker()
  const cluster = await openRoleCluster({
    brokers: broker.brokers,
    prefix: 'outage-',
    partitions: 2,
  })
  try {
    const [ingest, processors, sink, api] = await Promise.all([
      cluster.start('ingest'),
      cluster.start('processors'),
      cluster.start('sink'),
      cluster.start('api'),
    ])
    return {
      target: { url: ingest.url, key: api.key },
      ask: (sql) => cluster.rows(sql),
      processes: [ingest, processors, sink, api],
      affected: outage === 'broker' ? [ingest, processors] : [sink, api],
      takeAway: () =>
        outage === 'broker' ? broker.stop({ keepsData: true }) : cluster.stopEngine(),
      bringBack: () => (outage === 'broker' ? broker.restart() : cluster.startEngine()),
      async [Symbol.asyncDispose]() {
        await cluster[Symbol.asyncDispose]()
        await broker.stop()
      },
    }
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    await broker.stop()
    throw error
  }
}

interface SmallDisk {
  folder: string
  fill(): void
  free(): void
  unmount(): void
}

/** A disk in memory of a few hundred MB. Mounting takes root; throws with the reason where that is not so. */
export function mountSmallDisk(): SmallDisk {
  const folder = temporaryFolder('disk')
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder], {
    encoding: 'utf8',
  })
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`a small disk cannot be mounted: ${mounted.stderr || String(mounted.error)}`)
  }
  const filler = join(folder, 'filler')
  mkdirSync(join(folder, 'data'))
  return {
    folder,
    /** Takes all there is, to the last page. */
    fill() {
      const chunk = Buffer.alloc(1 << 20)
      writeFileSync(filler, '')
      for (;;) {
        const { bavail, bsize } = statfsSync(folder)
        const bytes = Math.min(chunk.length, bavail * bsize)
        if (bytes <= 0) return
        try {
          writeFileSync(filler, chunk.subarray(0, bytes), { flag: 'a' })
        } catch {
          // The platform took the rest meanwhile: full is full.
          return
        }
      }
    },
    free: () => truncateSync(filler, 0),
    unmount() {
      spawnSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
