import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createManualClock } from '#/kernel/clock.ts'
import { TEST_NOW_MS } from '#/api/test-app.ts'
import { createTestPeople, PASSWORD, SETUP_TOKEN, topicBytes } from './test-people.ts'
import type { TestPeople } from './test-people.ts'

let test: TestPeople
beforeEach(async () => {
  test = await createTestPeople()
})
afterEach(() => test.close())

const ADA = { email: 'Ada@Example.org', name: 'Ada', password: PASSWORD }
const FIRST = { ...ADA, setup_token: SETUP_TOKEN }

const register = (body: object) => test.call('POST', '/api/auth/register', { body })
const login = (body: object, headers = {}) =>
  test.call('POST', '/api/auth/login', { body, headers })

describe('the first account', () => {
  it('[H1] is made by the set-up link, once, and is an administrator', async () => {
    expect(await register({ ...ADA, setup_token: 'b'.repeat(48) })).toMatchObject({ status: 403 })
    const made = await register({ ...FIRST, organisation: 'Engines' })
    expect(made).toMatchObject({ status: 201, body: { user: { role: 'admin', name: 'Ada' } } })
    const again = await register({ ...FIRST, email: 'eve@example.org' })
    expect(again).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const me = await test.call('GET', '/api/auth/me', { bearer: String(made.body['access_token']) })
    expect(me.body).toMatchObject({
      email: 'ada@example.org',
      organisation: 'Engines',
      setup: false,
      open: false,
    })
  })

  it('[H1] of two at the same time one is made', async () => {
    const answers = await Promise.all([register(FIRST), register({ ...FIRST, email: 'b@b.org' })])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
    expect(test.accounts.admin.users()).toHaveLength(1)
  })

  it('[H1] closes what was open: on loopback pages read before it, and nothing after it', async () => {
    expect(await test.call('GET', '/api/incidents')).toMatchObject({ status: 200 })
    expect((await test.call('GET', '/api/auth/me')).body).toMatchObject({ open: true, setup: true })
    await register(FIRST)
    for (const url of ['/api/incidents', '/api/stream', '/metrics', '/api/projects'])
      expect((await test.call('GET', url)).status).toBe(401)
    expect((await test.call('GET', '/health/live')).status).toBe(200)
    const headers = { 'x-api-key': test.readKey }
    expect((await test.call('GET', '/api/incidents', { headers })).status).toBe(200)
  })
})

describe('further accounts', () => {
  it('[H1] need an invitation, which is good once, for its address, and until it is taken back', async () => {
    const { bearer } = await test.person('admin')
    expect((await register({ ...ADA })).status).toBe(403)
    const invite = async (body: object) =>
      (await test.call('POST', '/api/invitations', { body, bearer })).body as {
        token: string
        path: string
        invitation: { id: string }
      }
    const { token, path } = await invite({ role: 'operator', projects: ['default'] })
    expect(path).toBe(`/setup#invitation=${token}`)
    const made = await register({ ...ADA, invitation: token })
    expect(made.body).toMatchObject({ user: { role: 'responder', projects: ['default'] } })
    expect((await register({ ...ADA, email: 'c@c.org', invitation: token })).status).toBe(403)
    const forBob = await invite({ role: 'viewer', email: 'bob@example.org' })
    expect(await register({ ...ADA, email: 'c@c.org', invitation: forBob.token })).toMatchObject({
      status: 400,
      body: { path: 'email' },
    })
    await test.call('DELETE', `/api/invitations/${forBob.invitation.id}`, { bearer })
    const late = await register({ ...ADA, email: 'bob@example.org', invitation: forBob.token })
    expect(late.status).toBe(403)
    const old = await invite({ role: 'viewer', hours: 1 })
    const taken = await invite({ role: 'viewer' })
    expect(await register({ ...ADA, invitation: taken.token })).toMatchObject({
      status: 409,
      body: { path: 'email' },
    })
    await test.clock.advance(3_600_001)
    expect((await register({ ...ADA, email: 'd@d.org', invitation: old.token })).status).toBe(403)
  })

  it('[H1] a link sets a new password and ends what was open', async () => {
    const admin = await test.person('admin')
    const ada = await test.person('viewer')
    const { bearer } = admin
    const { body } = await test.call('POST', `/api/users/${ada.id}/reset-link`, { bearer })
    const wish = { invitation: body['token'], email: 'x@x.org', password: 'another good one' }
    expect((await register(wish)).status).toBe(201)
    expect((await test.call('GET', '/api/projects', { bearer: ada.bearer })).status).toBe(401)
    expect((await login({ email: ada.email, password: PASSWORD })).status).toBe(401)
    expect((await login({ email: ada.email, password: 'another good one' })).status).toBe(200)
  })

  it('[H1] registration may be opened: then anybody becomes a viewer, once there is an owner', async () => {
    await test.close()
    test = await createTestPeople({ registration: 'open' })
    expect((await register(ADA)).status).toBe(403)
    await test.person('admin')
    expect((await register({ ...ADA, role: 'admin' })).body).toMatchObject({
      user: { role: 'viewer', projects: ['default'] },
    })
  })
})

describe('passwords', () => {
  it.each<[unknown, string]>([
    ['seven77', 'short'],
    ['password', 'common'],
    ['PASSWORD1', 'common in capitals'],
    ['qwertyuiop', 'common'],
    ['ada@example.org', 'the address itself'],
    ['x'.repeat(257), 'too long'],
    [12345678, 'no text'],
    [undefined, 'missing'],
  ])('[H1] %j is refused: %s', async (password) => {
    const answer = await register({ ...FIRST, password })
    expect(answer).toMatchObject({ status: 400, body: { path: 'password' } })
  })

  it.each(['aaaaaaaz', 'ångström über 日本', '        9', 'no digits nor capitals here'])(
    '[H1] %j is taken: there are no rules of composition',
    async (password) => {
      expect((await register({ ...FIRST, password })).status).toBe(201)
      expect((await login({ email: ADA.email, password })).status).toBe(200)
      expect((await login({ email: ADA.email, password: `${password} ` })).status).toBe(401)
    },
  )

  it('[H5] the log holds no password, no token and no cookie', async () => {
    const made = await register(FIRST)
    const { cookies } = await login({ email: ADA.email, password: PASSWORD, cookie: true })
    const dump = `${await topicBytes(test, 'config')}${await topicBytes(test, 'audit')}`
    expect(dump).toContain('ada@example.org')
    expect(dump).toContain('scrypt$')
    const secrets = [made.body['access_token'], made.body['refresh_token'], cookies['fl_session']]
    for (const secret of [PASSWORD, SETUP_TOKEN, ...secrets])
      expect(dump).not.toContain(String(secret).split('_').at(-1))
  })

  it('[H1] changing one needs the old one, and signs out everywhere else', async () => {
    const first = await register(FIRST)
    const here = await login({ email: ADA.email, password: PASSWORD })
    const bearer = String(here.body['access_token'])
    const change = (current: string) =>
      test.call('POST', '/api/auth/password', {
        body: { current, password: 'another good one' },
        bearer,
      })
    expect((await change('wrong wrong')).status).toBe(401)
    expect((await change(PASSWORD)).status).toBe(200)
    expect((await test.call('GET', '/api/projects', { bearer })).status).toBe(200)
    const elsewhere = { bearer: String(first.body['access_token']) }
    expect((await test.call('GET', '/api/projects', elsewhere)).status).toBe(401)
  })
})

describe('signing in', () => {
  it('[H1] tells no difference between a wrong password and nobody', async () => {
    await register(FIRST)
    const wrong = await login({ email: ADA.email, password: 'wrong wrong' })
    const nobody = await login({ email: 'nobody@example.org', password: 'wrong wrong' })
    expect(wrong.status).toBe(401)
    expect({ ...wrong.body, request_id: '' }).toEqual({ ...nobody.body, request_id: '' })
  })

  it('[H9] ten wrong ones, then 429 with the seconds, for the account and for the address', async () => {
    const first = await register(FIRST)
    await test.person('viewer').catch(() => undefined)
    for (let tries = 0; tries < 10; tries += 1)
      expect((await login({ email: ADA.email, password: `wrong ${tries}` })).status).toBe(401)
    const limited = await login({ email: ADA.email, password: PASSWORD })
    expect(limited).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    const seconds = Number(limited.headers['retry-after'])
    expect(seconds).toBeGreaterThan(0)
    const change = await test.call('POST', '/api/auth/password', {
      body: { current: PASSWORD, password: 'another good one' },
      bearer: String(first.body['access_token']),
    })
    expect(change.status).toBe(429)
    expect(Number(change.headers['retry-after'])).toBe(seconds)
    expect((await login({ email: 'other@example.org', password: 'x' })).status).toBe(429)
    await test.clock.advance(seconds * 1000)
    expect((await login({ email: ADA.email, password: PASSWORD })).status).toBe(200)
  })

  it('[H9] many at once get no more than ten tries', async () => {
    await register(FIRST)
    const tries = Array.from({ length: 30 }, (_, n) =>
      login({ email: ADA.email, password: `wrong ${n}` }),
    )
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  })

  it('[H9] right ones cost nothing', async () => {
    await register(FIRST)
    for (let tries = 0; tries < 25; tries += 1)
      expect((await login({ email: ADA.email, password: PASSWORD })).status).toBe(200)
  })
})

describe('refreshing', () => {
  const refresh = (token: unknown) =>
    test.call('POST', '/api/auth/refresh', { body: { refresh_token: token } })

  it('[H2] rotates, and the old access token stays good until it expires', async () => {
    const { body } = await register(FIRST)
    const next = await refresh(body['refresh_token'])
    expect(next.status).toBe(200)
    expect(next.body['refresh_token']).not.toBe(body['refresh_token'])
    for (const { access_token } of [body, next.body])
      expect(
        (await test.call('GET', '/api/projects', { bearer: String(access_token) })).status,
      ).toBe(200)
    await test.clock.advance(606_000)
    for (const { access_token } of [body, next.body])
      expect(
        (await test.call('GET', '/api/projects', { bearer: String(access_token) })).status,
      ).toBe(401)
    expect((await refresh(next.body['refresh_token'])).status).toBe(200)
  })

  it('[H2] a token that comes twice ends the sign-in of both who have it, and is audited', async () => {
    const { body } = await register(FIRST)
    const mine = await refresh(body['refresh_token'])
    expect((await refresh(body['refresh_token'])).status).toBe(401)
    expect((await refresh(mine.body['refresh_token'])).status).toBe(401)
    const bearer = String(mine.body['access_token'])
    expect((await test.call('GET', '/api/projects', { bearer })).status).toBe(401)
    const entries = await test.audit.page({ before: null, limit: 10 })
    expect(entries).toContainEqual(expect.objectContaining({ action: 'refresh', result: 'denied' }))
  })

  it('[H2] two processes that get the same token at the same moment end it too', async () => {
    const { body } = await register(FIRST)
    const other = await test.second()
    const token = String(body['refresh_token'])
    const here = test.accounts.sessions.refresh(token)
    const there = other.sessions.refresh(token)
    const [one, two] = await Promise.allSettled([here, there])
    const good = [one, two].flatMap((each) =>
      each?.status === 'fulfilled' ? [each.value.tokens.access_token] : [],
    )
    expect(good.length).toBeLessThan(2)
    for (const bearer of good)
      expect((await test.call('GET', '/api/projects', { bearer })).status).toBe(401)
  })

  it('[H2] made-up ones end nothing', async () => {
    const { body } = await register(FIRST)
    const real = String(body['refresh_token'])
    const forged = `${real.slice(0, -4)}0000`
    for (const token of [forged, '', 'flr_x', real.replace('flr', 'fls')])
      expect((await refresh(token)).status).toBe(401)
    expect((await refresh(real)).status).toBe(200)
  })
})

describe('in a browser', () => {
  const cookieHeader = (cookies: Readonly<Record<string, string>>): Record<string, string> => ({
    cookie: Object.entries(cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; '),
  })

  it('[H1] the session is a cookie no script reads, and changes need the token of the page', async () => {
    const made = await register({ ...FIRST, cookie: true })
    expect(made.body).not.toHaveProperty('access_token')
    const set = made.headers['set-cookie'] as string[]
    expect(set[0]).toMatch(/^fl_session=fls_\w+; Path=\/; Max-Age=604800; SameSite=Lax; HttpOnly$/)
    expect(set[1]).not.toContain('HttpOnly')
    const headers = cookieHeader(made.cookies)
    expect((await test.call('GET', '/api/users', { headers })).status).toBe(200)
    const body = { id: 'shop' }
    const without = await test.call('POST', '/api/projects', { body, headers })
    expect(without).toMatchObject({ status: 403, body: { path: 'x-csrf-token' } })
    const csrf = made.cookies['fl_csrf'] ?? ''
    for (const wrong of ['', csrf.slice(1), `${csrf}0`, 'x'])
      expect(
        (
          await test.call('POST', '/api/projects', {
            body,
            headers: { ...headers, 'x-csrf-token': wrong },
          })
        ).status,
      ).toBe(403)
    const right = { ...headers, 'x-csrf-token': csrf }
    expect((await test.call('POST', '/api/projects', { body, headers: right })).status).toBe(201)
    const foreign = { ...right, origin: 'https://evil.example' }
    expect((await test.call('POST', '/api/projects', { body, headers: foreign })).status).toBe(403)
    expect((await test.call('POST', '/api/auth/logout', { headers: right })).status).toBe(200)
    expect((await test.call('GET', '/api/users', { headers })).status).toBe(401)
  })

  it('[H1] the cookie of another platform on this machine is not in the way', async () => {
    const headers = cookieHeader({ fl_session: `fls_${'0'.repeat(18)}_${'0'.repeat(64)}` })
    expect((await test.call('GET', '/api/incidents', { headers })).status).toBe(200)
    await register(FIRST)
    expect((await test.call('GET', '/api/incidents', { headers })).status).toBe(401)
  })

  it('[H1] a session lasts a week at most', async () => {
    const { cookies } = await register({ ...FIRST, cookie: true })
    const at = async (ms: number) =>
      (await test.second(createManualClock(TEST_NOW_MS + ms))).sessions.ofCookie(
        cookies['fl_session'] ?? '',
      )
    expect(await at(7 * 86_400_000 - 1)).toMatchObject({ role: 'admin' })
    expect(await at(7 * 86_400_000)).toBeUndefined()
  })
})

describe('administration', () => {
  it('[H1] roles, disabling, and never without an administrator', async () => {
    const admin = await test.person('admin')
    const ada = await test.person('viewer')
    const change = (id: string, body: object) =>
      test.call('POST', `/api/users/${id}`, { body, bearer: admin.bearer })
    expect(await change(admin.id, { role: 'viewer' })).toMatchObject({ status: 409 })
    expect(await change(admin.id, { disabled: true })).toMatchObject({ status: 409 })
    expect((await change(ada.id, { role: 'admin' })).body).toMatchObject({ role: 'admin' })
    expect((await test.call('GET', '/api/users', { bearer: ada.bearer })).status).toBe(200)
    expect((await change(ada.id, { disabled: true })).status).toBe(200)
    expect((await test.call('GET', '/api/users', { bearer: ada.bearer })).status).toBe(401)
    expect((await login({ email: ada.email, password: PASSWORD })).status).toBe(401)
    for (const [body, path] of [
      [{ role: 'king' }, 'role'],
      [{ role: 'viewer', projects: ['none'] }, 'projects[0]'],
      [{ disabled: 1 }, 'disabled'],
      [{ password: 'x' }, 'password'],
    ] as const)
      expect(await change(ada.id, body)).toMatchObject({ status: 400, body: { path } })
    expect((await change('nobody', {})).status).toBe(404)
  })

  it('[H1] listings hold no secret', async () => {
    const { bearer } = await test.person('admin')
    await test.person('viewer')
    const users = await test.call('GET', '/api/users', { bearer })
    const invitations = await test.call('GET', '/api/invitations', { bearer })
    expect(JSON.stringify([users.body, invitations.body])).not.toMatch(/scrypt|hash|fli_|password/)
    expect((users.body['items'] as unknown[]).length).toBe(2)
  })
})
