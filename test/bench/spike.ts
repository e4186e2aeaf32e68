import { systemClock } from '#/kernel/clock.ts'
import { createSeededRandom } from '#/kernel/random.ts'
import { CountPool } from '#/processors/domain/spike/count-pool.ts'
import { KEY_BYTES_MAX, KEY_BYTES_MIN } from '#/processors/domain/spike/count-store.ts'
import { createSeriesDetector } from '#/processors/domain/spike/series-detector.ts'
import { createServiceDetector } from '#/processors/domain/spike/service-detector.ts'
import type { DetectorEvent } from '#/processors/domain/spike/types.ts'

const KEYS = 20_000
const START_MS = Date.UTC(2026, 0, 5)

/** Detection: cost of a closed minute of a key, of a point of a series, of an event, and bytes a key. */
export async function run(print: (line: string) => void): Promise<void> {
  counts(print)
  series(print)
  events(print)
  idleKeys(print)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

function nsEach(times: number, work: () => void): number {
  const startMs = systemClock.monotonicMs()
  work()
  return ((systemClock.monotonicMs() - startMs) * 1e6) / times
}

/** Round robin over all keys, so that no key's state is in the cache. */
function counts(print: (line: string) => void): void {
  const random = createSeededRandom(1)
  const pool = new CountPool()
  const slots = Array.from({ length: KEYS }, () => pool.add())
  const inMinute = Uint8Array.from({ length: KEYS * 4 }, () => random.int(4))
  const rounds: number[] = []
  for (let minute = 0; minute < 90; minute += 1) {
    const offset = (minute % 3) * KEYS
    rounds.push(
      nsEach(KEYS, () => {
        for (const slot of slots) pool.update(slot, inMinute[offset + slot] ?? 0, minute)
      }),
    )
  }
  const ns = median(rounds.slice(70))
  print(`counts: ${ns.toFixed(0)} ns per update, ${KEYS} keys in turn`)
  print(`counts: ${KEY_BYTES_MIN} bytes a rare key, ${KEY_BYTES_MAX} bytes a key with habits`)
}

function series(print: (line: string) => void): void {
  const random = createSeededRandom(2)
  const detector = createSeriesDetector()
  const values = Float64Array.from({ length: 100_000 }, () => 100 + 20 * random.unit())
  const rounds = Array.from({ length: 5 }, (_, round) =>
    nsEach(values.length, () => {
      for (const [index, value] of values.entries()) {
        detector.update(value, (round * values.length + index) * 60_000)
      }
    }),
  )
  print(`series: ${median(rounds).toFixed(0)} ns per point`)
}

function events(print: (line: string) => void): void {
  const random = createSeededRandom(3)
  const count = 200_000
  const batch = Array.from({ length: count }, (_, index): DetectorEvent => {
    const atMs = START_MS + index * 50
    const type = index % 4 === 0 ? 'error' : 'http_request'
    return {
      eventId: `e${index}`,
      occurredAtMs: atMs,
      receivedAtMs: atMs + 200,
      type,
      severity: 3,
      environment: 'prod',
      userId: `u${random.int(5000)}`,
      host: `h${random.int(4)}`,
      durationMs: 20 + random.int(100),
      statusCode: 200,
      ...(type === 'error' ? { fingerprint: `f${random.int(300)}` } : {}),
    }
  })
  const detector = createServiceDetector({ project: 'bench', service: 'api' })
  const ns = nsEach(count, () => {
    for (const event of batch) detector.observe(event)
  })
  print(`events: ${ns.toFixed(0)} ns per event, minutes closed on the way`)
  const bytes = JSON.stringify(detector.snapshot()).length
  print(`events: snapshot of ${(bytes / 1024).toFixed(0)} KiB with 300 fingerprints`)
}

/** 64 hexadecimal digits, as a flat string like one read from the log. */
function fingerprintOf(index: number): string {
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32BE(index, 28)
  return bytes.toString('hex')
}

/** Memory of fingerprints that were seen once or twice, the bulk of a large installation. */
function idleKeys(print: (line: string) => void): void {
  const keys = 100_000
  globalThis.gc?.()
  const before = process.memoryUsage()
  const detector = createServiceDetector({
    project: 'bench',
    service: 'api',
    fingerprintsMax: keys,
  })
  for (let index = 0; index < 2 * keys; index += 1) {
    const atMs = START_MS + index * 400
    detector.observe({
      eventId: `e${index}`,
      occurredAtMs: atMs,
      receivedAtMs: atMs,
      type: 'error',
      severity: 3,
      environment: 'prod',
      fingerprint: fingerprintOf(index % keys),
    })
  }
  globalThis.gc?.()
  const after = process.memoryUsage()
  const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  const collected = globalThis.gc === undefined ? ' (garbage included)' : ''
  print(`memory: ${(used / keys).toFixed(0)} bytes a fingerprint of ${keys}${collected}`)
  // Keeps the detector alive until it was measured.
  detector.advance(START_MS)
}
