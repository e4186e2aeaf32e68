import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backtestCommand } from './backtest.ts'

const START = Date.UTC(2026, 0, 5)
const SECOND = 1000
const MINUTE = 60 * SECOND

interface Line {
  event_id: string
  event_type: string
  occurred_at: string
  received_at: string
  service: string
  [field: string]: unknown
}

let folder = ''
const inFolder = (name: string): string => join(folder, name)

function event(id: string, atMs: number, fields: Partial<Line>): Line {
  const at = new Date(START + atMs).toISOString()
  return {
    event_id: id,
    event_type: 'error',
    occurred_at: at,
    received_at: at,
    service: 'cart',
    ...fields,
  }
}

/** Two hours of a shop with a little noise; after 90 minutes a deploy of the store breaks it and its caller. */
function recording(): Line[] {
  const lines: Line[] = []
  for (let minute = 0; minute < 120; minute += 1)
    for (const service of ['cart', 'store-1'])
      lines.push(
        event(`n-${service}-${minute}`, minute * MINUTE, {
          service,
          release: 'v1',
          error_type: 'RangeError',
          message: `page ${minute} is out of range`,
          user_id: `u${minute}`,
        }),
      )
  const deployMs = 90 * MINUTE
  lines.push(
    event('deploy', deployMs, {
      event_type: 'deploy',
      service: 'store-1',
      release: 'v2',
      attributes: { deploy_id: 'd-42' },
    }),
  )
  for (let at = 0; at < 200; at += 1) {
    const atMs = deployMs + MINUTE + at * 3 * SECOND
    const user_id = `u${at}`
    lines.push(
      event(`s-${at}`, atMs, {
        service: 'store-1',
        release: 'v2',
        error_type: 'TypeError',
        message: `cannot read price of ${at}`,
        user_id,
      }),
      event(`c-${at}`, atMs + 40 * SECOND, {
        error_type: 'TimeoutError',
        message: `upstream store-1 timed out after ${at}ms`,
        user_id,
      }),
    )
  }
  return lines.toSorted((left, right) => left.received_at.localeCompare(right.received_at))
}

const text = (lines: readonly unknown[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('')

async function run(
  args: string[],
  stdin = '',
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await backtestCommand(args, { stdin: Readable.from([stdin]), stdout, stderr })
  const read = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '')
  return { code, out: read(stdout), err: read(stderr) }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backtest-'))
  writeFileSync(inFolder('events.ndjson'), text(recording()))
  writeFileSync(
    inFolder('services.json'),
    JSON.stringify([
      { name: 'cart', criticality: 4, calls: ['store-1'] },
      { name: 'store-1', criticality: 2, calls: [] },
    ]),
  )
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('backtest', () => {
  it('[C4] [C15] finds the outage as one incident with its events, root and deploy', async () => {
    const args = [inFolder('events.ndjson'), '--topology', inFolder('services.json')]
    const { code, out, err } = await run(args)
    expect(code).toBe(0)
    expect(err).toContain('1 incidents')
    const [incident, ...others] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(others).toEqual([])
    expect(Object.keys(incident ?? {})).toEqual([
      'incident',
      'opened_at',
      'severity',
      'score',
      'level_turns',
      'root',
      'suspect_deploy',
      'members',
    ])
    expect(incident).toMatchObject({ root: 'store-1', suspect_deploy: 'd-42' })
    const openedMs = Date.parse(incident?.['opened_at'] as string) - START
    expect(openedMs).toBeGreaterThanOrEqual(91 * MINUTE)
    expect(openedMs).toBeLessThan(92 * MINUTE)
    const members = incident?.['members'] as string[]
    expect(members.filter((id) => id.startsWith('n-'))).toEqual([])
    expect(members.length).toBeGreaterThanOrEqual(390)
    expect(await run(args)).toEqual({ code, out, err })
  })

  it('reads standard input, and repeated events count once', async () => {
    const once = text(recording())
    const twice = text(recording().flatMap((line) => [line, line]))
    const first = await run(['-'], once)
    const second = await run(['-'], twice)
    expect(first.code).toBe(0)
    expect(second.out).toBe(first.out)
  })

  it('rules change what is found', async () => {
    const rules = inFolder('rules.yaml')
    writeFileSync(rules, 'incidents:\n  openNatsNovel: 100000\n  openNatsSpike: 100000\n')
    const { code, out } = await run([inFolder('events.ndjson'), '--rules', rules])
    expect({ code, out }).toEqual({ code: 0, out: '' })
  })

  it('a line that is no event is named and fails the run, the rest is still read', async () => {
    const bad = ['{"event_type":', '{"event_type":"error"}', '', text(recording())].join('\n')
    const { code, out, err } = await run(['-'], bad)
    expect(code).toBe(1)
    expect(err).toContain('line 1: not JSON')
    expect(err).toContain('line 2: service is required. (service)')
    expect(out).not.toBe('')
  })

  it.each([
    [[], 2, 'give one FILE'],
    [['a', 'b'], 2, 'give one FILE'],
    [['--topolgy', 'x', 'a'], 2, 'did you mean --topology?'],
    [['/no/such/file'], 2, 'cannot be read'],
    [[import.meta.dirname], 2, 'it is a folder'],
    [['-', '--topology', '/no/such/file'], 2, 'cannot be read'],
  ])('%j ends with %d', async (args, expected, message) => {
    const { code, out, err } = await run(args)
    expect({ code, out }).toEqual({ code: expected, out: '' })
    expect(err).toContain(message)
  })

  it.each([
    ['topology', '[{"name": 1}]', '$[0].name'],
    ['rules', '{"incident": {}}', 'did you mean incidents?'],
    ['rules', '{"incidents": {"quiet": 1}}', 'incidents.quiet'],
    ['rules', '{"fingerprints": [{"match": {}}]}', '$.fingerprints[0]'],
  ])('a wrong %s file %s is refused with its path', async (option, content, place) => {
    const path = inFolder('wrong.json')
    writeFileSync(path, content)
    const { code, err } = await run(['-', `--${option}`, path])
    expect(code).toBeGreaterThan(0)
    expect(err).toContain(place)
  })

  it('--help tells the format', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    expect(out).toContain('suspect_deploy')
  })
})
