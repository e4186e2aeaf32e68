import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupCommand } from './group.ts'

interface Ran {
  code: number
  rows: Record<string, unknown>[]
  stdout: string
  stderr: string
}

async function run(args: string[], input = ''): Promise<Ran> {
  const stdout = new PassThrough({ highWaterMark: 1 << 24 })
  const stderr = new PassThrough()
  const code = await groupCommand(args, {
    stdin: Readable.from([Buffer.from(input)]),
    stdout,
    stderr,
  })
  stdout.end()
  stderr.end()
  const out = await text(stdout)
  const isRows = out.startsWith('{')
  return {
    code,
    stdout: out,
    stderr: await text(stderr),
    rows: isRows
      ? out
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
      : [],
  }
}

describe('faultline group', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'faultline-group-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('plain lines: one JSON line each, with the template and its parameters', async () => {
    const { code, rows } = await run(['-'], 'disk 7 is full\nlink is up\ndisk 9 is full\n')
    expect(code).toBe(0)
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 3])
    expect(rows[0]).toMatchObject({
      template: 'disk <*> is full',
      params: [{ type: 'number', value: '7' }],
    })
    expect(rows[2]?.['group']).toBe(rows[0]?.['group'])
    expect(rows[1]?.['group']).not.toBe(rows[0]?.['group'])
  })

  it('a CSV from a file: the column Content, quotes and line breaks, LineId as the line', async () => {
    const file = join(folder, 'log.csv')
    writeFileSync(
      file,
      'LineId,Level,Content\r\n11,E,"a ""quoted"", text\nover 2 lines"\r\n12,I,plain\r\n',
    )
    const { rows } = await run([file])
    expect(rows.map(({ line }) => line)).toEqual([11, 12])
    expect(rows[0]?.['template']).toBe('a "quoted", text\nover <*> lines')
  })

  it('the group is the settled one, announced the one on arrival', async () => {
    const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta']
    const { rows } = await run(
      ['-'],
      names.map((name) => `No reply from backend ${name} today`).join('\n'),
    )
    expect(new Set(rows.map(({ group }) => group)).size).toBe(1)
    expect(new Set(rows.map(({ announced }) => announced)).size).toBe(4)
    expect(rows[0]?.['template']).toBe('No reply from backend <*> today')
  })

  it('JSON lines: stacks are grouped by their frames, ids are kept', async () => {
    const stack = (name: string, line: number): string =>
      `Boom: ${line}\n    at ${name} (/app/src/a.js:${line}:1)`
    const events = [
      { id: 'a', stack: stack('load', 1), type: 'Boom', message: 'x 1' },
      { id: 'b', stack: stack('load', 9), type: 'Boom', message: 'y 2' },
      { id: 'c', stack: stack('save', 9), type: 'Boom', message: 'y 2' },
      { event_id: 'd', message: 'y 3', environment: 'dev' },
    ]
    const { rows } = await run(['-'], events.map((event) => JSON.stringify(event)).join('\n'))
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
    expect(rows[1]?.['group']).toBe(rows[0]?.['group'])
    expect(rows[2]?.['group']).not.toBe(rows[0]?.['group'])
    expect(rows[3]?.['template']).toBe('y <*>')
  })

  it('--help explains; wrong usage is 2; a missing file or broken line is 1 and names the place', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Usage'),
    })
    expect(await run([])).toMatchObject({ code: 2, stderr: expect.stringContaining('INPUT') })
    expect(await run(['--wat'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--wat'),
    })
    expect(await run([join(folder, 'none')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none'),
    })
    expect(await run(['-'], '{"message":"a"}\n{oops\n')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('line 2'),
    })
  })

  it('empty input gives empty output', async () => {
    expect(await run(['-'])).toMatchObject({ code: 0, stdout: '' })
  })
})
