import { describe, expect, it } from 'vitest'
import { createGrouper, type GroupInput } from './fingerprint.ts'
import { readSent } from './fingerprint-sender.ts'

const EVENT: GroupInput = {
  environment: 'prod',
  error_code: 'DB_TIMEOUT',
  route: '/api/users',
  error_type: 'TimeoutError',
  message: 'timed out after 30 s',
}

describe('a group the sender names', () => {
  const grouper = createGrouper()
  const of = (sent: readonly string[], more: Partial<GroupInput> = {}): string =>
    grouper.group({ ...EVENT, ...more, sent }).fingerprint

  it('[A17] goes before code, stack and message', () => {
    const grouped = grouper.group({ ...EVENT, sent: ['database'] })
    expect(grouped).toMatchObject({
      method: 'sender',
      reason: 'The sender set the group to ["database"].',
      title: 'TimeoutError: timed out after <*> s',
    })
    expect(of(['database'], { route: '/other', message: 'something else' })).toBe(
      grouped.fingerprint,
    )
    expect(of(['disk'])).not.toBe(grouped.fingerprint)
  })

  it('may part the group the event would have had, or take fields', () => {
    expect(of(['{{ default }}', 'eu'])).not.toBe(of(['{{ default }}', 'us']))
    expect(of(['{{default}}', 'eu'])).not.toBe(of(['{{default}}', 'eu'], { route: '/other' }))
    expect(of(['{{ error.type }}'])).toBe(of(['{{ error_type }}'], { message: 'x' }))
    expect(of(['{{ transaction }}'])).not.toBe(of(['{{ transaction }}'], { route: '/other' }))
  })

  it('gives way to a rule of the project', () => {
    const ruled = createGrouper({ rules: [{ match: { route: '/api/*' }, fingerprint: ['api'] }] })
    expect(ruled.group({ ...EVENT, sent: ['database'] }).method).toBe('rule')
    expect(ruled.group({ ...EVENT, route: '/x', sent: ['database'] }).method).toBe('sender')
  })

  it.each([
    [undefined, undefined],
    ['', undefined],
    ['database', undefined],
    ['[broken', undefined],
    ['{"a":1}', undefined],
    ['[]', undefined],
    ['[null,{}]', undefined],
    ['["{{ default }}"]', undefined],
    ['["a",7,null,true]', ['a', '7']],
    [JSON.stringify(['x'.repeat(600)]), ['x'.repeat(512)]],
    [JSON.stringify(Array.from({ length: 40 }, () => 'p')), Array.from({ length: 16 }, () => 'p')],
  ])('is read from the attribute %s', (attribute, parts) => {
    expect(readSent(attribute)).toEqual(parts)
  })
})
