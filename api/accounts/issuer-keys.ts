import { createLocalJWKSet, errors } from 'jose'
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { Clock } from '#/kernel/clock.ts'

/** An unknown key is looked for at the issuer this often at most, whoever makes them up. */
const REFETCH_MS = 60_000

/**
 * The issuer's public keys: kept until a token names one that is not among them. Then they are asked for again, at most
 * once a minute, so that tokens with invented key ids cost the issuer nothing.
 */
export function createIssuerKeys(options: {
  clock: Clock
  load: () => Promise<JSONWebKeySet>
}): JWTVerifyGetKey {
  let held: ReturnType<typeof createLocalJWKSet> | undefined
  let loadedAtMs = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined

  const load = (): Promise<void> => {
    loading ??= (async () => {
      try {
        // Counted from the attempt: an issuer that is down is not asked more often for it.
        loadedAtMs = options.clock.monotonicMs()
        held = createLocalJWKSet(await options.load())
      } finally {
        loading = undefined
      }
    })()
    return loading
  }
  const isFresh = (): boolean => options.clock.monotonicMs() - loadedAtMs < REFETCH_MS
  return async (header, token) => {
    if (held === undefined && (loading !== undefined || !isFresh())) await load()
    if (held === undefined) throw new errors.JWKSNoMatchingKey()
    try {
      return await held(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || (loading === undefined && isFresh()))
        throw error
      await load()
      return held(header, token)
    }
  }
}
