/** Two people who work on an incident of a running platform: what the pictures of a room show. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext } from 'playwright-core'
import { FaultlineError } from '#/kernel/errors.ts'
import type { RunningPlatform } from '#/test/e2e/platform.ts'

const PASSWORD = 'correct horse battery staple 7'
export const ANN = { name: 'Ann Lee', email: 'ann@example.com' }
export const BEN = { name: 'Ben Ode', email: 'ben@example.com' }

async function call<T>(url: string, body: object, token = ''): Promise<T> {
  const authorization = token === '' ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok)
    throw new FaultlineError('internal', `${url} answered ${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** The first account and a second one by invitation. */
export async function register(platform: RunningPlatform): Promise<{ ann: string; ben: string }> {
  const at = (path: string): string => new URL(path, platform.url).href
  const setup_token = readFileSync(join(platform.dataDir, 'setup-token'), 'utf8').trim()
  const first = { ...ANN, password: PASSWORD, setup_token }
  const { access_token: ann } = await call<{ access_token: string }>(
    at('/api/auth/register'),
    first,
  )
  const asked = { role: 'responder' }
  const { token: invitation } = await call<{ token: string }>(at('/api/invitations'), asked, ann)
  const second = { ...BEN, password: PASSWORD, invitation }
  const { access_token: ben } = await call<{ access_token: string }>(
    at('/api/auth/register'),
    second,
  )
  return { ann, ben }
}

export async function signedIn(
  browser: Browser,
  url: string,
  { email, theme }: { email: string; theme: 'light' | 'dark' },
): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: theme,
    reducedMotion: 'reduce',
  })
  await context.request.post(`${url}/api/auth/login`, {
    data: { email, password: PASSWORD, cookie: true },
  })
  return context
}

const CARDS = [
  ['symptom', 'Checkout answers 500 to one request in ten', 0, 0, 'ann'],
  ['hypothesis', 'The release of a minute before broke it', 380, -90, 'ben'],
  ['hypothesis', 'The payment provider is down', 380, 110, 'ann'],
  ['action', 'Roll checkout back', 760, -90, 'ben'],
  ['solution', 'Back on the release before', 1140, -90, 'ann'],
] as const
const LINKS = [
  [0, 1, 'supports'],
  [0, 2, 'supports'],
  [3, 1, 'tried'],
  [4, 3, 'fixes'],
] as const

/** Symptom, two explanations of which one is ruled out, and what was tried. */
export async function fillRoom(
  url: string,
  incident: string,
  tokens: { ann: string; ben: string },
): Promise<void> {
  const at = `${url}/api/incidents/${incident}/commands`
  const send = (who: 'ann' | 'ben', kind: string, payload: object): Promise<unknown> =>
    call(at, { kind, payload }, tokens[who])
  await send('ann', 'join', {})
  await send('ben', 'join', {})
  await send('ann', 'status_change', { status: 'investigating' })
  await send('ann', 'role', { role: 'commander', person: { id: ANN.email, name: ANN.name } }).catch(
    () => undefined,
  )
  const idOf = (index: number): string => `c_picture_${index}`
  for (const [index, [kind, title, x, y, who]] of CARDS.entries())
    await send(who, 'card_create', { id: idOf(index), kind, title, x, y })
  for (const [index, [from, to, kind]] of LINKS.entries())
    await send('ben', 'link_add', {
      id: `l_picture_${index}`,
      from: idOf(from),
      to: idOf(to),
      kind,
    })
  await send('ann', 'card_invalidate', { id: idOf(2), reason: 'Its errors are as rare as ever.' })
  await send('ben', 'card_confirm', { id: idOf(1) })
  await send('ann', 'note', { id: 'n_picture_1', text: 'Support has been told; next word at :30.' })
}
