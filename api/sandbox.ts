import { FaultlineError } from '#/kernel/errors.ts'
import type { Route } from './route.ts'

/** What trainees change: rooms, questions, their own sign-in, the drill. Everything else belongs to the platform. */
const OPEN = [
  /^\/api\/incidents(\/|$)/,
  /^\/api\/(sql|ws-ticket|drill\/end)$/,
  /^\/api\/ai\/ask$/,
  /^\/api\/auth\/(login|logout|refresh)$/,
]

/** Whether a sandbox takes calls of this route. People and keys are the platform's own: nobody changes them here. */
export function isOpenInSandbox({ method, path, access }: Route): boolean {
  if (access === 'ingest' || access === 'own') return false
  return method === 'GET' || OPEN.some((open) => open.test(path))
}

export function refusedInSandbox(): FaultlineError {
  return new FaultlineError(
    'forbidden',
    'This is a drill: its sandbox does not take this change.',
    {
      remedy: 'Do it on the platform itself.',
    },
  )
}
