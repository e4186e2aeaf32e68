import { decodeProtectedHeader, errors } from 'jose'
import { FaultlineError } from '#/kernel/errors.ts'

/**
 * Headers that name a key or where to get one: whoever signs would choose what is checked (RFC 8725 §3.10), and
 * `crit` and `b64` change what is signed. We write none of them and our issuers need none.
 */
const FORBIDDEN_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'] as const

/** Far more than any token of ours or of an issuer with many groups. */
const TOKEN_CHARS_MAX = 16_384

/** The header of a token that is worth looking at. Fails with `unauthorized`. */
export function checkedHeader(token: string, alg: string): { kid: string | undefined } {
  if (token.length > TOKEN_CHARS_MAX) throw badToken('is too long')
  let header: Record<string, unknown>
  try {
    header = { ...decodeProtectedHeader(token) }
  } catch (error) {
    throw badToken('cannot be read', error)
  }
  if (header['alg'] !== alg) throw badToken('is signed in a way that is not allowed here')
  for (const name of FORBIDDEN_HEADERS)
    if (name in header) throw badToken(`has a header ${name}, which is not allowed`)
  const { kid } = header
  if (kid !== undefined && typeof kid !== 'string') throw badToken('names no key')
  return { kid }
}

/** What jose found, in one sentence and without the token. */
export function tokenProblem(thrown: unknown): FaultlineError {
  if (thrown instanceof FaultlineError) return thrown
  if (thrown instanceof errors.JWTExpired) return badToken('has expired', thrown)
  if (thrown instanceof errors.JWTClaimValidationFailed)
    return badToken(`is not for this use (${thrown.claim})`, thrown)
  return badToken('is not signed by whom it should', thrown)
}

export function badToken(what: string, cause?: unknown): FaultlineError {
  return new FaultlineError('unauthorized', `The token ${what}.`, {
    remedy: 'Sign in again, or ask for a new one with the refresh token.',
    ...(cause === undefined ? {} : { cause }),
  })
}
