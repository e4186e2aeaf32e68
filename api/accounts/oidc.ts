import { hash } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload } from 'jose'
import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { randomSecret } from '#/kernel/random.ts'
import type { User } from './account-records.ts'
import type { Accounts } from './accounts.ts'
import type { Audit } from './audit.ts'
import { badToken, checkedHeader, tokenProblem } from './forged.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { groupsIn, roleOfGroups, type GroupRoles } from './oidc-groups.ts'

export interface OidcConfig {
  issuer: string
  clientId: string
  clientSecret: string | undefined
  /** The one algorithm the issuer signs with. */
  alg: string
  /** As the button says it. */
  name: string
  scope: string
  groupsClaim: string
  roles: GroupRoles
}

/** The code flow with PKCE (RFC 7636, OpenID Connect Core §3.1) against one configured issuer. */
export interface Oidc {
  readonly name: string
  /** Where to send the browser, and what to keep for its return. */
  begin(wish: { redirectUri: string; next: string }): Promise<{ address: string; kept: string }>
  /** Fails with `unauthorized` or `forbidden`. */
  finish(back: { kept: string; code: string; state: string }): Promise<{ user: User; next: string }>
}

export interface OidcDeps {
  clock: Clock
  accounts: Pick<Accounts, 'tokens' | 'doors'>
  audit: Audit
  config: OidcConfig
}

export const OIDC_SECONDS = 600
const ANSWER_MS_MAX = 10_000
const ANSWER_CHARS_MAX = 1 << 20
const CLOCK_TOLERANCE_S = 30

interface Discovery {
  authorization_endpoint: string
  token_endpoint: string
  jwks_uri: string
}

export function createOidc(deps: OidcDeps): Oidc {
  const { accounts, audit, config } = deps
  const discovery = createDiscovery(config.issuer)
  const claimsOf = createIdTokenCheck(deps, discovery)
  return {
    name: config.name,
    async begin({ redirectUri, next }) {
      const [state, nonce, verifier] = [random(), random(), random()]
      const challenge = hash('sha256', verifier, 'base64url')
      const address = new URL((await discovery()).authorization_endpoint)
      const query = {
        response_type: 'code',
        client_id: config.clientId,
        redirect_uri: redirectUri,
        scope: config.scope,
        state,
        nonce,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value)
      const claims = { sub: state, nonce, verifier, next, redirect: redirectUri }
      const kept = await accounts.tokens.sign('oidc', claims, OIDC_SECONDS)
      return { address: address.href, kept }
    },
    async finish({ kept, code, state }) {
      const begun = await accounts.tokens.verify('oidc', kept)
      if (begun.sub !== state) throw badToken('does not belong to this answer of the issuer')
      const { token_endpoint } = await discovery()
      const answer = await ask(token_endpoint, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: textIn(begun['redirect']),
        client_id: config.clientId,
        code_verifier: textIn(begun['verifier']),
        ...(config.clientSecret === undefined ? {} : { client_secret: config.clientSecret }),
      })
      const user = await welcome(deps, await claimsOf(textIn(answer['id_token']), begun['nonce']))
      const { id, email } = user
      const detail = { by: 'oidc' }
      audit.note({ actor: `user:${id}`, action: 'login', target: email, result: 'done', detail })
      return { user, next: textIn(begun['next']) }
    },
  }
}

function createDiscovery(issuer: string): () => Promise<Discovery> {
  let discovered: Promise<Discovery> | undefined
  return () => {
    discovered ??= discover(issuer).catch((error: unknown) => {
      // Asked again with the next sign-in.
      discovered = undefined
      throw error
    })
    return discovered
  }
}

/** The claims of an identity token that is for us, of this issuer, of this sign-in, and now. */
function createIdTokenCheck(
  { clock, config }: OidcDeps,
  discovery: () => Promise<Discovery>,
): (idToken: string, nonce: unknown) => Promise<JWTPayload> {
  const keys = createIssuerKeys({
    clock,
    load: async () => (await ask((await discovery()).jwks_uri)) as unknown as JSONWebKeySet,
  })
  return async (idToken, nonce) => {
    checkedHeader(idToken, config.alg)
    try {
      const { payload } = await jwtVerify(idToken, keys, {
        algorithms: [config.alg],
        issuer: config.issuer,
        audience: config.clientId,
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(clock.nowMs()),
        requiredClaims: ['sub', 'iat', 'exp', 'nonce'],
      })
      if (payload['nonce'] !== nonce) throw badToken('is of another sign-in')
      // With several audiences it says whom it was made for (OpenID Connect Core §3.1.3.7).
      const { azp, token_use } = payload
      if (azp !== undefined && azp !== config.clientId) throw badToken('is for another program')
      // Cognito's access tokens look alike but for this.
      if (token_use !== undefined && token_use !== 'id') throw badToken('is no identity token')
      return payload
    } catch (error) {
      throw tokenProblem(error)
    }
  }
}

function welcome({ accounts, audit, config }: OidcDeps, claims: JWTPayload): Promise<User> {
  const role = roleOfGroups(groupsIn(claims[config.groupsClaim]), config.roles)
  const email = claims['email_verified'] === false ? '' : textIn(claims['email']).toLowerCase()
  if (role === undefined) {
    const detail = { by: 'oidc', why: 'no group gives a role' }
    audit.note({ actor: 'oidc', action: 'login', target: email, result: 'denied', detail })
    throw new FaultlineError('forbidden', 'None of your groups has a role here.', {
      remedy: 'Ask whoever runs Faultline to name one of them in oidc-viewer-groups.',
    })
  }
  const subject = `${config.issuer} ${claims.sub}`
  return accounts.doors.welcome({ subject, email, name: textIn(claims['name']), role })
}

const random = (): string => randomSecret(32)
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

async function discover(issuer: string): Promise<Discovery> {
  const found = await ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  if (found['issuer'] !== issuer)
    throw new FaultlineError('config_invalid', 'The issuer calls itself by another name.', {
      path: 'oidc-issuer',
      remedy: `It says ${textIn(found['issuer']).slice(0, 200)}: write that.`,
    })
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const)
    if (!URL.canParse(textIn(found[name])))
      throw new FaultlineError('config_invalid', `The issuer does not tell its ${name}.`, {
        path: 'oidc-issuer',
      })
  return found as unknown as Discovery
}

/** A JSON object of the issuer, in time and not too long; redirects are not followed. */
async function ask(
  address: string,
  form?: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  let text: string
  try {
    const response = await fetch(address, {
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: { accept: 'application/json' },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    text = await response.text()
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    if (text.length > ANSWER_CHARS_MAX) throw new Error('its answer is too long')
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) throw new Error('its answer is no object')
    return value as Record<string, unknown>
  } catch (error) {
    throw new FaultlineError(
      'unauthorized',
      `The issuer did not vouch for you: ${messageOf(error)}.`,
      {
        cause: error,
        remedy: 'Sign in again; if it stays so, see whether the issuer can be reached.',
      },
    )
  }
}
