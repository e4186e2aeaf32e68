import { expect, it } from 'vitest'

import { refusalOf } from '#lib/account/may.ts'
import type { MeView } from '#lib/contract.ts'

const ME: MeView = {
  principal: null,
  email: '',
  project: 'default',
  projects: [],
  organisation: '',
  open: false,
  setup: false,
  registration: 'invitation',
  oidc: null,
}
type Role = NonNullable<MeView['principal']>['role']
const as = (role: Role, projects: readonly string[] | 'all' = ['default']): MeView => ({
  ...ME,
  principal: { id: 'user:a', name: 'Ann', kind: 'user', role, projects },
})
const may = (me: MeView | null): string =>
  (['respond', 'admin', 'operator'] as const)
    .filter((wanted) => refusalOf(me, wanted, 'do it') === null)
    .join(' ')

it('[H3] offers a role what the API grants it, and no more', () => {
  expect(may(as('viewer'))).toBe('')
  expect(may(as('responder'))).toBe('respond')
  expect(may(as('admin'))).toBe('respond admin')
  expect(may(as('admin', 'all'))).toBe('respond admin operator')
  expect(may(ME)).toBe('')
  // Who cannot be told from others is offered everything: the API answers for itself.
  expect(may(null)).toBe('respond admin operator')
})

it('says who may, and what to do', () => {
  expect(refusalOf(as('viewer'), 'admin', 'switch detectors')).toEqual({
    sentence: 'Administrators switch detectors; your role is viewer.',
    signIn: false,
  })
  expect(refusalOf(ME, 'respond', 'start drills')).toMatchObject({
    sentence: 'Responders and administrators start drills. You are not signed in.',
    signIn: true,
  })
  expect(refusalOf({ ...ME, setup: true }, 'respond', 'start drills')?.sentence).toContain(
    'open the set-up link',
  )
})
