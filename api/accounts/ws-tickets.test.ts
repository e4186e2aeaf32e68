import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestPeople, type Person, type TestPeople } from './test-people.ts'
import { createWsTickets } from './ws-tickets.ts'

let test: TestPeople
let admin: Person
let ada: Person
beforeEach(async () => {
  test = await createTestPeople()
  admin = await test.person('admin')
  ada = await test.person('responder', ['default'])
})
afterEach(() => test.close())

async function ticketOf({ bearer }: Pick<Person, 'bearer'>): Promise<string> {
  const answer = await test.call('POST', '/api/ws-ticket', { bearer })
  expect(answer.body).toMatchObject({ expires_in: 30 })
  return String(answer.body['ticket'])
}

const refused = { code: 'unauthorized' }

describe('tickets for sockets', () => {
  it('[H8] is good once, and says who and for which project', async () => {
    const ticket = await ticketOf(ada)
    expect(await test.wsTickets.redeem(ticket)).toMatchObject({
      principal: { id: `user:${ada.id}`, role: 'responder', projects: ['default'] },
      project: 'default',
    })
    await expect(test.wsTickets.redeem(ticket)).rejects.toMatchObject(refused)
  })

  it('[H8] is good for 30 seconds, and five for clocks that differ', async () => {
    const [good, old] = [await ticketOf(ada), await ticketOf(ada)]
    await test.clock.advance(29_000)
    await test.wsTickets.redeem(good)
    await test.clock.advance(7_000)
    await expect(test.wsTickets.redeem(old)).rejects.toMatchObject(refused)
  })

  it('[H8] is bound to its session: signed out, it opens nothing', async () => {
    const ticket = await ticketOf(ada)
    await test.call('POST', '/api/auth/logout', { bearer: ada.bearer })
    await expect(test.wsTickets.redeem(ticket)).rejects.toMatchObject(refused)
  })

  it('[H8] gives what holds when it is used, not when it was made', async () => {
    const ticket = await ticketOf(ada)
    const body = { role: 'viewer' }
    await test.call('POST', `/api/users/${ada.id}`, { body, bearer: admin.bearer })
    expect((await test.wsTickets.redeem(ticket)).principal).toMatchObject({ role: 'viewer' })
  })

  it('[H8] another process takes it; forged ones nobody', async () => {
    const other = createWsTickets({ clock: test.clock, accounts: await test.second() })
    expect(await other.redeem(await ticketOf(ada))).toMatchObject({ project: 'default' })
    const ticket = await ticketOf(ada)
    for (const forged of [`${ticket}x`, ticket.slice(0, -3), '', 'a.b.c', ada.bearer, test.readKey])
      await expect(other.redeem(forged)).rejects.toMatchObject(refused)
  })

  it('[H8] without a sign-in there is one only where reads are open, and only as long as they are', async () => {
    expect((await test.call('POST', '/api/ws-ticket')).status).toBe(401)
    const fresh = await createTestPeople()
    const issue = async () => String((await fresh.call('POST', '/api/ws-ticket')).body['ticket'])
    const [good, late] = [await issue(), await issue()]
    expect(await fresh.wsTickets.redeem(good)).toEqual({ principal: undefined, project: 'default' })
    await fresh.person('admin')
    await expect(fresh.wsTickets.redeem(late)).rejects.toMatchObject(refused)
    await fresh.close()
  })

  it('[H8] a page of another site gets none, not even with the cookie', async () => {
    const body = { email: ada.email, password: 'correct horse battery', cookie: true }
    const { cookies } = await test.call('POST', '/api/auth/login', { body })
    const cookie = `fl_session=${cookies['fl_session']}`
    const foreign = { cookie, origin: 'https://evil.example' }
    expect((await test.call('POST', '/api/ws-ticket', { headers: foreign })).status).toBe(403)
    expect((await test.call('POST', '/api/ws-ticket', { headers: { cookie } })).status).toBe(200)
  })

  it('[H8] a handshake from a foreign page is refused, whatever it carries', async () => {
    const ticket = await ticketOf(ada)
    const handshake = (origin: string) =>
      test.app.injectWS('/ws', {
        headers: { origin, host: 'localhost', authorization: `Bearer ${ticket}` },
      })
    await expect(handshake('https://evil.example')).rejects.toThrow('403')
    // The same token is no proof of itself outside the subprotocol.
    await expect(handshake('http://localhost')).rejects.toThrow('401')
  })
})
