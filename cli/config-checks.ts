import { FaultlineError } from '#/kernel/errors.ts'
import { readNotify } from './notify-config.ts'
import { rolesOf } from './roles.ts'
import type { Config } from './settings.ts'

function wrong(path: string, message: string, remedy: string): FaultlineError {
  return new FaultlineError('config_invalid', message, { path, remedy })
}

/** Settings that contradict each other are told before anything is opened. Fails with `config_invalid`. */
export function checkConfig(config: Config): void {
  if (config.allowedHosts === '*' && config.readAccess !== 'keys')
    throw wrong(
      'allowed-hosts',
      'answering under every name would let pages of other sites read what is open',
      'Name the hosts, or require keys with --read-access keys.',
    )
  checkKafka(config)
  checkAddress('public-url', config.publicUrl, ['http:', 'https:'])
  checkAddress('oidc-issuer', config.oidcIssuer, ['http:', 'https:'])
  needs(config.oidcIssuer, 'oidc-issuer', { 'oidc-client-id': config.oidcClientId })
  needs(config.oidcClientId, 'oidc-client-id', {
    'oidc-issuer': config.oidcIssuer,
    'oidc-client-secret': config.oidcClientSecret,
  })
  checkAddress('clickhouse-url', config.clickhouseUrl, ['http:', 'https:'])
  readNotify(config.notify)
  checkAddress('registry-url', config.registryUrl, ['http:', 'https:'])
  needs(config.clickhouseUrl, 'clickhouse-url', {
    'clickhouse-password': config.clickhousePassword,
    'clickhouse-cluster': config.clickhouseCluster,
  })
  needs(config.registryUrl, 'registry-url', { 'registry-password': config.registryPassword })
  if (config.clickhouseCluster !== undefined && !/^[\w{}.-]+$/.test(config.clickhouseCluster))
    throw wrong(
      'clickhouse-cluster',
      'the name of a cluster is letters, digits, _ . and -',
      'See system.clusters of your ClickHouse; {cluster} stands for its macro.',
    )
  checkAddress('ai-url', config.aiUrl, ['http:', 'https:'])
  needs(config.aiUrl, 'ai-url', { 'ai-model': config.aiModel, 'ai-key': config.aiKey })
  needs(config.aiModel, 'ai-model', { 'ai-url': config.aiUrl })
  checkRoles(config)
}

function checkKafka(config: Config): void {
  const { kafkaBrokers, kafkaSasl, kafkaUser, kafkaPassword, kafkaTls } = config
  needs(kafkaBrokers, 'kafka-brokers', {
    'kafka-tls': kafkaTls ? true : undefined,
    'kafka-sasl': kafkaSasl,
    'kafka-prefix': config.kafkaPrefix,
  })
  for (const broker of brokersOf(config))
    if (!/^(\[[0-9a-f:.]+\]|[^:/@\s]+):\d{1,5}$/i.test(broker))
      throw wrong(
        'kafka-brokers',
        `${broker} is not of the form host:port`,
        'Write for instance kafka-1:9092,kafka-2:9092.',
      )
  needs(kafkaTls ? true : undefined, 'kafka-tls', {
    'kafka-ca': config.kafkaCa,
    'kafka-cert': config.kafkaCert,
    'kafka-cert-key': config.kafkaCertKey,
  })
  needs(config.kafkaCertKey, 'kafka-cert-key', { 'kafka-cert': config.kafkaCert })
  needs(config.kafkaCert, 'kafka-cert', { 'kafka-cert-key': config.kafkaCertKey })
  needs(kafkaSasl, 'kafka-sasl', { 'kafka-user': kafkaUser, 'kafka-password': kafkaPassword })
  if (kafkaSasl !== undefined && (kafkaUser === undefined || kafkaPassword === undefined))
    throw wrong(
      'kafka-sasl',
      'kafka-sasl needs a user and a password',
      'Set kafka-user, and FAULTLINE_KAFKA_PASSWORD or kafka-password-file.',
    )
}

/** Instances share nothing but the log, the registry and ClickHouse: so these must not be their own. */
function checkRoles(config: Config): void {
  const roles = rolesOf(config)
  if (roles.isWhole) return
  const part = `role ${roles.names.join(',')} is a part of the platform`
  if (config.kafkaBrokers === undefined)
    throw wrong(
      'kafka-brokers',
      `${part}: without Kafka nothing connects it with the others`,
      'Name the brokers with --kafka-brokers, or run everything in one process with --role all.',
    )
  if (config.registryUrl === undefined)
    throw wrong(
      'registry-url',
      `${part}: all parts must agree on the ids of schemas`,
      'Name one schema registry for all of them with --registry-url.',
    )
  if (roles.has('api') && !roles.has('sink') && config.clickhouseUrl === undefined)
    throw wrong(
      'clickhouse-url',
      `${part}: its pages read tables that another process fills`,
      'Name the ClickHouse the sink writes to with --clickhouse-url.',
    )
}

function needs(
  there: unknown,
  name: string,
  dependents: Readonly<Record<string, string | boolean | undefined>>,
): void {
  if (there !== undefined) return
  const [given] = Object.entries(dependents).find(([, value]) => value !== undefined) ?? []
  if (given !== undefined)
    throw wrong(given, `${given} means nothing without ${name}`, `Set ${name} too.`)
}

function checkAddress(
  name: string,
  address: string | undefined,
  protocols: readonly string[],
): void {
  if (address === undefined) return
  const url = URL.parse(address)
  if (url !== null && protocols.includes(url.protocol)) return
  // The address may hold a password: it is not repeated.
  throw wrong(name, `${name} is not an address`, 'Write for instance http://user@host:8123/name.')
}

/** `host:port` of every broker; empty for the embedded log. */
export function brokersOf({ kafkaBrokers }: Pick<Config, 'kafkaBrokers'>): string[] {
  return namesIn(kafkaBrokers)
}

/** What stands between commas in a setting; nothing where it is not given. */
export function namesIn(list = ''): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
