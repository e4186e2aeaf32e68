import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ACTIONS } from '#/dashboard/src/lib/keys/actions.ts'

/** Pages that belong to one thing and are reached from it; the two of signing in, from the door. */
const FROM_ELSEWHERE = new Set(['/login', '/setup', '/print/[id]', '/incidents/[id]/canvas'])

it('[E12] every page is an action, so that keys, palette and the sheet of keys reach it', () => {
  const folder = join(import.meta.dirname, '../dashboard/src/routes')
  const routes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('+page.svelte'))
    .map((file) => `/${file.replace(/\/?\+page\.svelte$/, '')}`)
  const targets = new Set(ACTIONS.flatMap(({ does }) => ('goto' in does ? [does.goto] : [])))
  // What stands for one of many is reached from the list of them.
  const listOf = (route: string): string => route.replace(/\/\[\w+\]$/, '')
  const missing = routes.filter(
    (route) => !FROM_ELSEWHERE.has(route) && !targets.has(listOf(route)),
  )
  expect(routes.length).toBeGreaterThan(15)
  expect(missing).toEqual([])
})
