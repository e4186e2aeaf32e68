import type { Scope } from '#/api/keys.ts'
import type { Access, Route } from '#/api/route.ts'
import type { Principal, Role } from '#/schemas/principal.ts'
import { mayCall, type Caller } from './access.ts'
import { OWNER } from './key-principal.ts'

/** Every kind of caller there is, as the columns of docs/access.md. */
export const CALLERS = {
  nobody: { principal: undefined, isOpen: false },
  viewer: person('viewer'),
  responder: person('responder'),
  admin: person('admin'),
  'key: ingest': key('ingest'),
  'key: read': key('read'),
  'key: admin': key('admin'),
  'operator’s token': { principal: OWNER, isOpen: false },
} as const satisfies Record<string, Caller>

export type CallerName = keyof typeof CALLERS
export const CALLER_NAMES = Object.keys(CALLERS) as readonly CallerName[]

/** What is served beside the table of routes, with the access it asks for. */
export const RAW_ROUTES: readonly { address: string; path: string; access: Access }[] = [
  { address: 'WebSocket /', path: '/', access: 'read' },
  { address: 'WebSocket /ws', path: '/ws', access: 'read' },
]

function person(role: Role): Caller {
  return { principal: some('user', role, role === 'admin' ? 'all' : ['default']), isOpen: false }
}

function key(scope: Scope): Caller {
  const role = scope === 'admin' ? 'admin' : 'viewer'
  return { principal: some('key', role, ['default']), scopes: [scope], isOpen: false }
}

function some(kind: 'user' | 'key', role: Role, projects: Principal['projects']): Principal {
  return { id: `${kind}:x`, name: 'x', kind, role, projects }
}

/** `yes`, `no`, `open`: only on this machine while nobody has an account, or `own`: whoever proves it in its own way. */
function cell(access: Access, name: CallerName): 'yes' | 'no' | 'open' | 'own' {
  if (access === 'own') return 'own'
  const caller: Caller = CALLERS[name]
  if (mayCall(access, caller)) return 'yes'
  return name === 'nobody' && mayCall(access, { ...caller, isOpen: true }) ? 'open' : 'no'
}

/** docs/access.md, from the table of routes. */
export function accessPage(routes: readonly Route[]): string {
  const all = [
    ...routes.map(({ method, path, access }) => ({ address: `${method} ${path}`, access })),
    ...RAW_ROUTES,
  ].toSorted((a, b) => (a.address < b.address ? -1 : 1))
  const rows = all.map(
    ({ address, access }) =>
      `| \`${address}\` | ${CALLER_NAMES.map((name) => cell(access, name)).join(' | ')} |`,
  )
  return `# Who may call what

Every address and every kind of caller. \`open\`: nobody has to say who they are on this machine while there is no account; with an account, or with \`--read-access keys\`, it is \`no\`. \`own\`: whoever proves it as the address wants it, by a DSN or a signature of the body. A key reaches its own project; a person those of the membership, chosen with \`?project=\`, the header \`X-Faultline-Project\` or the cookie \`fl_project\`; naming another one is refused. A browser's changes also need its CSRF token. The table is made from the code (\`npm run generate\`), and a test asks every address as every caller.

| address | ${CALLER_NAMES.join(' | ')} |
| --- |${' --- |'.repeat(CALLER_NAMES.length)}
${rows.join('\n')}
`
}
