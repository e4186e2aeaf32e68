import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

// Below the ports the kernel gives to outgoing connections: a JVM takes seconds until it binds, and several start at once.
const FIRST = 20_000
const LAST = 32_000
const TRIES_MAX = 50

/** Two free ports of loopback; the first as wished. Held together, so that they differ. */
export async function freePorts(wished = 0): Promise<number[]> {
  const servers = [wished === 0 ? await holdAny() : await hold(wished), await holdAny()]
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function holdAny(): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await hold(randomInt(FIRST, LAST))
    } catch (error) {
      if (tries === TRIES_MAX) throw error
    }
  }
}

function hold(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

// ApiVersions version 0, correlation 1, no client id: any broker answers it as soon as it serves.
const QUESTION = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
const ANSWER_MS_MAX = 2000

/** Whether a Kafka answers there. */
export function answersKafka(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_MS_MAX, () => end(false))
    socket.on('error', () => end(false))
    socket.on('close', () => resolve(false))
    socket.on('connect', () => socket.write(QUESTION))
    // Length, correlation, error code: ten bytes tell.
    socket.once('data', (part) => end(part.length >= 10 && part.readInt16BE(8) === 0))
  })
}
