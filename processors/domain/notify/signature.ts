import { createHmac, timingSafeEqual } from 'node:crypto'
import { FaultlineError } from '#/kernel/errors.ts'

// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const PREFIX = 'whsec_'
/** The specification asks for 24 to 64 bytes. */
const BYTES_MIN = 24
const BYTES_MAX = 64

export interface SignedMessage {
  id: string
  /** Seconds since the epoch, of this attempt. */
  timestamp: number
  body: string
}

/** The key inside a `whsec_` secret. Fails with `config_invalid` for anything else. */
export function keyOfSecret(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  const key = Buffer.from(encoded, 'base64')
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded)
  if (isBase64 && key.length >= BYTES_MIN && key.length <= BYTES_MAX) return key
  throw new FaultlineError(
    'config_invalid',
    `the secret of a webhook is ${PREFIX} and ${BYTES_MIN} to ${BYTES_MAX} bytes in base64`,
    { remedy: `Make one: echo "${PREFIX}$(openssl rand -base64 32)"` },
  )
}

/** What stands in `webhook-signature`. */
export function signatureOf({ id, timestamp, body }: SignedMessage, key: Buffer): string {
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return `v1,${digest}`
}

/** Whether one of the signatures in `header`, separated by spaces, is that of the message. */
export function isSignedBy(message: SignedMessage, header: string, key: Buffer): boolean {
  const wanted = Buffer.from(signatureOf(message, key))
  return header.split(' ').some((given) => {
    const bytes = Buffer.from(given)
    return bytes.length === wanted.length && timingSafeEqual(bytes, wanted)
  })
}
