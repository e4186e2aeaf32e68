import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LIMITS } from '#/schemas/event-input-limits.ts'
import { createTestApp } from './test-app.ts'
import type { TestApp } from './test-app.ts'

let test: TestApp
beforeAll(async () => {
  test = await createTestApp()
})
afterAll(() => test.app.close())

/** A client that sends all it has before it looks for the answer, as most do. */
function sendAll(port: number, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    const head = `POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${test.ingestKey}\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`
    socket.write(head)
    // In pieces with pauses: a body that fits the buffers of the system would hide a connection that is reset.
    const piece = Buffer.alloc(1 << 20, 120)
    let left = bytes
    const next = (): void => {
      if (left <= 0) return
      left -= piece.length
      socket.write(piece, () => setTimeout(next, 2))
    }
    next()
  })
}

it('[A12] a body that is too large is refused in words, not by a connection that is reset', async () => {
  const address = await test.app.listen({ port: 0, host: '127.0.0.1' })
  const port = Number(new URL(address).port)
  for (let round = 0; round < 5; round += 1) {
    const answer = await sendAll(port, LIMITS.bodyBytesMax + (4 << 20))
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('body_too_large')
  }
})
