import { describe, expect, it } from 'vitest'
import { isSignedBy, keyOfSecret, signatureOf } from './signature.ts'

// The vector of the reference libraries of Standard Webhooks.
const KEY = keyOfSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
const MESSAGE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
}
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

describe('signatures', () => {
  it('[J1] are those of Standard Webhooks', () => {
    expect(signatureOf(MESSAGE, KEY)).toBe(SIGNATURE)
    expect(isSignedBy(MESSAGE, `v1,b3RoZXI= ${SIGNATURE}`, KEY)).toBe(true)
  })

  it('[J1] stand for every part of the message (negative control)', () => {
    for (const change of [{ id: 'msg_2' }, { timestamp: 1614265331 }, { body: '{"test": 1}' }])
      expect(isSignedBy({ ...MESSAGE, ...change }, SIGNATURE, KEY)).toBe(false)
    expect(isSignedBy(MESSAGE, SIGNATURE, Buffer.alloc(24))).toBe(false)
  })

  it.each(['', 'secret', 'whsec_', 'whsec_c2hvcnQ=', 'whsec_***'])(
    '[J1] a secret like "%s" is refused',
    (secret) => {
      expect(() => keyOfSecret(secret)).toThrow('whsec_')
    },
  )
})
