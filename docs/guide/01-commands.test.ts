import { PassThrough } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { run } from '#/cli/main.ts'
import { PAGES, code, commandLine, read } from './pages.ts'

interface Answer {
  exit: number
  text: string
}

async function help(args: readonly string[]): Promise<Answer> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const exit = await run([...args, '--help'], { stdin: new PassThrough(), stdout, stderr })
  return { exit, text: `${stdout.read() ?? ''}` }
}

const helps = new Map<string, Answer>()
const lines = PAGES.flatMap((page) => code(read(page)).map((line) => ({ page, line })))

/** What is wrong with a command line of a page; empty when it can be typed. */
function complaint(line: string): string {
  const call = commandLine(line)
  if (call === undefined) return ''
  const { exit, text } = helps.get(call.command) ?? { exit: 2, text: '' }
  if (exit !== 0) return `${line}: there is no command ${call.command}`
  const hasSubs = new RegExp(`faultline ${call.command} [a-z]+`).test(text)
  if (hasSubs && call.sub !== '' && !text.includes(`faultline ${call.command} ${call.sub}`))
    return `${line}: ${call.command} has no ${call.sub}`
  const unknown = call.options.find(
    (option) => option !== '--help' && !new RegExp(`${option}(?![a-z-])`).test(text),
  )
  return unknown === undefined ? '' : `${line}: ${call.command} has no ${unknown}`
}

describe('commands in the pages', () => {
  beforeAll(async () => {
    const named = [...lines.map(({ line }) => commandLine(line)?.command ?? ''), 'lag']
    for (const name of new Set(named)) if (name !== '') helps.set(name, await help([name]))
  })

  it('exist, with their sub-commands and options', () => {
    const calls = lines.filter(({ line }) => commandLine(line) !== undefined)
    expect(calls.length).toBeGreaterThan(20)
    const wrong = calls
      .map(({ page, line }) => ({ page, problem: complaint(line) }))
      .filter(({ problem }) => problem !== '')
    expect(wrong).toEqual([])
  })

  it('are noticed when they do not (negative control)', () => {
    expect(complaint('npx faultline lag --json')).toBe('')
    expect(complaint('npx faultline lag --jsn')).not.toBe('')
    expect(complaint('npx faultline frobnicate')).not.toBe('')
    expect(complaint('npx faultline keys forge')).not.toBe('')
    expect(complaint('curl -s http://localhost:3000/health')).toBe('')
  })

  it('options that stand alone belong to some command', () => {
    const all = [...helps.values()].map(({ text }) => text).join('\n')
    const alone = lines.flatMap(({ line }) => /^--[a-z-]+/.exec(line)?.[0] ?? [])
    expect(alone.length).toBeGreaterThan(5)
    expect(alone.filter((option) => !all.includes(`${option} `))).toEqual([])
  })

  it('npm scripts exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = lines.flatMap(({ line }) => {
      const match = /\bnpm (?:run )?(start|test|[a-z:]+(?<=run [a-z:]+))/.exec(line)
      return match?.[1] ?? []
    })
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
  })
})
