import { expect, it } from 'vitest'
import { sayAnswer } from '#/processors/domain/ai-ask/answers.ts'
import type { Slots } from '#/processors/domain/ai-ask/question.ts'
import { handoffMarkdown } from './collab/handoff.ts'
import { postMortemHtml, postMortemMarkdown } from './collab/post-mortem-text.ts'
import { postMortemOf } from './collab/post-mortem.ts'
import { STEP, SYSTEM, TestRoom } from './collab/test-room.ts'
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

it('an answer in words says it too', () => {
  const table = { columns: ['issue', 'events'], rows: [[STORED, 3]] }
  expect(sayAnswer('top_issues', table, { service: '' } as Slots)).toBe(
    `The most frequent is "${READ}" with 3 events.`,
  )
})
