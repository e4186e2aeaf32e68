import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { systemClock } from '#/kernel/clock.ts'
import { deployEvent } from './deploy.ts'
import { run } from './main.ts'

async function command(
  args: readonly string[],
): Promise<{ exit: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const exit = await run(['deploy', ...args], { stdin: new PassThrough(), stdout, stderr })
  return { exit, out: `${stdout.read() ?? ''}`, err: `${stderr.read() ?? ''}` }
}

describe('faultline deploy', () => {
  let test: TestApp
  let url: string
  beforeEach(async () => {
    test = await createTestApp({ clock: systemClock })
    url = await test.app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterEach(() => test.close())

  it('[J4] tells of a deployment, and of the same one twice under the same id', async () => {
    const args = ['--service', 'checkout', '--release', 'v2.4.2', '--commit', 'abc123']
    const target = ['--url', url, '--key', test.ingestKey]
    const first = await command([...args, '--id', 'd-7', '--environment', 'staging', ...target])
    expect(first).toMatchObject({ exit: 0, out: 'checkout v2.4.2: deploy d-7\n' })
    expect((await command([...args, '--id', 'd-7', ...target])).exit).toBe(0)
    const json = await command([...args, '--json', ...target])
    const made = JSON.parse(json.out) as { deploy_id: string }
    const events = await test.rawEvents()
    expect(events[0]).toMatchObject({
      event_type: 'deploy',
      event_id: 'deploy-d-7',
      service: 'checkout',
      release: 'v2.4.2',
      environment: 'staging',
      attributes: { deploy_id: 'd-7', change_kind: 'code', commit: 'abc123' },
    })
    expect(events.map((event) => event.event_id)).toEqual([
      'deploy-d-7',
      'deploy-d-7',
      `deploy-${made.deploy_id}`,
    ])
  })

  it('says what is missing or wrong', async () => {
    expect(await command(['--service', 'a'])).toMatchObject({ exit: 2 })
    expect((await command(['--service', 'a'])).err).toContain('--release')
    const options = ['--service', 'a', '--release', 'b', '--url', url]
    expect((await command([...options, '--id', 'no blanks', '--key', 'k'])).exit).toBe(2)
    const wrongKey = await command([...options, '--key', 'k'])
    expect(wrongKey).toMatchObject({ exit: 1 })
    expect(wrongKey.err).toContain('unauthorized')
    expect(() => deployEvent({ service: ' ', release: 'b' }, () => 'x')).toThrow('--service')
  })
})
