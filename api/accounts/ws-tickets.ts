import type { Clock } from '#/kernel/clock.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { seesProject, type Principal } from '#/schemas/principal.ts'
import type { Accounts } from './accounts.ts'

export const TICKET_SECONDS = 30
/** Tickets taken in the last half minute; more than that many sockets are not opened. */
const USED_MAX = 20_000

/** What a ticket was for. */
export interface Admission {
  /** As it is now, not as it was when the ticket was made; undefined where reads are open and nobody said who. */
  principal: Principal | undefined
  project: string
}

/**
 * One-time tickets for WebSockets, whose handshake cannot carry headers from a browser: `POST /api/ws-ticket` gives one,
 * the client sends it as the second value of `Sec-WebSocket-Protocol` (never in an address, which lands in logs), the
 * gateway calls `redeem` once, before it answers the handshake, and refuses it when that fails:
 *
 *     const { principal, project } = await deps.wsTickets.redeem(ticket)   // throws `unauthorized`
 *
 * Any process of the platform may redeem what another one made. That a ticket was used is known to the process it was
 * used at; elsewhere it dies with its 30 seconds, or with the session it is bound to.
 */
export interface WsTickets {
  issue(admission: Admission): Promise<{ ticket: string; expires_in: number }>
  /** Fails with `unauthorized` for a ticket that is forged, old, used, or whose session has ended. */
  redeem: (ticket: string) => Promise<Admission>
}

export interface WsTicketDeps {
  clock: Clock
  accounts: Pick<Accounts, 'tokens' | 'refreshed' | 'isOpen'>
}

const ANYONE = 'anyone'

export function createWsTickets({ clock, accounts }: WsTicketDeps): WsTickets {
  const used = new Map<string, number>()
  const forgetOld = (): void => {
    for (const [jti, at] of used) {
      // In the order they were used: the first that is young ends it.
      if (clock.nowMs() - at <= (TICKET_SECONDS + 10) * 1000) return
      used.delete(jti)
    }
  }
  return {
    async issue({ principal, project }) {
      const sub = principal?.id ?? ANYONE
      // All that is needed to find the principal again; what it may is looked up then.
      const claims = { sub, project, kind: principal?.kind, sid: principal?.sessionId }
      const ticket = await accounts.tokens.sign('ws', claims, TICKET_SECONDS)
      return { ticket, expires_in: TICKET_SECONDS }
    },
    async redeem(ticket) {
      const claims = await accounts.tokens.verify('ws', ticket)
      forgetOld()
      if (used.has(claims.jti)) throw refused('was used already')
      if (used.size >= USED_MAX)
        throw new FaultlineError('overloaded', 'Too many connections are opened at this moment.')
      used.set(claims.jti, clock.nowMs())
      const project = String(claims['project'])
      if (claims.sub === ANYONE) {
        if (!accounts.isOpen()) throw refused('is of a time when nobody had to sign in')
        return { principal: undefined, project }
      }
      const principal = accounts.refreshed({
        id: claims.sub,
        name: '',
        kind: claims['kind'] as Principal['kind'],
        role: 'viewer',
        projects: [],
        ...(typeof claims['sid'] === 'string' ? { sessionId: claims['sid'] } : {}),
      })
      if (principal === null || principal.id !== claims.sub)
        throw refused('is of a sign-in that has ended')
      if (!seesProject(principal, project)) throw refused('is for a project that is not yours')
      return { principal, project }
    },
  }
}

function refused(what: string): FaultlineError {
  return new FaultlineError('unauthorized', `The ticket ${what}.`, {
    remedy: 'Ask for a new one with POST /api/ws-ticket.',
  })
}
