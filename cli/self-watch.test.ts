import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { buildApp } from '#/api/app.ts'
import { createTestApp, type TestApp } from '#/api/test-app.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { createLogger, type Logger } from './logger.ts'
import { createSelfWatch, type SelfWatch } from './self-watch.ts'

let test: TestApp
let watch: SelfWatch
let logger: Logger
let lines: PassThrough
beforeEach(async () => {
  test = await createTestApp()
  watch = createSelfWatch({ ...test.deps, version: '9.9.9' })
  lines = new PassThrough()
  logger = watch.watch(createLogger({ stream: lines, clock: test.clock, level: 'info' }))
})
afterEach(() => test.close())

it('[K3] a request that breaks inside is an event of the platform’s own project', async () => {
  await test.app.close()
  test.app = buildApp({
    ...test.deps,
    onProblem: (error, requestId) => logger.error('a request failed', { error, requestId }),
  })
  test.reads.overview = () => Promise.reject(new RangeError('a bug inside'))
  const answer = await test.app.inject('/api/overview')
  expect(answer.statusCode).toBe(500)
  await watch.close()
  const [event] = await test.rawEvents()
  expect(event).toMatchObject({
    project: 'faultline',
    service: 'faultline',
    event_type: 'error',
    message: 'a request failed: a bug inside',
    error_type: 'RangeError',
    release: '9.9.9',
  })
  expect(event?.stack).toContain('self-watch.test.ts')
  expect(event?.attributes['requestId']).toBeTruthy()
  expect(String(lines.read())).toContain('a bug inside')
})

it('[K3] a flood is told once a minute, and how much was left out', async () => {
  const error = new FaultlineError('storage_unavailable', 'away')
  for (let count = 0; count < 1_000; count += 1) logger.error('a processor failed', { error })
  await watch.close()
  expect(await test.rawEvents()).toHaveLength(1)
  await test.clock.advance(60_000)
  logger.error('a processor failed', { error, stage: 'detect' })
  await watch.close()
  const events = await test.rawEvents()
  expect(events).toHaveLength(2)
  expect(events[1]?.attributes).toMatchObject({
    suppressed: '999',
    code: 'storage_unavailable',
    stage: 'detect',
  })
  for (let count = 0; count < 200; count += 1) {
    logger.error(`kind ${count}`)
    await watch.close()
  }
  expect((await test.rawEvents()).length).toBeLessThan(40)
})

it('[K3] a log that cannot be written is not told of into itself', async () => {
  let writes = 0
  test.log.append = () => {
    writes += 1
    logger.error('the log is away')
    return Promise.reject(new FaultlineError('log_unavailable', 'away'))
  }
  logger.error('a processor failed')
  await watch.close()
  logger.info('nothing')
  await watch.close()
  expect(writes).toBe(1)
})
