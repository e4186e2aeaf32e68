import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { detectCommand } from './detect.ts'

async function run(args: string[], input = '') {
  const stdout = new PassThrough({ highWaterMark: 1 << 24 })
  const stderr = new PassThrough()
  const stdin = Readable.from([Buffer.from(input)])
  const code = await detectCommand(args, { stdin, stdout, stderr })
  stdout.end()
  stderr.end()
  return { code, stdout: await text(stdout), stderr: await text(stderr) }
}

const rowsOf = (out: string): string[][] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','))

describe('faultline detect', () => {
  it('[C5] --series scores every point; the jump is the highest', async () => {
    const lines = Array.from({ length: 600 }, (_, index) => {
      const at = new Date(Date.UTC(2026, 0, 5) + index * 300_000).toISOString().slice(0, 19)
      return `${at.replace('T', ' ')},${index === 500 ? 90 : 10 + (index % 7)}`
    })
    const { code, stdout } = await run(['--series', '-'], `timestamp,value\n${lines.join('\n')}\n`)
    const [header, ...rows] = rowsOf(stdout)
    expect(code).toBe(0)
    expect(header).toEqual(['timestamp', 'value', 'anomaly_score'])
    expect(rows.map(([time, value]) => `${time},${value}`)).toEqual(lines)
    const scores = rows.slice(100).map(([, , score]) => Number(score))
    expect(scores.indexOf(Math.max(...scores))).toBe(400)
    expect(rows.every(([, , score]) => Number(score) >= 0 && Number(score) <= 1)).toBe(true)
  })

  it('[C5] --counts alerts on the outage only', async () => {
    const lines = Array.from({ length: 3000 }, (_, minute) =>
      [minute, minute >= 2900 ? 30 : 1 + (minute % 3)].join(','),
    )
    const { code, stdout } = await run(['--counts', '--series=-'], lines.join('\n'))
    const [header, ...rows] = rowsOf(stdout)
    expect(code).toBe(0)
    expect(header).toEqual(['minute', 'count', 'score', 'alert'])
    expect(rows).toHaveLength(3000)
    const alerts = rows.filter(([, , , alert]) => alert === '1').map(([minute]) => Number(minute))
    expect(alerts[0]).toBeLessThanOrEqual(2901)
    expect(Math.min(...alerts)).toBeGreaterThanOrEqual(2900)
  })

  it.each([
    ['2026-01-05 00:00:00,abc', 'line 2: "abc" is no value'],
    ['yesterday,1', 'line 2: "yesterday" is no timestamp'],
    ['2026-01-05 00:00:00', 'line 2: "" is no value'],
  ])('%s is refused with its line', async (line, problem) => {
    const { code, stderr } = await run(['--series', '-'], `timestamp,value\n${line}\n`)
    expect(code).toBe(1)
    expect(stderr).toContain(problem)
  })

  it('minutes that go back are refused', async () => {
    const { code, stderr } = await run(['--counts', '-'], '5,1\n4,1\n')
    expect(code).toBe(1)
    expect(stderr).toContain('line 2: "4" is no minute (they must go up)')
  })

  it.each([[[]], [['--nope']], [['a', 'b']], [['--series']]])('%j is wrong usage', async (args) => {
    const { code, stderr } = await run(args)
    expect(code).toBe(2)
    expect(stderr).toContain('--help')
  })

  it('a missing file is an error, --help is not', async () => {
    expect((await run(['--series', '/nowhere/at/all.csv'])).code).toBe(1)
    const help = await run(['--help'])
    expect([help.code, help.stdout.includes('--counts')]).toEqual([0, true])
  })
})
