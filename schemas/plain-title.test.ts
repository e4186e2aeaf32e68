import { expect, it } from 'vitest'
import { sayAnswer } from '#/processors/domain/ai-ask/answers.ts'
import type { Slots } from '#/processors/domain/ai-ask/question.ts'
import { handoffMarkdown } from './collab/handoff.ts'
import { postMortemHtml, postMortemMarkdown } from './collab/post-mortem-text.ts'
import { postMortemOf } from './collab/post-mortem.ts'
import { sentenceOf } from './collab/sentences.ts'
import { ANN, STEP, SYSTEM, TestRoom } from './collab/test-room.ts'
import { plainTitle } from './plain-title.ts'

const STORED = 'card declined for order <*>'
const READ = 'card declined for order …'

function roomOf(): TestRoom {
  const room = new TestRoom()
  const step = { ...STEP.step, sentence: `"${STORED}" opened it.` }
  room.must(SYSTEM, 'engine', { ...STEP, title: STORED, step })
  return room
}

it('says … for every place that varies, and nothing else', () => {
  expect(plainTitle('a <*> of <*>, not <b> or *')).toBe('a … of …, not <b> or *')
})

it('[G19] a post-mortem and a handoff have no marks of templates', () => {
  const { state, events } = roomOf()
  const words = { title: STORED, impact: STORED, likely_causes: [STORED], next_steps: [STORED] }
  const document = postMortemOf({ detail: null, summary: words, state, events })
  const handoff = handoffMarkdown([{ state, events }], { sinceMs: 0, nowMs: 20_000 })
  const texts = [postMortemMarkdown(document), postMortemHtml(document), JSON.stringify(document)]
  for (const text of [...texts, handoff]) {
    expect(text).toContain(READ)
    expect(text).not.toMatch(/\\?<\\?\*\\?>|&lt;\*&gt;/)
  }
})

it('[G13] what was pinned is named by its words, not by its id', () => {
  const room = roomOf()
  room.must(ANN, 'join', {})
  room.must(ANN, 'note', { id: 'n-1', text: 'the pool is full' })
  const pin = room.must(ANN, 'pin', { ref: 'note:n-1' })
  expect(sentenceOf(pin, room.state)).toBe('Ann pinned the note "the pool is full".')
  const other = room.must(ANN, 'pin', { ref: 'event:1' })
  expect(sentenceOf(other, room.state)).toBe('Ann pinned change 1.')
})

it('an answer in words says it too', () => {
  const table = { columns: ['issue', 'events'], rows: [[STORED, 3]] }
  expect(sayAnswer('top_issues', table, { service: '' } as Slots)).toBe(
    `The most frequent is "${READ}" with 3 events.`,
  )
})
