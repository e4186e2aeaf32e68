import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from './partitioner.ts'

describe('partitioner', () => {
  it('[LG60] agrees with the Java client', () => {
    // The vectors of Kafka's own UtilsTest.testMurmur2.
    const vectors: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ]
    for (const [text, hash] of vectors) expect(murmur2(Buffer.from(text)), text).toBe(hash)
  })

  it('stays within the partitions, also for a negative hash', () => {
    for (const text of ['', '21', 'foobar', 'x']) {
      const partition = partitionOf(Buffer.from(text), 7)
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(7)
    }
  })
})
