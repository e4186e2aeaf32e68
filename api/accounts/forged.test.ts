import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import type { CryptoKey, JWTHeaderParameters } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_NOW_MS } from '#/api/test-app.ts'
import { OWN_ISSUER, ownAudience, ownType } from './tokens.ts'
import { createTestPeople, type Person, type TestPeople } from './test-people.ts'

let test: TestPeople
let admin: Person
let real: { header: Record<string, unknown>; claims: Record<string, unknown> }
let stranger: CryptoKey
let known: CryptoKey
let publicX = ''
const KNOWN_KID = 'k'.repeat(18)
const NOW = Math.floor(TEST_NOW_MS / 1000)

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const parsed = (text = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>

beforeAll(async () => {
  test = await createTestPeople()
  admin = await test.person('admin')
  const [header, claims] = admin.bearer.split('.')
  real = { header: parsed(header), claims: parsed(claims) }
  stranger = (await generateKeyPair('EdDSA')).privateKey
  // A key that is ours, so that what is refused below is refused for another reason than its signature.
  const own = await generateKeyPair('EdDSA', { extractable: true })
  known = own.privateKey
  const { x = '' } = await exportJWK(own.publicKey)
  publicX = x
  const expires_at = TEST_NOW_MS + 3_600_000
  const value = JSON.stringify({ x, created_at: TEST_NOW_MS, expires_at })
  const { encode } = await import('#/schemas/codec.ts')
  const entry = { kind: 'signing_key', id: KNOWN_KID, at: TEST_NOW_MS, actor: 'test', value }
  await test.log.append([
    {
      topic: 'config.v1',
      partition: 0,
      records: [
        {
          key: Buffer.from(`signing_key/${KNOWN_KID}`),
          value: encode('ConfigEntry', test.deps.schemaIds.ConfigEntry, entry),
          timestampMs: TEST_NOW_MS,
        },
      ],
    },
  ])
})
afterAll(() => test.close())

/** Like ours but for what is said, and signed with a key that is known. */
function signed(
  claims: object = {},
  header: Partial<JWTHeaderParameters> & Record<string, unknown> = {},
  key: CryptoKey | Uint8Array = known,
): Promise<string> {
  const all: Record<string, unknown> = { ...real.claims, ...claims }
  for (const [name, value] of Object.entries(all)) if (value === undefined) delete all[name]
  return new SignJWT(all)
    .setProtectedHeader({ ...real.header, kid: KNOWN_KID, alg: 'EdDSA', ...header })
    .sign(key)
}

function unsigned(header: object, claims: object = {}, signature = ''): string {
  return `${part({ ...real.header, ...header })}.${part({ ...real.claims, ...claims })}.${signature}`
}

/** HMAC with something everybody can read as the secret. */
function confused(alg: 'HS256' | 'HS512', secret: string): string {
  const head = `${part({ ...real.header, kid: KNOWN_KID, alg })}.${part(real.claims)}`
  const digest = createHmac(alg === 'HS256' ? 'sha256' : 'sha512', secret)
  return `${head}.${digest.update(head).digest('base64url')}`
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()

const FORGED: Record<string, () => Promise<string> | string> = {
  'alg none': () => unsigned({ alg: 'none' }),
  'alg None with the old signature': () =>
    unsigned({ alg: 'None' }, {}, admin.bearer.split('.')[2]),
  'no signature': () => `${admin.bearer.split('.').slice(0, 2).join('.')}.`,
  'HS256 with the public key as the secret': () => confused('HS256', publicX),
  'HS512 with a PEM as the secret': () => confused('HS512', publicPem),
  'RS256 with a key of its own': async () => {
    const jwk = rsa.privateKey.export({ format: 'jwk' })
    return signed({}, { alg: 'RS256' }, (await importJWK(jwk, 'RS256')) as CryptoKey)
  },
  'a stranger’s key under our kid': () => signed({}, {}, stranger),
  'a kid nobody knows': () => signed({}, { kid: 'f'.repeat(18) }),
  'no kid': () => signed({}, { kid: undefined as never }),
  'a kid that is a path': () => signed({}, { kid: '../../../dev/null' }),
  'a jwk in the header': async () => {
    const pair = await generateKeyPair('EdDSA', { extractable: true })
    return signed({}, { jwk: await exportJWK(pair.publicKey) }, pair.privateKey)
  },
  'a jku': () => signed({}, { jku: 'https://evil.example/keys' }),
  'an x5u': () => signed({}, { x5u: 'https://evil.example/cert' }),
  'an x5c': () => signed({}, { x5c: ['MIIB'] }),
  'a crit nobody understands': () =>
    unsigned({ alg: 'EdDSA', crit: ['exp'] }, {}, admin.bearer.split('.')[2]),
  'another typ': () => signed({}, { typ: 'JWT' }),
  'another issuer': () => signed({ iss: 'https://evil.example' }),
  'no issuer': () => signed({ iss: undefined }),
  'another audience': () => signed({ aud: 'faultline:other' }),
  'the audience of sockets': () => signed({ aud: ownAudience('ws') }, { typ: ownType('ws') }),
  'no audience': () => signed({ aud: undefined }),
  expired: () => signed({ exp: NOW - 60 }),
  'without an end': () => signed({ exp: undefined }),
  'not yet valid': () => signed({ nbf: NOW + 600 }),
  'without a session': () => signed({ sid: undefined }),
  'a session that is not there': () => signed({ sid: '0'.repeat(18) }),
  'somebody else’s session': () => signed({ sub: 'f'.repeat(18) }),
  'no subject': () => signed({ sub: undefined }),
  'claims changed after signing': () => {
    const [head, , signature] = admin.bearer.split('.')
    return `${head}.${part({ ...real.claims, exp: NOW + 99_999 })}.${signature}`
  },
  'a byte of the signature flipped': () => {
    const at = admin.bearer.length - 10
    const other = admin.bearer[at] === 'A' ? 'B' : 'A'
    return `${admin.bearer.slice(0, at)}${other}${admin.bearer.slice(at + 1)}`
  },
  'a megabyte': () => `${part({ alg: 'EdDSA' })}.${'A'.repeat(12_000)}.A`,
  'no JSON': () => 'AAAA.AAAA.AAAA',
}

describe('forged tokens', () => {
  it('[H1] what is signed as ours is let in, so that the table below shows something', async () => {
    expect(real.claims).toMatchObject({ iss: OWN_ISSUER, aud: ownAudience('access') })
    const bearer = await signed()
    expect((await test.call('GET', '/api/users', { bearer })).status).toBe(200)
    expect((await test.call('GET', '/api/users', { bearer: admin.bearer })).status).toBe(200)
  })

  it.each(Object.keys(FORGED))('[H1] %s: 401', async (name) => {
    const bearer = (await FORGED[name]?.()) ?? ''
    const answer = await test.call('GET', '/api/users', { bearer })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(JSON.stringify(answer.body)).not.toContain(bearer.slice(0, 40))
  })

  it('[H1] a token of one use is none of another', async () => {
    const ticket = await test.accounts.tokens.sign('ws', { sub: admin.id, sid: 'x' }, 30)
    expect((await test.call('GET', '/api/users', { bearer: ticket })).status).toBe(401)
    await expect(test.wsTickets.redeem(admin.bearer)).rejects.toMatchObject({
      code: 'unauthorized',
    })
    await expect(test.accounts.tokens.verify('oidc', ticket)).rejects.toMatchObject({
      code: 'unauthorized',
    })
  })
})
