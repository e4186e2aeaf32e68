import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { FrontedLog } from '#/processors/log/embedded-front.ts'
import { A0, appendTexts, createTopic, readTexts, TestLogs } from '#/processors/log/test-log.ts'
import { APIS } from './api-table.ts'
import { FRAME_BYTES_MAX } from './frames.ts'
import { KAFKA } from './kafka-errors.ts'
import { clientBatch, OPEN_POLICY, openFront, produceBatch, RawClient } from './test-front.ts'
import type { TestFront } from './test-front.ts'
import type { WireReader } from './wire-reader.ts'

const logs = new TestLogs()
const fronts: TestFront[] = []
const clients: RawClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const front of fronts.splice(0)) await front.close()
  await logs.clean()
})

async function open(
  policy = OPEN_POLICY,
): Promise<{ log: FrontedLog; front: TestFront; dir: string; client: () => RawClient }> {
  const dir = logs.newDir()
  const log = await logs.open(dir)
  await createTopic(log)
  const front = await openFront(log, policy)
  fronts.push(front)
  const client = (): RawClient => {
    const one = new RawClient(front.port)
    clients.push(one)
    return one
  }
  return { log, front, dir, client }
}

function versionsIn(body: WireReader): number[] {
  return body.array(() => {
    const key = body.int16()
    body.int16()
    body.int16()
    return key
  })
}

describe('connections', () => {
  it('[WF20] ApiVersions lists what is served, also when asked in a version of the future', async () => {
    const { client } = await open()
    const one = client()
    const known = (await one.ask(18, 0))!
    expect(known.int16()).toBe(KAFKA.NONE)
    expect(versionsIn(known)).toEqual(APIS.map(({ key }) => key))
    const future = (await one.ask(18, 99))!
    expect(future.int16()).toBe(KAFKA.UNSUPPORTED_VERSION)
    expect(versionsIn(future)).toContain(18)
  })

  it('[WF21] an unknown API or version, a request cut short and one too large end their connection, with a reason', async () => {
    const { front, client } = await open()
    expect(await client().ask(999, 0)).toBeUndefined()
    expect(await client().ask(0, 99)).toBeUndefined()
    expect(await client().ask(3, 1, (body) => body.int32(5))).toBeUndefined()
    const large = client()
    large.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
    expect(await large.answer()).toBeUndefined()
    expect(front.refused).toEqual([
      expect.stringContaining('API 999'),
      expect.stringContaining('Produce version 99'),
      expect.stringContaining('too early'),
      expect.stringContaining(`at most ${FRAME_BYTES_MAX}`),
    ])
    expect(front.problems).toEqual([])
    expect(await client().ask(18, 0)).toBeDefined()
  })

  it('[WF22] hostile bytes: whatever comes, the front answers or hangs up, and goes on', async () => {
    const { log, front, client } = await open()
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...APIS),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.uint8Array({ maxLength: 120 }),
        async ({ key, versions }, share, bytes) => {
          const one = client()
          const version = versions[0] + Math.floor(share * (versions[1] - versions[0] + 0.999))
          one.send(key, version, (body) => body.append([Buffer.from(bytes)]))
          one.socket.end()
          await one.answer()
          one.close()
        },
      ),
      { numRuns: 400 },
    )
    expect(front.problems).toEqual([])
    await appendTexts(log, ['still here'])
    expect(await readTexts(log)).toContain('still here')
    expect(await client().ask(18, 3)).toBeDefined()
  })

  it('[WF23] requests of one connection are answered in their order, those of others meanwhile', async () => {
    const { client } = await open()
    const [slow, other] = [client(), client()]
    // A fetch that waits for a second, and two requests behind it.
    slow.send(1, 4, (body) => {
      body.int32(-1).int32(1000).int32(1).int32(1_000_000).int8(0)
      body.int32(1).string('a').int32(1).int32(0).int64(0).int32(1_000_000)
    })
    slow.send(18, 0, () => undefined)
    expect(await other.ask(18, 0)).toBeDefined()
    expect(await produceBatch(other, clientBatch(['woken']))).toMatchObject({
      code: 0,
      baseOffset: 0,
    })
    const fetched = (await slow.answer())!
    expect(fetched.int32()).toBe(0)
    expect(fetched.int32()).toBe(1)
    expect((await slow.answer())!.int16()).toBe(KAFKA.NONE)
  })
})

describe('producing', () => {
  it('[WF5] records of clients and of the process are one log', async () => {
    const { log, client } = await open()
    await appendTexts(log, ['a'])
    const one = client()
    expect(await produceBatch(one, clientBatch(['b', 'c']))).toMatchObject({ baseOffset: 1 })
    await appendTexts(log, ['d'])
    expect(await readTexts(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(await log.endOffset(A0)).toBe(4)
  })

  it('[WF6] what is wrong with a batch is told in words, and nothing of it is kept', async () => {
    const { log, client } = await open()
    const broken = clientBatch(['b'])
    broken[70] = broken[70]! ^ 1
    expect(await produceBatch(client(), broken)).toMatchObject({
      code: KAFKA.CORRUPT_MESSAGE,
      message: expect.stringContaining('checksum'),
    })
    const nowhere = await produceBatch(client(), clientBatch(['b']), { topic: 'nowhere' })
    expect(nowhere).toMatchObject({ code: KAFKA.UNKNOWN_TOPIC_OR_PARTITION })
    const odd = await produceBatch(client(), clientBatch(['b']), { acks: 7 })
    expect(odd).toMatchObject({ code: KAFKA.INVALID_REQUIRED_ACKS })
    expect(await log.endOffset(A0)).toBe(0)
  })

  it('[WF7] an idempotent batch that comes again is not kept twice, also after a crash', async () => {
    const { log, dir, client } = await open()
    const one = client()
    const init = (await one.ask(22, 1, (body) => body.string(null).int32(0)))!
    init.int32()
    expect(init.int16()).toBe(KAFKA.NONE)
    const id = init.int64()
    const numbers = { id, epoch: 0 }
    const first = clientBatch(['b', 'c'], { ...numbers, sequence: 0 })
    const second = clientBatch(['d'], { ...numbers, sequence: 2 })
    expect(await produceBatch(one, Buffer.from(first))).toMatchObject({ baseOffset: 0 })
    expect(await produceBatch(one, Buffer.from(second))).toMatchObject({ baseOffset: 2 })
    expect(await produceBatch(one, Buffer.from(first))).toMatchObject({ code: 0, baseOffset: 0 })
    const gap = clientBatch(['x'], { ...numbers, sequence: 9 })
    expect(await produceBatch(one, gap)).toMatchObject({ code: KAFKA.OUT_OF_ORDER_SEQUENCE_NUMBER })
    expect(await readTexts(log)).toEqual(['b', 'c', 'd'])

    const later = await logs.open(logs.crashImage(dir))
    const front = await openFront(later)
    fronts.push(front)
    const again = new RawClient(front.port)
    clients.push(again)
    expect(await produceBatch(again, Buffer.from(second))).toMatchObject({ code: 0, baseOffset: 2 })
    expect(await readTexts(later)).toEqual(['b', 'c', 'd'])
    // The control: without its numbers the same batch is kept again.
    await produceBatch(again, clientBatch(['d']))
    expect(await readTexts(later)).toEqual(['b', 'c', 'd', 'd'])
    const other = (await again.ask(22, 1, (body) => body.string(null).int32(0)))!
    other.int32()
    other.int16()
    expect(other.int64()).toBeGreaterThan(id)
  })
})
