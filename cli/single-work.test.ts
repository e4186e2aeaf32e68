import { expect, it } from 'vitest'
import { createSingleWork, type WorkState } from './single-work.ts'

interface Found extends WorkState {
  answer: number
}
const NEVER: Found = { running: false, phase: '', records: 0, total: 0, error: '', answer: 0 }

it('runs one at a time and remembers the last', async () => {
  const works = createSingleWork('a search', NEVER)
  const finished = Promise.withResolvers<void>()
  const started = works.start({
    about: {},
    async run({ onProgress }) {
      onProgress({ records: 3, total: 9 })
      await finished.promise
      return { answer: 42 }
    },
  })
  expect(started).toMatchObject({ running: true, phase: 'reading' })
  expect(works.state()).toMatchObject({ running: true, records: 3, total: 9 })
  const again = (): Found => works.start({ about: {}, run: async () => ({}) })
  expect(again).toThrow('a search is running')
  finished.resolve()
  await finished.promise
  await expect.poll(works.state).toMatchObject({ running: false, phase: 'done', answer: 42 })
  again()
  await expect.poll(works.state).toMatchObject({ phase: 'done', answer: 0, records: 0 })
})

it('tells how it failed, and a cancelled one without an error; both are over when cancel resolves', async () => {
  const works = createSingleWork('a search', NEVER)
  const ended: string[] = []
  works.start({
    about: {},
    run: () => Promise.reject(new Error('no room')),
    async ended({ phase }) {
      ended.push(phase)
      return { answer: 7 }
    },
  })
  await expect.poll(works.state).toMatchObject({ phase: 'failed', error: 'no room', answer: 7 })
  works.start({
    about: {},
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut')))),
  })
  expect(await works.cancel()).toMatchObject({ running: false, phase: 'cancelled', error: '' })
  expect(ended).toEqual(['failed'])
})
