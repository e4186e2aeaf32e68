import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { FaultlineError, systemErrorCode } from '#/kernel/errors.ts'

interface Listening {
  server: Server
  listen(options: { host: string; port: number }): Promise<unknown>
}

/** Listens and answers the address; a taken port is told in words. */
export async function listen(
  app: Listening,
  options: { host: string; port: number; flag: string },
): Promise<string> {
  const { host, port, flag } = options
  try {
    await app.listen({ host, port })
  } catch (error) {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error
    throw new FaultlineError('port_taken', `port ${port} on ${host} is already in use`, {
      cause: error,
      remedy: `stop what uses it, or choose another with --${flag} (0 takes a free one)`,
    })
  }
  const address = app.server.address() as AddressInfo
  const shown =
    host === '0.0.0.0' || host === '::' ? 'localhost' : host === '127.0.0.1' ? 'localhost' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`
}
