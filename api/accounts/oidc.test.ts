import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TEST_NOW_MS } from '#/api/test-app.ts'
import { groupsIn, roleOfGroups } from './oidc-groups.ts'
import { safeNext } from '#/api/routes/oidc.ts'
import { createTestPeople, type TestPeople } from './test-people.ts'

const CLIENT = 'faultline'
const NOW = Math.floor(TEST_NOW_MS / 1000)

const newPair = () => generateKeyPair('RS256', { extractable: true })
/** Made once: primes take a while to find. */
const firstPair = newPair()

/** An issuer over real HTTP on this machine, which does what the code flow asks of one. */
interface Issuer {
  url: string
  /** What the next identity token says beside the usual, and how it is signed. */
  claims: Record<string, unknown>
  header: Record<string, unknown>
  signWith: { kid: string; key: CryptoKey }
  keysAsked: number
  isDown: boolean
  rotate(fresh?: ReturnType<typeof newPair>): Promise<void>
  /** As a person who agrees: what the browser is sent back with. */
  agree(address: string): { code: string; state: string }
  close(): Promise<void>
}

async function startIssuer(): Promise<Issuer> {
  const published: object[] = []
  const codes = new Map<string, URLSearchParams>()
  let made = 0
  const server: Server = createServer((request, response) => {
    const send = (body: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    const path = request.url ?? ''
    if (issuer.isDown) return send({}, 503)
    if (path === '/.well-known/openid-configuration')
      return send({
        issuer: issuer.url,
        authorization_endpoint: `${issuer.url}/authorize`,
        token_endpoint: `${issuer.url}/token`,
        jwks_uri: `${issuer.url}/keys`,
      })
    if (path === '/keys') {
      issuer.keysAsked += 1
      return send({ keys: published })
    }
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => void answerToken(new URLSearchParams(body), send))
  })
  async function answerToken(
    form: URLSearchParams,
    send: (body: unknown, status?: number) => void,
  ): Promise<void> {
    const asked = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (
      asked?.get('code_challenge') !== challenge ||
      asked.get('redirect_uri') !== form.get('redirect_uri') ||
      form.get('client_secret') !== 'secret'
    )
      return send({ error: 'invalid_grant' }, 400)
    const claims = {
      sub: 'ada-1',
      nonce: asked.get('nonce'),
      email: 'Ada@Example.org',
      name: 'Ada',
      groups: ['everyone', 'sre'],
      iss: issuer.url,
      aud: CLIENT,
      iat: NOW,
      exp: NOW + 300,
      ...issuer.claims,
    }
    const token = new SignJWT(claims).setProtectedHeader({
      alg: 'RS256',
      kid: issuer.signWith.kid,
      ...issuer.header,
    })
    send({ id_token: await token.sign(issuer.signWith.key), access_token: 'x' })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const issuer: Issuer = {
    url: `http://127.0.0.1:${port}`,
    claims: {},
    header: {},
    signWith: { kid: '', key: undefined as never },
    keysAsked: 0,
    isDown: false,
    async rotate(fresh = newPair()) {
      const pair = await fresh
      const kid = `key-${(made += 1)}`
      const key = { ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256' }
      published.splice(0, published.length, key)
      issuer.signWith = { kid, key: pair.privateKey }
    },
    agree(address) {
      const { searchParams } = new URL(address)
      expect(searchParams.get('code_challenge_method')).toBe('S256')
      const code = `code-${(made += 1)}`
      codes.set(code, searchParams)
      return { code, state: searchParams.get('state') ?? '' }
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  await issuer.rotate(firstPair)
  return issuer
}

let issuer: Issuer
let test: TestPeople
beforeEach(async () => {
  issuer = await startIssuer()
  test = await createTestPeople({
    config: { readAccess: 'keys' },
    oidc: {
      issuer: issuer.url,
      clientId: CLIENT,
      clientSecret: 'secret',
      alg: 'RS256',
      name: 'the issuer',
      scope: 'openid email profile',
      groupsClaim: 'groups',
      roles: { admin: ['boss'], responder: ['sre'], viewer: ['everyone'] },
    },
  })
})
afterEach(async () => {
  await test.close()
  await issuer.close()
})

interface Begun {
  address: string
  cookie: string
}

async function begin(next = ''): Promise<Begun> {
  const answer = await test.call('GET', `/api/auth/oidc?next=${encodeURIComponent(next)}`)
  expect(answer.status).toBe(303)
  return {
    address: String(answer.headers['location']),
    cookie: `fl_oidc=${answer.cookies['fl_oidc']}`,
  }
}

async function comeBack({ cookie }: Begun, back: { code: string; state: string }) {
  const url = `/api/auth/oidc/callback?code=${back.code}&state=${back.state}`
  return test.call('GET', url, { headers: { cookie } })
}

async function signIn() {
  const begun = await begin()
  return comeBack(begun, issuer.agree(begun.address))
}

async function meOf(answer: { cookies: Readonly<Record<string, string>> }) {
  const headers = { cookie: `fl_session=${answer.cookies['fl_session']}` }
  return (await test.call('GET', '/api/auth/me', { headers })).body
}

describe('signing in at an issuer', () => {
  it('[H2] code flow with PKCE: a session in a cookie, the role by groups, back to where it began', async () => {
    const begun = await begin('/incidents/7')
    expect(begun.address).toMatch(`${issuer.url}/authorize?`)
    expect(new URL(begun.address).searchParams.get('redirect_uri')).toMatch(
      '/api/auth/oidc/callback',
    )
    const answer = await comeBack(begun, issuer.agree(begun.address))
    expect(answer).toMatchObject({ status: 303, headers: { location: '/incidents/7' } })
    expect(await meOf(answer)).toMatchObject({
      email: 'ada@example.org',
      principal: { name: 'Ada', role: 'responder', projects: 'all' },
    })
    expect(test.accounts.admin.users()).toMatchObject([{ source: 'oidc' }])
  })

  it('[H2] groups are looked at with every sign-in; without one there is no way in', async () => {
    await signIn()
    issuer.claims = { groups: 'boss,other' }
    expect(await meOf(await signIn())).toMatchObject({ principal: { role: 'admin' } })
    issuer.claims = { groups: ['nobody'] }
    const refused = await signIn()
    expect(String(refused.headers['location'])).toMatch(/^\/login\?problem=None/)
    expect(refused.cookies['fl_session']).toBeUndefined()
    expect(test.accounts.admin.users()).toHaveLength(1)
  })

  it('[H2] keys are fetched once, again for one nobody knows, at most once a minute', async () => {
    await signIn()
    await signIn()
    expect(issuer.keysAsked).toBe(1)
    await issuer.rotate()
    expect(String((await signIn()).headers['location'])).toMatch('/login?problem=')
    expect(issuer.keysAsked).toBe(1)
    await test.clock.advance(60_000)
    expect(await meOf(await signIn())).toMatchObject({ principal: { role: 'responder' } })
    expect(issuer.keysAsked).toBe(2)
    issuer.header = { kid: 'made-up' }
    for (let tries = 0; tries < 5; tries += 1) await signIn()
    expect(issuer.keysAsked).toBe(2)
  })

  it.each<[string, () => void | Promise<void>]>([
    ['another issuer', () => void (issuer.claims = { iss: 'https://evil.example' })],
    ['another audience', () => void (issuer.claims = { aud: 'other' })],
    ['made for another program', () => void (issuer.claims = { aud: [CLIENT, 'b'], azp: 'b' })],
    ['expired', () => void (issuer.claims = { exp: NOW - 60 })],
    ['without an end', () => void (issuer.claims = { exp: undefined })],
    ['not yet valid', () => void (issuer.claims = { nbf: NOW + 600 })],
    ['of another sign-in', () => void (issuer.claims = { nonce: 'other' })],
    ['an access token', () => void (issuer.claims = { token_use: 'access' })],
    ['a jku', () => void (issuer.header = { jku: `${issuer.url}/keys` })],
    ['a jwk', () => void (issuer.header = { jwk: { kty: 'RSA' } })],
    ['an x5u', () => void (issuer.header = { x5u: 'https://evil.example' })],
    [
      'a stranger’s key',
      async () => {
        issuer.signWith.key = (await generateKeyPair('RS256')).privateKey
      },
    ],
    [
      'another algorithm, with a key of it',
      async () => {
        issuer.header = { alg: 'PS256' }
        issuer.signWith.key = (await generateKeyPair('PS256')).privateKey
      },
    ],
  ])('[H2] an identity token that is %s opens nothing', async (_, forge) => {
    await forge()
    const answer = await signIn()
    expect(answer.status).toBe(303)
    expect(String(answer.headers['location'])).toMatch(/^\/login\?problem=/)
    expect(answer.cookies['fl_session']).toBeUndefined()
    expect(test.accounts.admin.users()).toEqual([])
  })

  it('[H2] an answer without its beginning, of another one, or a second time opens nothing', async () => {
    const [one, two] = [await begin(), await begin()]
    const back = issuer.agree(one.address)
    const refused = expect.stringMatching(/^\/login\?problem=/) as string
    expect((await comeBack(two, back)).headers['location']).toEqual(refused)
    expect((await comeBack({ ...one, cookie: '' }, back)).headers['location']).toEqual(refused)
    expect((await comeBack({ ...one, cookie: 'fl_oidc=a.b.c' }, back)).headers['location']).toEqual(
      refused,
    )
    expect((await comeBack(one, back)).headers['location']).toBe('/')
    expect((await comeBack(one, back)).headers['location']).toEqual(refused)
    const late = await begin()
    await test.clock.advance(606_000)
    expect((await comeBack(late, issuer.agree(late.address))).headers['location']).toEqual(refused)
  })

  it('[H2] an issuer that is down is told in words, and asked again', async () => {
    issuer.isDown = true
    expect(await test.call('GET', '/api/auth/oidc')).toMatchObject({ status: 401 })
    issuer.isDown = false
    expect(await meOf(await signIn())).toMatchObject({ principal: { role: 'responder' } })
  })

  it('[H2] leads only to pages of ours', () => {
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/a\\b', ''])
      expect(safeNext(next)).toBe('')
    expect(safeNext('/incidents/1?t=1h')).toBe('/incidents/1?t=1h')
  })

  it('[H2] groups in the shapes that issuers send', () => {
    const roles = { admin: ['a'], responder: [], viewer: ['*'] }
    expect(roleOfGroups(groupsIn(['x', 1, 'a']), roles)).toBe('admin')
    expect(roleOfGroups(groupsIn('x y,z'), roles)).toBe('viewer')
    expect(roleOfGroups(groupsIn(undefined), { ...roles, viewer: [] })).toBeUndefined()
  })
})
