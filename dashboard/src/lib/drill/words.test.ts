import { describe, expect, it } from 'vitest'

import type { DrillView } from '#lib/contract.ts'
import { addressBeside, drillsTitle, momentText, progressOf, recordedNow } from './words.ts'

const drill: DrillView = {
  id: 3,
  project: 'default',
  incident_id: 'i',
  incident_number: 12,
  title: 'checkout is down',
  state: 'playing',
  speed: 5,
  lead_from: 0,
  from: 1_000_000,
  to: 1_600_000,
  events: 5_000,
  played: 1_203,
  started_by: 'Ann',
  started_at: 10_000_000,
  played_at: 10_120_000,
  closes_at: 10_720_000,
  ended_at: 0,
  why: '',
  port: 4_001,
  url: '',
}

describe('words about drills', () => {
  it('say where the other pages are', () => {
    const here = { protocol: 'https:', hostname: 'fl.example.com' }
    expect(addressBeside(here, drill)).toBe('https://fl.example.com:4001')
    const url = 'https://drill.example.com/'
    expect(addressBeside(here, { url, port: 0 })).toBe('https://drill.example.com')
  })

  it('say how far it is', () => {
    expect(progressOf(drill, 10_065_000)).toBe('1 min 5 s of 2 min 0 s, 1,203 of 5,000 events')
    expect(progressOf(drill, 9_997_000)).toBe('begins in 3 s')
    expect(progressOf(drill, 10_120_000)).toBe('all is played; it closes in 10 min 0 s')
    expect(recordedNow(drill, 10_060_000)).toBe(1_300_000)
    expect(recordedNow(drill, 99_999_999)).toBe(1_600_000)
    expect(drillsTitle([], 0)).toBe('There was no drill yet.')
    expect(drillsTitle([{ ...drill, state: 'ended' }], 0)).toBe('No drill is running.')
    expect(drillsTitle([drill], 10_120_000)).toContain('Drill 3, incident #12 at 5×: all is played')
  })

  it('say when something happened, and by whom', () => {
    const moment = { at: 0, after: 65_000, story: 325_000, by: 'Ann', what: 'note' }
    expect(momentText(moment)).toBe('1 min 5 s, Ann')
    expect(momentText({ ...moment, by: '' }, 'story')).toBe('5 min 25 s')
    expect(momentText(null)).toBe('never')
  })
})
