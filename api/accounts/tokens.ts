import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose'
import type { CryptoKey, JWTPayload } from 'jose'
import type { Clock } from '#/kernel/clock.ts'
import type { SigningKey } from './account-records.ts'
import { badToken, checkedHeader, tokenProblem } from './forged.ts'
import { newId } from './secrets.ts'

/** What a token may be used for; each is refused for every other use. */
export type TokenUse = 'access' | 'ws' | 'oidc'

export interface Tokens {
  sign(use: TokenUse, claims: JWTPayload & { sub: string }, seconds: number): Promise<string>
  /** Fails with `unauthorized` for whatever is not exactly what we signed for this use. */
  verify(use: TokenUse, token: string): Promise<JWTPayload & { sub: string; jti: string }>
}

/** The one algorithm of the one issuer that we are. */
export const OWN_ALG = 'EdDSA'
export const OWN_ISSUER = 'faultline'
export const ownAudience = (use: TokenUse): string => `faultline:${use}`
export const ownType = (use: TokenUse): string => `${use}+jwt`

const DAY_MS = 86_400_000
/** Longer than any token lives, so that what was signed with the last key is good to its end. */
const OVERLAP_MS = 3_600_000
const CLOCK_TOLERANCE_S = 5
const KEYS_MAX = 1_000

export interface TokenDeps {
  clock: Clock
  /** Public halves of all processes that sign, and where ours is told to them. */
  signingKey: (kid: string) => SigningKey | undefined
  publish: (key: SigningKey) => Promise<void>
}

/**
 * Tokens are signed with a key that lives in this process and no longer than a day. Its public half goes to
 * `config.v1`: other processes check what this one signed, and nothing that is stored can sign.
 */
export function createTokens(deps: TokenDeps): Tokens {
  const { clock } = deps
  const signer = createSigner(deps)
  const keyOf = createKeyRing(deps)
  return {
    async sign(use, claims, seconds) {
      const { kid, privateKey } = await signer()
      const now = Math.floor(clock.nowMs() / 1000)
      return new SignJWT(claims)
        .setProtectedHeader({ alg: OWN_ALG, typ: ownType(use), kid })
        .setIssuer(OWN_ISSUER)
        .setAudience(ownAudience(use))
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(now + seconds)
        .setJti(newId())
        .sign(privateKey)
    },
    async verify(use, token) {
      const { kid } = checkedHeader(token, OWN_ALG)
      try {
        const { payload } = await jwtVerify(token, await keyOf(kid), {
          algorithms: [OWN_ALG],
          issuer: OWN_ISSUER,
          audience: ownAudience(use),
          typ: ownType(use),
          clockTolerance: CLOCK_TOLERANCE_S,
          currentDate: new Date(clock.nowMs()),
          requiredClaims: ['sub', 'iat', 'nbf', 'exp', 'jti'],
        })
        return payload as JWTPayload & { sub: string; jti: string }
      } catch (error) {
        throw tokenProblem(error)
      }
    },
  }
}

interface Signer {
  kid: string
  privateKey: CryptoKey
}

/** The key to sign with now; a new one every day, and the first when something is first signed. */
function createSigner({ clock, publish }: TokenDeps): () => Promise<Signer> {
  let current: Promise<Signer> | undefined
  let untilMs = 0
  const make = async (): Promise<Signer> => {
    const { privateKey, publicKey } = await generateKeyPair(OWN_ALG)
    const { x = '' } = await exportJWK(publicKey)
    const nowMs = clock.nowMs()
    const key = { id: newId(), x, created_at: nowMs, expires_at: nowMs + DAY_MS + OVERLAP_MS }
    await publish(key)
    return { kid: key.id, privateKey }
  }
  return () => {
    if (current !== undefined && clock.nowMs() < untilMs) return current
    untilMs = clock.nowMs() + DAY_MS
    const made = make()
    made.catch(() => (current = undefined))
    current = made
    return made
  }
}

/** Public halves, read once each. */
function createKeyRing({ clock, signingKey }: TokenDeps): (kid?: string) => Promise<CryptoKey> {
  const imported = new Map<string, Promise<CryptoKey>>()
  return (kid) => {
    const known = kid === undefined ? undefined : signingKey(kid)
    if (known === undefined || known.expires_at <= clock.nowMs())
      throw badToken('is signed with a key nobody knows')
    let key = imported.get(known.id)
    if (key === undefined) {
      // As many as processes began within a day.
      if (imported.size >= KEYS_MAX) imported.clear()
      key = importKey(known.x)
      imported.set(known.id, key)
    }
    return key
  }
}

async function importKey(x: string): Promise<CryptoKey> {
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, OWN_ALG)
  if (key instanceof Uint8Array) throw badToken('is signed with no public key')
  return key
}
