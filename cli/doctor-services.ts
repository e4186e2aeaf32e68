import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import { createClickHouse } from '#/clickhouse/client.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { createMetrics } from '#/kernel/metrics.ts'
import { closedAmong, hostOf } from '#/processors/domain/notify/address.ts'
import { brokersOf } from './config-checks.ts'
import { withoutPassword } from './config.ts'
import { fault, type Check, type Warning } from './doctor-check.ts'
import { targetOf } from './engine.ts'
import { readNotify, type NotifyConfig } from './notify-config.ts'
import { createLogger } from './logger.ts'
import { registryAt } from './schemas.ts'
import type { Config } from './settings.ts'
import { openLog } from './shared-log.ts'

const CONNECT_MS_MAX = 3_000
const SKEW_MS_GOOD = 2_000
const SKEW_MS_MAX = 60_000

/** What lies outside of this machine, as far as the configuration names it. */
export function serviceChecks(config: Config): Check[] {
  const { clickhouseUrl, registryUrl } = config
  const notify = readNotify(config.notify)
  return [
    ...brokersOf(config).map((broker) => ({
      name: `broker ${broker}`,
      ask: () => checkSocket(broker),
    })),
    ...(config.kafkaBrokers === undefined
      ? []
      : [{ name: 'kafka', ask: () => checkKafka(config) }]),
    ...(clickhouseUrl === undefined
      ? []
      : [{ name: 'clickhouse', ask: () => checkClickHouse(clickhouseUrl, config) }]),
    ...(registryUrl === undefined
      ? []
      : [{ name: 'registry', ask: () => checkRegistry(registryUrl, config) }]),
    ...(config.aiUrl === undefined
      ? []
      : [{ name: 'model', ask: () => checkModel(config.aiUrl ?? '', config) }]),
    ...(notify?.targets ?? []).map(({ name, url }) => ({
      name: `target ${name}`,
      ask: () => checkTarget(url, notify!),
    })),
  ]
}

function checkSocket(broker: string): Promise<string> {
  const colon = broker.lastIndexOf(':')
  const host = broker.slice(0, colon).replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(broker.slice(colon + 1)), timeout: CONNECT_MS_MAX })
    const refuse = (what: string): void => {
      socket.destroy()
      reject(fault(what, 'Is the broker up, and does kafka-brokers name it as clients reach it?'))
    }
    socket.once('connect', () => {
      socket.destroy()
      resolve('accepts connections')
    })
    socket.once('timeout', () => refuse(`no connection within ${CONNECT_MS_MAX / 1000} s`))
    socket.once('error', (error) => refuse(messageOf(error)))
  })
}

/** Login and the list of topics, as the platform does it. */
async function checkKafka(config: Config): Promise<string> {
  const reached = await Promise.allSettled(brokersOf(config).map((broker) => checkSocket(broker)))
  if (!reached.some(({ status }) => status === 'fulfilled'))
    throw fault('no broker accepts connections', 'See why above, broker by broker.')
  const logger = createLogger({ stream: process.stderr, clock: systemClock, level: 'error' })
  let opened
  try {
    opened = await openLog({ config, metrics: createMetrics(), logger })
  } catch (error) {
    const remedy = 'See which brokers answer above; check kafka-tls, kafka-sasl, user and password.'
    throw fault(messageOf(error), remedyOf(error) ?? remedy)
  }
  try {
    return `${(await opened.log.topics()).length} topics`
  } finally {
    await opened.log.close()
  }
}

async function checkClickHouse(address: string, config: Config): Promise<string | Warning> {
  const target = targetOf(address, config.clickhousePassword)
  const clickhouse = createClickHouse({ ...target, database: 'default', requestTimeoutMs: 5_000 })
  try {
    const startedMs = systemClock.nowMs()
    const [row] = await clickhouse.query<{ version: string; now: string }>(
      'SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS now',
    )
    const middleMs = (startedMs + systemClock.nowMs()) / 2
    return skewOf(`version ${row?.version ?? '?'}`, Number(row?.now) - middleMs)
  } catch (error) {
    const remedy = `Is it up at ${withoutPassword(address)}, and are user and password right?`
    throw fault(messageOf(error), remedyOf(error) ?? remedy)
  } finally {
    await clickhouse.close()
  }
}

async function checkRegistry(address: string, config: Config): Promise<string | Warning> {
  const { url, auth } = registryAt(address, config)
  const headers = auth === undefined ? {} : { authorization: basicOf(auth) }
  const remedy = `Is it up at ${withoutPassword(address)}, and does the path belong to it?`
  const startedMs = systemClock.nowMs()
  const answer = await fetch(`${url}/subjects`, {
    headers,
    signal: AbortSignal.timeout(5_000),
  }).catch((error: unknown) => {
    throw fault(`it does not answer: ${messageOf(error)}`, remedy)
  })
  const date = Date.parse(answer.headers.get('date') ?? '')
  await answer.body?.cancel()
  if (!answer.ok) throw fault(`it answered ${answer.status}`, remedy)
  // A header of whole seconds: half of one is its error.
  return Number.isFinite(date) ? skewOf('answers', date + 500 - startedMs) : 'answers'
}

function basicOf({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** The list of models asks for the key and costs nothing; where there is none, an answer is enough. */
async function checkModel(address: string, { aiKey, aiModel }: Config): Promise<string | Warning> {
  const url = new URL(`${address.replace(/\/$/, '')}/models`)
  const shown = withoutPassword(address)
  const headers = aiKey === undefined ? {} : { authorization: `Bearer ${aiKey}` }
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) }).catch(
    (error: unknown) => {
      throw fault(`${shown} does not answer: ${messageOf(error)}`, 'Is ai-url right?')
    },
  )
  if (answer.status === 401 || answer.status === 403)
    throw fault(`${shown} refuses the key`, 'Set FAULTLINE_AI_KEY, or ai-key-file.')
  const body = answer.ok ? await answer.text() : ''
  if (answer.ok && aiModel !== undefined && !body.includes(JSON.stringify(aiModel)))
    return { warning: `${shown} does not list ${aiModel}`, remedy: 'Is ai-model spelled as there?' }
  return `${shown} answers`
}

/** Where clocks differ, what happened last seems to happen in the future, or long ago. */
export function skewOf(what: string, skewMs: number): string | Warning {
  const seconds = (Math.abs(skewMs) / 1000).toFixed(1)
  if (Math.abs(skewMs) <= SKEW_MS_GOOD) return `${what}, clocks agree`
  const text = `${what}, its clock is ${seconds} s ${skewMs > 0 ? 'ahead' : 'behind'}`
  const remedy = 'Let both machines keep time by NTP (timedatectl, chronyc tracking).'
  if (Math.abs(skewMs) > SKEW_MS_MAX) throw fault(text, remedy)
  return { warning: text, remedy }
}

/** Only whether it may be reached: nobody is told. */
async function checkTarget(address: string, { allowed }: NotifyConfig): Promise<string> {
  const url = new URL(address)
  const name = hostOf(url)
  const found = await lookup(name, { all: true }).catch((error: unknown) => {
    throw fault(`${name} does not resolve: ${messageOf(error)}`, 'Correct the url of the target.')
  })
  const closed = closedAmong(found, { host: name, allowed })
  if (closed === undefined) return `${url.host} may be reached`
  throw fault(
    `${name} leads to ${closed}, which is not public`,
    'Name it under notify.allow if it is meant.',
  )
}

function remedyOf(error: unknown): string | undefined {
  return error instanceof FaultlineError ? error.remedy : undefined
}
