import { describe, expect, it } from 'vitest'
import { crc32c } from './crc32c.ts'

describe('crc32c', () => {
  it('[LG50] gives the check value of the catalogue and the vectors of RFC 3720 B.4', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
    expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, index) => index)))).toBe(0x46dd794e)
  })

  it('takes any part of a buffer, of any length', () => {
    const whole = Buffer.from('..123456789..')
    expect(crc32c(whole, 2, 11)).toBe(0xe3069283)
    expect(crc32c(whole, 5, 5)).toBe(0)
  })
})
