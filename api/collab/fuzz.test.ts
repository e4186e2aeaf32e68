import { describe, expect, it } from 'vitest'
import { fuzz } from '#/test/collab/world.ts'

const SEEDS = 2_000
const CONTROL_SEEDS = 300
/** Seeds that have broken a promise, by what broke it. They are played in every run, however many seeds it has. */
const PINNED: readonly { seed: number; broke: string; by: { remembersRejections?: boolean } }[] = [
  7, 12, 13, 16, 18, 30,
].map((seed) => ({
  seed,
  broke: 'was told rejected and is applied',
  by: { remembersRejections: false },
}))

describe('rooms under everything that goes wrong', () => {
  it(`[G4] [G7] [F10] ${SEEDS} seeds: disconnects, doubled and late frames, crashes, two gateways`, async () => {
    let events = 0
    let rejections = 0
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { complaints, world } = await fuzz({ seed })
      expect({ seed, complaints }).toEqual({ seed, complaints: [] })
      events += world.actions.filter(({ action }) => action.result === '').length
      rejections += world.actions.filter(({ action }) => action.result !== '').length
    }
    // A fuzzer in which nothing happens would find nothing.
    expect(events / SEEDS).toBeGreaterThan(8)
    expect(rejections / SEEDS).toBeGreaterThan(1)
  }, 180_000)

  it('[G7] without durable rejections a command told "rejected" is applied later (negative control)', async () => {
    const broken: string[] = []
    for (let seed = 1; seed <= CONTROL_SEEDS; seed += 1)
      broken.push(...(await fuzz({ seed, remembersRejections: false })).complaints)
    expect(broken.some((complaint) => complaint.endsWith('was told rejected and is applied'))).toBe(
      true,
    )
  }, 180_000)

  for (const { seed, broke, by } of PINNED)
    it(`[G4] [G7] seed ${seed}: "${broke}" without what mends it, and nothing with it`, async () => {
      const broken = (await fuzz({ seed, ...by })).complaints
      expect(broken.some((complaint) => complaint.endsWith(broke))).toBe(true)
      expect((await fuzz({ seed })).complaints).toEqual([])
    })
})
