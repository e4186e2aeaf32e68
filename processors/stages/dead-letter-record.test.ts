import { expect, it } from 'vitest'
import { createDecoder } from '#/schemas/codec.ts'
import { registerAll } from '#/schemas/register.ts'
import { createMemoryRegistry } from '#/schemas/registry-embedded.ts'
import { createDeadLetterPort } from './dead-letter-record.ts'

const port = createDeadLetterPort(await registerAll(createMemoryRegistry()))

function letterOf(value: Buffer) {
  const record = { offset: 7, timestampMs: 1, key: Buffer.from('shop/cart'), value }
  const draft = { stage: 's', topic: 't', partition: 2, record, code: 'invalid_event', error: 'e' }
  return createDecoder('DeadLetter').decode(port.encode(draft).value ?? Buffer.alloc(0))
}

// Whatever a stranger's record holds, it must not keep its own dead letter from being written.
it('[A9] takes a schema id of any four bytes', () => {
  const value = Buffer.from([0, 0xff, 0xff, 0xff, 0xfe, 1])
  expect(letterOf(value)).toMatchObject({ schema_id: -2, project: 'shop', value })
})

it('[A9] leaves a record that is too large where it is, and says so', () => {
  const value = Buffer.alloc(20 << 20, 1)
  expect(letterOf(value)).toMatchObject({
    offset: 7,
    partition: 2,
    value: null,
    error: expect.stringMatching(/^\d+ bytes are too many to keep here; e$/),
  })
})
