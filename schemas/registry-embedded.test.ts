import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEmbeddedRegistry } from './registry-embedded.ts'

const A = '{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}'
const A2 =
  '{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"y","type":"int","default":0}]}'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'faultline-registry-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('the embedded registry', () => {
  it('keeps ids over restarts, and gives new ones behind the old', async () => {
    const first = openEmbeddedRegistry({ dir })
    expect(await first.register('a-value', A)).toBe(1)
    expect(await first.register('b-value', '"string"')).toBe(2)
    const second = openEmbeddedRegistry({ dir })
    expect(await second.register('a-value', A)).toBe(1)
    expect(await second.register('a-value', A2)).toBe(3)
    expect(second.versions('a-value')).toEqual([1, 2])
    expect(await second.byId(2)).toMatchObject({
      subject: 'b-value',
      version: 1,
      schema: '"string"',
    })
  })

  it('gives one text one id, however it is spaced and whatever subject it stands under', async () => {
    const registry = openEmbeddedRegistry({ dir })
    const id = await registry.register('a-value', A)
    expect(await registry.register('a-value', JSON.stringify(JSON.parse(A), undefined, 2))).toBe(id)
    expect(await registry.register('other-value', A)).toBe(id)
    expect(registry.usesOf(id)).toHaveLength(2)
  })

  it('takes no name from Object.prototype for a subject it has', async () => {
    const registry = openEmbeddedRegistry({ dir })
    expect(() => registry.versions('constructor')).toThrow(/no subject/)
    expect(await registry.register('constructor', A)).toBe(1)
    await expect(registry.register('__proto__', A)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await expect(registry.register('../x', A)).rejects.toMatchObject({ path: 'subject' })
  })

  it('forgets a schema it could not save, so that its id is never given twice', async () => {
    const registry = openEmbeddedRegistry({ dir })
    await registry.register('a-value', A)
    rmSync(dir, { recursive: true })
    await expect(registry.register('b-value', '"long"')).rejects.toThrow()
    expect(() => registry.versions('b-value')).toThrow(/no subject/)
  })

  it('says what to do about a file it cannot read', () => {
    openEmbeddedRegistry({ dir })
    writeFileSync(join(dir, 'registry.json'), '{"nextId":')
    expect(() => openEmbeddedRegistry({ dir })).toThrow(/cannot be read/)
  })

  it('writes whole files only', async () => {
    const registry = openEmbeddedRegistry({ dir })
    await registry.register('a-value', A)
    const text = readFileSync(join(dir, 'registry.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ nextId: 2 })
  })
})
