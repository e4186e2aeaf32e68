/**
 * An address that cannot be read (`/incidents/%zz`): the router refuses it before there is a page, so the sentence is
 * said here. Nothing of the address is repeated.
 */
import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FaultlineError } from '#/kernel/errors.ts'

const STYLE = `:root{color-scheme:light dark}body{max-width:40rem;margin:4rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}`

const CSP = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; frame-ancestors 'none'`

export const BAD_ADDRESS_REMEDY =
  'A % must be followed by two hexadecimal digits. Copy the whole link again.'

export function sendBadAddressPage(
  request: FastifyRequest,
  reply: FastifyReply,
  error: FaultlineError,
): FastifyReply {
  return reply
    .code(error.status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', CSP)
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .send(request.method === 'HEAD' ? '' : pageOf(error))
}

function pageOf({ message, remedy = '', code }: FaultlineError): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>400 · Faultline</title><style>${STYLE}</style></head>
<body><main><h1>${message}</h1><p>${remedy} (${code})</p><p><a href="/">Go to Now</a>, or to <a href="/status">Status</a>.</p></main></body></html>`
}
