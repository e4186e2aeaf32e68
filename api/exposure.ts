import { FaultlineError } from '#/kernel/errors.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/i

/** Whether a host name or address is this machine's own. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host)
}

/**
 * Without accounts, pages and reads are open to whoever can connect: so only this machine may. Fails with
 * `config_unsafe` when the server would listen elsewhere.
 */
export function assertSafeExposure(options: { host: string; hasAccounts: boolean }): void {
  if (options.hasAccounts || isLoopbackHost(options.host)) return
  throw new FaultlineError(
    'config_unsafe',
    `Listening on ${options.host} would show every page and read to the network.`,
    { path: 'host', remedy: 'Listen on 127.0.0.1, or require read keys with --read-access keys.' },
  )
}

/** The name in a Host header without its port; empty when it is missing or not a host. */
export function hostNameOf(header: string | undefined): string {
  if (header === undefined) return ''
  const match = /^(\[[0-9a-f:.]+\]|[^:/@\s]+)(:\d{1,5})?$/i.exec(header)
  return match?.[1]?.toLowerCase() ?? ''
}

/**
 * A page of another site cannot read our answers (CORS stays closed), but a name it owns could be made to point at
 * 127.0.0.1 (DNS rebinding); then the Host header carries that name. Fails with `forbidden`.
 */
export function checkHost(header: string | undefined, hostsAllowed: readonly string[]): void {
  const host = hostNameOf(header)
  if (isLoopbackHost(host) || hostsAllowed.includes(host)) return
  throw new FaultlineError('forbidden', 'This server answers only under its own name.', {
    path: 'host',
    remedy: 'Use http://localhost or http://127.0.0.1, or add the name to the allowed hosts.',
  })
}

/**
 * Browsers send Origin with WebSocket handshakes and with writes, and do not keep other sites from making either.
 * Other clients send none. Fails with `forbidden`.
 */
export function checkOrigin(origin: string | undefined, host: string | undefined): void {
  if (origin === undefined) return
  if (URL.parse(origin)?.host === host?.toLowerCase()) return
  throw new FaultlineError('forbidden', 'Requests from pages of other sites are not answered.', {
    path: 'origin',
  })
}
