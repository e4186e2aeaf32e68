import { describe, expect, it } from 'vitest'
import { isNight, nextHandover, onCallAt, type Rotation } from './rotation.ts'

const weekly: Rotation = {
  people: ['ada', 'bob', 'cyd'],
  handover: 'weekly',
  weekday: 1,
  minute: 9 * 60,
  timeZone: 'Europe/Berlin',
  startsOn: '2026-10-05',
  overrides: [],
  night: { from: 22, to: 7 },
}
const at = (text: string): number => Date.parse(text)
const personAt = (rotation: Rotation, text: string): string => onCallAt(rotation, at(text)).person

describe('rotation', () => {
  it('[J8] hands over weekly at the local hour', () => {
    expect(personAt(weekly, '2026-10-05T09:00:00+02:00')).toBe('ada')
    expect(personAt(weekly, '2026-10-12T08:59:59+02:00')).toBe('ada')
    expect(personAt(weekly, '2026-10-12T09:00:00+02:00')).toBe('bob')
    expect(personAt(weekly, '2026-10-20T00:00:00+02:00')).toBe('cyd')
    // Before its start the same order goes on backwards.
    expect(personAt(weekly, '2026-10-05T08:59:00+02:00')).toBe('cyd')
  })

  it('[J8] keeps its hour when clocks are changed', () => {
    // The night of 25 October has an hour more.
    expect(personAt(weekly, '2026-10-26T07:59:00Z')).toBe('cyd')
    expect(personAt(weekly, '2026-10-26T08:00:00Z')).toBe('ada')
    expect(personAt(weekly, '2026-10-19T07:00:00Z')).toBe('cyd')
    expect(personAt(weekly, '2026-10-19T06:59:00Z')).toBe('bob')
  })

  it('[J8] a start within a week begins at the next handover', () => {
    const rotation = { ...weekly, startsOn: '2026-10-07' }
    expect(personAt(rotation, '2026-10-12T09:00:00+02:00')).toBe('ada')
    expect(personAt(rotation, '2026-10-11T12:00:00+02:00')).toBe('cyd')
  })

  it('[J8] hands over daily', () => {
    const daily: Rotation = { ...weekly, handover: 'daily' }
    const days = ['05', '06', '07', '08'].map((day) =>
      personAt(daily, `2026-10-${day}T12:00:00+02:00`),
    )
    expect(days).toEqual(['ada', 'bob', 'cyd', 'ada'])
    expect(personAt(daily, '2026-10-06T08:00:00+02:00')).toBe('ada')
  })

  it('[J8] somebody stands in; the later entry wins', () => {
    const from = at('2026-10-06T00:00:00Z')
    const until = at('2026-10-08T00:00:00Z')
    const overrides = [
      { person: 'dan', from, until },
      { person: 'eve', from: at('2026-10-07T00:00:00Z'), until },
    ]
    const rotation = { ...weekly, overrides }
    expect(personAt(rotation, '2026-10-06T12:00:00Z')).toBe('dan')
    expect(personAt(rotation, '2026-10-07T12:00:00Z')).toBe('eve')
    expect(personAt(rotation, '2026-10-08T00:00:00Z')).toBe('ada')
    expect(nextHandover(rotation, at('2026-10-06T12:00:00Z'))).toEqual({
      at: at('2026-10-07T00:00:00Z'),
      person: 'eve',
    })
  })

  it('[J8] knows the next handover, and that one person has none', () => {
    expect(nextHandover(weekly, at('2026-10-23T12:00:00Z'))).toEqual({
      at: at('2026-10-26T08:00:00Z'),
      person: 'ada',
    })
    expect(nextHandover({ ...weekly, people: ['ada'] }, at('2026-10-23T12:00:00Z')).at).toBe(
      Number.POSITIVE_INFINITY,
    )
  })

  it('[J8] knows the night where the people are', () => {
    const night = ['20:59', '21:00', '05:59', '06:00'].map((time) =>
      isNight(weekly, at(`2026-11-23T${time}:00Z`)),
    )
    expect(night).toEqual([false, true, true, false])
    expect(isNight({ ...weekly, night: { from: 0, to: 6 } }, at('2026-11-23T04:00:00Z'))).toBe(true)
    expect(isNight({ ...weekly, night: { from: 0, to: 6 } }, at('2026-11-23T05:00:00Z'))).toBe(
      false,
    )
  })

  it('[J8] refuses a zone nobody knows', () => {
    expect(() => onCallAt({ ...weekly, timeZone: 'Berlin' }, 0)).toThrow('no time zone Berlin')
  })
})
