import { expect, it } from 'vitest'
import { replayEarly, type EarlyPress } from './early.ts'

function button(name: string, done: string[], over: object = {}): HTMLElement {
  const element = {
    tagName: 'BUTTON',
    isConnected: true,
    click: () => done.push(`click ${name}`),
    requestSubmit: (submitter: { name: string } | null) =>
      done.push(`submit ${name} by ${submitter?.name}`),
    ...over,
  }
  return element as unknown as HTMLElement
}

it('presses again in order, once, and leaves out what is old or gone', () => {
  const done: string[] = []
  const submitter = { name: 'save' } as unknown as HTMLElement
  const kept: EarlyPress[] = [
    { element: button('old', done), atMs: 0 },
    { element: button('gone', done, { isConnected: false }), atMs: 9000 },
    { element: button('theme', done), submitter: null, atMs: 9000 },
    { element: button('form', done, { tagName: 'FORM' }), submitter, atMs: 9500 },
  ]
  replayEarly(kept, 11_000)
  replayEarly(kept, 11_000)
  expect(done).toEqual(['click theme', 'submit form by save'])
})
