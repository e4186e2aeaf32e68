/** People over in-memory twins, for tests: the app of `test-app.ts` with accounts, audit trail and tickets. */
import type { Clock } from '#/kernel/clock.ts'
import type { AppDeps } from '#/api/deps.ts'
import { createTestApp, type TestApp, type TestAppOptions } from '#/api/test-app.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { openAccounts, type Accounts, type AccountsDeps } from './accounts.ts'
import { openAudit, type Audit } from './audit.ts'
import { createOidc, type OidcConfig } from './oidc.ts'
import { createWsTickets, type WsTickets } from './ws-tickets.ts'

export const SETUP_TOKEN = 'a'.repeat(48)
export const PASSWORD = 'correct horse battery'

export interface TestPeople extends TestApp {
  accounts: Accounts
  audit: Audit
  wsTickets: WsTickets
  /** A call with JSON, as this caller. */
  call(
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    wish?: { body?: object; bearer?: string; headers?: Record<string, string> },
  ): Promise<CallAnswer>
  /** Makes somebody with this role; the first one has to be an administrator. */
  person(role: string, projects?: readonly string[]): Promise<Person>
  /** A second process on the same log. */
  second(clock?: Clock): Promise<Accounts>
}

export interface CallAnswer {
  status: number
  headers: Record<string, unknown>
  body: Record<string, unknown>
  cookies: Readonly<Record<string, string>>
}

export interface Person {
  id: string
  email: string
  bearer: string
  refresh: string
}

export interface TestPeopleOptions extends TestAppOptions {
  oidc?: OidcConfig
  registration?: 'invitation' | 'open'
}

export async function createTestPeople(options: TestPeopleOptions = {}): Promise<TestPeople> {
  const closers: (() => Promise<void>)[] = []
  const open = async (deps: AppDeps, audit: Audit): Promise<Accounts> => {
    const accounts = await openAccounts(partsOf(deps, audit, options))
    closers.push(() => accounts.close())
    return accounts
  }
  const test = await createTestApp({
    ...options,
    async people(deps) {
      const { clock } = deps
      const audit = openAudit({ ...deps, onProblem: (error) => deps.onProblem?.(error, 'audit') })
      closers.push(() => audit.close())
      const accounts = await open(deps, audit)
      await deps.keys.ensureProject({ id: 'default', name: 'Default' })
      const oidc = options.oidc && createOidc({ clock, accounts, audit, config: options.oidc })
      return { audit, accounts, oidc, wsTickets: createWsTickets({ clock, accounts }) }
    },
  })
  const people = test.deps as AppDeps & Pick<TestPeople, 'accounts' | 'audit' | 'wsTickets'>
  const call = callerOf(test)
  return {
    ...test,
    accounts: people.accounts,
    audit: people.audit,
    wsTickets: people.wsTickets,
    call,
    person: personMaker(call),
    second: (clock = test.deps.clock) => open({ ...test.deps, clock }, people.audit),
    async close() {
      await test.app.close()
      for (const close of closers.toReversed()) await close()
      await test.close()
    },
  }
}

function partsOf(deps: AppDeps, audit: Audit, options: TestPeopleOptions): AccountsDeps {
  const { log, clock, schemaIds, registry, keys } = deps
  return {
    log,
    clock,
    schemaIds,
    registry,
    audit,
    keys,
    config: {
      readAccess: deps.config.readAccess,
      registration: options.registration ?? 'invitation',
      defaultProject: 'default',
      setupToken: SETUP_TOKEN,
      passwordCost: { logN: 4, r: 8, p: 1 },
    },
    onProblem: (error) => deps.onProblem?.(error, 'accounts'),
  }
}

function callerOf(test: TestApp): TestPeople['call'] {
  return async (method, url, wish = {}) => {
    const response = await test.app.inject({
      method,
      url,
      headers: {
        ...(wish.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(wish.bearer === undefined ? {} : { authorization: `Bearer ${wish.bearer}` }),
        ...wish.headers,
      },
      ...(wish.body === undefined ? {} : { payload: JSON.stringify(wish.body) }),
    })
    const isJson = /json/.test(String(response.headers['content-type']))
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson ? response.json<Record<string, unknown>>() : {},
      cookies: Object.fromEntries(response.cookies.map(({ name, value }) => [name, value])),
    }
  }
}

function personMaker(call: TestPeople['call']): TestPeople['person'] {
  let admin: Person | undefined
  let count = 0
  return async (role, projects) => {
    count += 1
    const email = `${role}-${count}@example.org`
    const body = { email, name: `${role} ${count}`, password: PASSWORD }
    if (admin === undefined) {
      const first = { ...body, setup_token: SETUP_TOKEN }
      admin = personOf(await call('POST', '/api/auth/register', { body: first }), email)
      return admin
    }
    const wish = { role, projects: projects ?? 'all' }
    const { bearer } = admin
    const invited = await call('POST', '/api/invitations', { body: wish, bearer })
    const accepted = { ...body, invitation: invited.body['token'] }
    return personOf(await call('POST', '/api/auth/register', { body: accepted }), email)
  }
}

function personOf({ status, body }: CallAnswer, email: string): Person {
  if (status !== 201) throw new Error(`register answered ${status}: ${JSON.stringify(body)}`)
  const user = body['user'] as { id: string }
  return {
    id: user.id.slice('user:'.length),
    email,
    bearer: String(body['access_token']),
    refresh: String(body['refresh_token']),
  }
}

/** All bytes of a topic, as text. */
export async function topicBytes(test: TestApp, topic: 'config' | 'audit'): Promise<string> {
  const tp = { topic: TOPICS[topic].name, partition: 0 }
  const records = await test.log.read(tp, 0, { bytesMax: 1 << 24, waitMs: 0 })
  return records
    .map(({ key, value }) => `${key?.toString()} ${value?.toString('latin1')}`)
    .join('\n')
}
