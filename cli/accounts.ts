import { openAccounts, type Accounts } from '#/api/accounts/accounts.ts'
import { openAudit, type Audit } from '#/api/accounts/audit.ts'
import { createOidc, type Oidc } from '#/api/accounts/oidc.ts'
import { createWsTickets, type WsTickets } from '#/api/accounts/ws-tickets.ts'
import type { CollabOptions } from './collab.ts'
import { namesIn } from './config-checks.ts'
import type { Keys } from '#/api/keys.ts'
import { systemClock } from '#/kernel/clock.ts'
import type { Kit } from './kit.ts'
import type { Config } from './settings.ts'

/** Everything about who is asking that is not a key. */
export interface People {
  accounts: Accounts
  audit: Audit
  oidc: Oidc | undefined
  wsTickets: WsTickets
}

const SETUP_TOKEN = 'setup-token'

export async function openPeople(kit: Kit, keys: Keys): Promise<People> {
  const { config, closers, logger } = kit
  const audit = openAudit({
    ...kit,
    clock: systemClock,
    onProblem: (error) => logger.error('the audit trail', { error }),
  })
  closers.push(() => audit.close())
  const accounts = await openAccounts({
    ...kit,
    audit,
    clock: systemClock,
    keys,
    config: {
      readAccess: config.readAccess,
      registration: config.registration,
      defaultProject: config.project,
      setupToken: kit.dataDir.secret(SETUP_TOKEN),
    },
    onProblem: (error) => logger.warn('an account entry', { error }),
  })
  closers.push(() => accounts.close())
  const oidc = oidcOf(config, { accounts, audit })
  return { accounts, audit, oidc, wsTickets: createWsTickets({ clock: systemClock, accounts }) }
}

/** What rooms ask about people, and what they tell the audit trail of: every command that was refused. */
export function collabOptionsOf({ accounts, audit, wsTickets }: People): CollabOptions {
  return {
    access: { redeem: wsTickets.redeem, watch: accounts.watch },
    audit: ({ actorId, project, incidentId, kind, code }) =>
      audit.note({
        actor: actorId,
        action: 'command',
        target: `incident:${incidentId}`,
        result: 'denied',
        detail: { project, kind, code },
      }),
  }
}

/** The token stands behind `#`, which browsers keep to themselves: it lands in no log on the way. */
export function setupUrlOf({ dataDir, config }: Kit, people: People, url: string): string | null {
  if (people.accounts.hasUsers()) return null
  return `${config.publicUrl ?? url}/setup#token=${dataDir.secret(SETUP_TOKEN)}`
}

function oidcOf(config: Config, parts: { accounts: Accounts; audit: Audit }): Oidc | undefined {
  const { oidcIssuer: issuer, oidcClientId: clientId } = config
  if (issuer === undefined || clientId === undefined) return undefined
  return createOidc({
    ...parts,
    clock: systemClock,
    config: {
      issuer,
      clientId,
      clientSecret: config.oidcClientSecret,
      alg: config.oidcAlgorithm,
      name: new URL(issuer).host,
      scope: 'openid email profile',
      groupsClaim: config.oidcGroupsClaim,
      roles: {
        admin: namesIn(config.oidcAdminGroups),
        responder: namesIn(config.oidcResponderGroups),
        viewer: namesIn(config.oidcViewerGroups),
      },
    },
  })
}
