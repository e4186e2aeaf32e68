import type { Action } from './records.ts'

/** What a decision has that was not made in a room: nobody asked, nothing was replaced. */
export const PLAIN_ACTION = {
  actor_name: '',
  role: '',
  result: '',
  previous: '{ }',
  context: '{ }',
} as const satisfies Partial<Action>
