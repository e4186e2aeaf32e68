/** Views kept in this browser under a name: a page with everything in its address. */
import { readList, writeList } from '#lib/stored-list.ts'

const NAME = 'faultline-views'
const VIEWS_MAX = 50

export interface SavedView {
  name: string
  path: string
  search: string
}

/** Views that come with the product, so that the first visit finds some. */
const GIVEN: readonly SavedView[] = [
  { name: 'Open, worst first', path: '/incidents', search: '?status=open&sort=severity' },
  {
    name: 'Resolved, last changed',
    path: '/incidents',
    search: '?sort=updated_at&status=resolved',
  },
  { name: 'Errors by service', path: '/explore', search: '?by=service&severity=4&severity=5' },
  {
    name: 'Failed requests by route',
    path: '/explore',
    search: '?by=route&status_code=500&status_code=503',
  },
  { name: 'Seen first, newest', path: '/issues', search: '?sort=first_seen&t=24h' },
]

function isView(one: unknown): one is SavedView {
  const { name, path, search } = (one ?? {}) as Partial<SavedView>
  return typeof name === 'string' && typeof path === 'string' && typeof search === 'string'
}

const readAll = (): readonly SavedView[] => readList(NAME, isView)
const writeAll = (views: readonly SavedView[]): void => writeList(NAME, views)

export const givenViews = (path: string): readonly SavedView[] =>
  GIVEN.filter((view) => view.path === path)

export const savedViews = (path: string): readonly SavedView[] =>
  readAll().filter((view) => view.path === path)

/** The same name replaces. */
export function saveView(view: SavedView): void {
  const rest = readAll().filter((one) => one.path !== view.path || one.name !== view.name)
  writeAll([view, ...rest].slice(0, VIEWS_MAX))
}

export function forgetView(view: SavedView): void {
  writeAll(readAll().filter((one) => one.path !== view.path || one.name !== view.name))
}
