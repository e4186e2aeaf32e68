import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'

/** A process with a log as `start` has one, that comes to an end of its own. */
async function endingWith(statement: string) {
  const script = `
    import { sayLastWords } from '#/cli/last-words.ts'
    import { createLogger } from '#/cli/logger.ts'
    import { systemClock } from '#/kernel/clock.ts'
    const stream = process.stderr
    sayLastWords(createLogger({ stream, clock: systemClock, level: 'error' }))
    setTimeout(() => console.log('it goes on'), 20_000)
    setImmediate(() => { ${statement} })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  createInterface(child.stderr).on('line', (line) => lines.push(line))
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, lines, said: JSON.parse(lines[0] ?? '') as Record<string, unknown> }
}

describe('a process that ends of an error nobody handled', () => {
  it.for([
    ['uncaughtException', `throw new TypeError('no such room')`],
    ['unhandledRejection', `Promise.reject(new TypeError('no such room'))`],
  ])('says why in its log, and ends with 1: %s by %s', async ([origin, statement]) => {
    const { code, said, lines } = await endingWith(statement ?? '')
    expect(code).toBe(1)
    expect(said).toMatchObject({
      level: 'error',
      message: 'the process ends: an error that nobody handled',
      origin,
      error: {
        message: 'no such room',
        stack: expect.stringMatching(/TypeError[^]*at .*eval1/) as string,
      },
    })
    // Node's own words follow: they are there even where a log cannot be written any more.
    expect(lines.slice(1).join('\n')).toContain('TypeError: no such room')
  })

  it('also of something that is no error', async () => {
    const { code, said } = await endingWith(`throw 'nothing'`)
    expect([code, said['error']]).toEqual([1, expect.objectContaining({ message: 'nothing' })])
  })
})

it('a process goes on when nobody reads its log any more', async () => {
  const script = `
    import { main } from '#/cli/main.ts'
    await main(['--help'])
    process.stdin.once('data', async () => {
      for (let line = 0; line < 5; line += 1) {
        process.stderr.write('a line of the log')
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      process.stdout.write('it goes on')
      process.exit(7)
    })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
  })
  let text = ''
  child.stdout.on('data', (part) => (text += String(part)))
  child.stderr.destroy()
  await once(child.stderr, 'close')
  child.stdin.end('go')
  const [code] = (await once(child, 'close')) as [number]
  expect([code, text.slice(-10)]).toEqual([7, 'it goes on'])
})
