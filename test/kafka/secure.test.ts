/** Over TLS with a password, as clusters are run: both clients, every mechanism, and what a wrong one says. */
import { execFileSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alterUserScramCredentialsV0, Connection } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectCode } from '#/processors/log/contract-suite-kit.ts'
import { KAFKA_CLIENTS } from '#/processors/log/kafka/options.ts'
import type { KafkaLogOptions, SaslMechanism } from '#/processors/log/kafka/options.ts'
import { startPlatform } from '#/test/e2e/platform.ts'
import { waitFor } from '#/test/e2e/processes.ts'
import { startBroker } from './broker.ts'
import type { RunningBroker } from './broker.ts'
import {
  Copier,
  createCopyTopics,
  IN,
  KafkaLogs,
  numbered,
  OUT,
  until,
  valuesOf,
} from './kafka-kit.ts'
import { ownBrokerAvailable } from './shared.ts'

const PASSWORD = randomBytes(9).toString('hex')
const KEY =
  '-alias broker -keyalg EC -storetype PKCS12 -validity 2 -dname CN=localhost -ext SAN=dns:localhost,ip:127.0.0.1'
const JAAS = 'org.apache.kafka.common.security'
const MECHANISMS: readonly SaslMechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512']
const SMALL = ['--partitions', '1', '--kafka-replication-factor', '1']
const SCRAM = [
  { mechanism: 1, digest: 'sha256', bytes: 32 },
  { mechanism: 2, digest: 'sha512', bytes: 64 },
]

describe.skipIf(!ownBrokerAvailable())('a cluster with TLS and SASL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-tls-'))
  const store = join(folder, 'broker.p12')
  let broker: RunningBroker
  let ca = ''

  beforeAll(async () => {
    const keytool = (...args: string[]): string =>
      execFileSync('keytool', [...args, '-keystore', store, '-storepass', PASSWORD], {
        encoding: 'utf8',
      })
    keytool('-genkeypair', ...KEY.split(' '))
    keytool('-exportcert', '-rfc', '-alias', 'broker', '-file', join(folder, 'ca.pem'))
    ca = readFileSync(join(folder, 'ca.pem'), 'utf8')
    // The name of the listener stays; what it speaks is TLS with a login.
    const listener = 'listener.name.plaintext'
    broker = await startBroker({
      answers: (port) =>
        connectAsAdmin(port).then(
          (connection) => connection.close().then(() => true),
          () => false,
        ),
      properties: {
        'listener.security.protocol.map': 'PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT',
        'ssl.keystore.type': 'PKCS12',
        'ssl.keystore.location': store,
        'ssl.keystore.password': PASSWORD,
        'ssl.truststore.type': 'PKCS12',
        'ssl.truststore.location': store,
        'ssl.truststore.password': PASSWORD,
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'sasl.mechanism.inter.broker.protocol': 'PLAIN',
        [`${listener}.plain.sasl.jaas.config`]: `${JAAS}.plain.PlainLoginModule required username="app" password="${PASSWORD}" user_app="${PASSWORD}";`,
        [`${listener}.scram-sha-256.sasl.jaas.config`]: `${JAAS}.scram.ScramLoginModule required;`,
        [`${listener}.scram-sha-512.sasl.jaas.config`]: `${JAAS}.scram.ScramLoginModule required;`,
      },
    })
    await addScramUser()
  })
  afterAll(async () => {
    await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function connectAsAdmin(port: number): Promise<Connection> {
    const sasl = { mechanism: 'PLAIN', username: 'app', password: PASSWORD } as const
    const connection = new Connection('admin', { tls: { ca }, sasl })
    connection.on('error', () => undefined)
    await connection.connect('127.0.0.1', port)
    return connection
  }

  async function addScramUser(): Promise<void> {
    const connection = await connectAsAdmin(broker.port)
    const iterations = 4096
    for (const { mechanism, digest, bytes } of SCRAM) {
      const salt = randomBytes(16)
      const saltedPassword = pbkdf2Sync(PASSWORD, salt, iterations, bytes, digest)
      const user = { name: 'app', mechanism, iterations, salt, saltedPassword }
      await alterUserScramCredentialsV0.api.async(connection, [], [user])
    }
    await connection.close()
  }

  const optionsFor = (mechanism: SaslMechanism, password = PASSWORD): Partial<KafkaLogOptions> => ({
    brokers: broker.brokers,
    tls: { ca },
    sasl: { mechanism, username: 'app', password },
  })

  for (const client of KAFKA_CLIENTS) {
    it.each(MECHANISMS)(
      `[LG108] by ${client} with %s: appends, reads, commits`,
      async (mechanism) => {
        const logs = new KafkaLogs(client, optionsFor(mechanism))
        const log = await logs.open()
        await createCopyTopics(log)
        await log.append([{ ...IN, records: numbered(0, 3) }])
        await new Copier(log, 'copier').start()
        await until('the copy', async () => (await log.committed('copy', IN))?.offset === 3)
        expect(await valuesOf(log, OUT)).toEqual(['0', '1', '2'])
        await logs.close()
      },
    )

    it(`[B17] by ${client}: the platform runs on it, configured by settings alone`, async () => {
      const settings = ['--kafka-brokers', broker.brokers.join(','), '--kafka-client', client]
      const trust = ['--kafka-tls', '--kafka-ca', join(folder, 'ca.pem')]
      const login = ['--kafka-sasl', 'scram-sha-512', '--kafka-user', 'app']
      await using platform = await startPlatform({
        args: [...settings, ...trust, ...login, '--kafka-prefix', `${client}-`, ...SMALL],
        environment: { FAULTLINE_KAFKA_PASSWORD: PASSWORD },
        readyMsMax: 120_000,
      })
      const event = { event_type: 'signup', event_id: 's1', service: 'web' }
      expect((await platform.post([event])).status).toBe(202)
      const count = "SELECT count() AS n FROM events WHERE service = 'web'"
      const there = async (): Promise<boolean> =>
        Number((await platform.clickhouse<{ n: string }>(count))[0]?.n) === 1
      await waitFor(there, { what: 'the event in ClickHouse', withinMs: 60_000 })
      expect(platform.stderr()).not.toContain(PASSWORD)
    })

    it(`[LG108] by ${client}: a wrong password and an unknown certificate are told, soon`, async () => {
      const logs = new KafkaLogs(client, { deliveryMsMax: 1000 })
      await expectCode('log_unavailable', logs.open(optionsFor('scram-sha-256', 'wrong')))
      await expectCode('log_unavailable', logs.open({ ...optionsFor('plain'), tls: {} }))
    })
  }
})
