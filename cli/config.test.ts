import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { configOf, effectiveSettings, shownValue } from './config.ts'
import { rolesOf } from './roles.ts'
import { configCommand } from './show-config.ts'
import { nearestName, parseArguments } from './options.ts'

const inputs = { flags: {}, environment: {} }

function failure(act: () => unknown) {
  try {
    act()
  } catch (error) {
    if (isFaultlineError(error))
      return { code: error.code, text: `${error.message} ${error.remedy ?? ''}` }
    throw error
  }
  return undefined
}

describe('configuration', () => {
  it('[K9] a flag wins over the environment, that over the file, that over the default', () => {
    const file = { path: 'faultline.yaml', text: 'port: 1\nretention-days: 2\npartitions: 3\n' }
    const environment = { FAULTLINE_PORT: '4', FAULTLINE_RETENTION_DAYS: '5' }
    const settings = effectiveSettings({ flags: { port: 6 }, environment, file })
    const of = (name: string) => settings.find((setting) => setting.name === name)
    expect(of('port')).toEqual({ name: 'port', value: 6, source: 'flag' })
    expect(of('retention-days')).toEqual({
      name: 'retention-days',
      value: 5,
      source: 'environment',
    })
    expect(of('partitions')).toEqual({ name: 'partitions', value: 3, source: 'file' })
    expect(of('clickhouse-port')).toEqual({
      name: 'clickhouse-port',
      value: 8123,
      source: 'default',
    })
    expect(configOf(settings)).toMatchObject({ port: 6, retentionDays: 5, partitions: 3 })
  })

  it('[K9] unknown names are refused with the nearest known one', () => {
    expect(
      failure(() => effectiveSettings({ ...inputs, environment: { FAULTLINE_PROT: '1' } }))?.text,
    ).toContain('FAULTLINE_PORT')
    const file = { path: 'faultline.yaml', text: 'data_dir: x' }
    expect(failure(() => effectiveSettings({ ...inputs, file }))?.text).toContain('data-dir')
    expect(
      failure(() => parseArguments(['--prot', '1'], [{ name: 'port', type: 'number', about: '' }]))
        ?.text,
    ).toContain('--port')
  })

  it.each([
    ['--port', 'abc'],
    ['--port', '70000'],
    ['--port', '-1'],
    ['--port', ''],
  ])('a wrong value of %s (%j) names the option', (flag, value) => {
    const specs = [{ name: 'port', type: 'number', min: 0, max: 65535, about: '' }] as const
    expect(failure(() => parseArguments([flag, value], specs))).toMatchObject({ code: 'usage' })
  })

  it('a file that is no YAML or no list of settings is refused by name', () => {
    for (const text of ['a: [', '- 1', 'just text']) {
      expect(
        failure(() => effectiveSettings({ ...inputs, file: { path: 'f.yaml', text } }))?.text,
      ).toContain('f.yaml')
    }
    expect(
      failure(() => effectiveSettings({ ...inputs, file: { path: 'f.yaml', text: '' } })),
    ).toBeUndefined()
  })

  it('finds no nearest name where nothing is near', () => {
    expect(nearestName('prot', ['port', 'host'])).toBe('port')
    expect(nearestName('xyzzyxyzzy', ['port', 'host'])).toBeUndefined()
  })
})

describe('settings of a cluster', () => {
  const flagsOf = (flags: Record<string, string | boolean>) =>
    configOf(effectiveSettings({ ...inputs, flags }))
  const cluster = {
    'kafka-brokers': 'k1:9092, k2:9092',
    'registry-url': 'http://registry:8081',
    'clickhouse-url': 'http://clickhouse:8123/faultline',
  }

  it('[B11] a role is one part, some of them, or all', () => {
    expect(rolesOf(flagsOf({})).isWhole).toBe(true)
    expect(rolesOf(flagsOf({ ...cluster, role: 'sink' })).names).toEqual(['sink'])
    expect(rolesOf(flagsOf({ ...cluster, role: 'api,ingest' })).names).toEqual(['ingest', 'api'])
    const every = { ...cluster, role: 'ingest,processors,sink,api' }
    expect(rolesOf(flagsOf(every)).isWhole).toBe(true)
    const option = { name: 'role', type: 'text', isList: true, choices: ['all', 'api'] } as const
    expect(
      failure(() => parseArguments(['--role', 'apo'], [{ ...option, about: '' }]))?.text,
    ).toContain('all, api')
  })

  it.each([
    ['a part without Kafka', { role: 'sink' }, 'kafka-brokers'],
    [
      'a part with schemas of its own',
      { ...cluster, role: 'sink', 'registry-url': '' },
      'registry',
    ],
    ['every name while reads are open', { 'allowed-hosts': '*' }, 'read-access'],
    ['a broker without port', { 'kafka-brokers': 'kafka' }, 'host:port'],
    ['TLS without brokers', { 'kafka-tls': true }, 'kafka-brokers'],
    [
      'a login without password',
      { ...cluster, 'kafka-sasl': 'plain', 'kafka-user': 'u' },
      'FAULTLINE_KAFKA_PASSWORD',
    ],
    ['a password for nobody', { 'clickhouse-password': 'x' }, 'clickhouse-url'],
    ['no address', { 'clickhouse-url': 'clickhouse:8123' }, 'not an address'],
    ['a cluster that is SQL', { ...cluster, 'clickhouse-cluster': "a' (b" }, 'letters, digits'],
  ])('[K9] %s is refused by name', (_, flags, told) => {
    const given = Object.fromEntries(
      Object.entries(flags).filter(([, value]) => value !== ''),
    ) as Record<string, string | boolean>
    expect(failure(() => flagsOf(given))).toMatchObject({ code: 'config_invalid' })
    expect(failure(() => flagsOf(given))?.text).toContain(told)
  })

  it('[K9] a secret may lie in a file, and is given once', () => {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-secret-'))
    const file = join(dir, 'password')
    try {
      writeFileSync(file, 'from the file\n')
      const flags = { ...cluster, 'clickhouse-password-file': file }
      expect(flagsOf(flags).clickhousePassword).toBe('from the file')
      expect(failure(() => flagsOf({ ...flags, 'clickhouse-password': 'x' }))?.text).toContain(
        'both',
      )
      writeFileSync(file, '\n')
      expect(failure(() => flagsOf(flags))?.text).toContain('empty')
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it('[K9] variables that nobody set, as compose files hand them on, are not given', () => {
    const environment = { FAULTLINE_KAFKA_SASL: '', FAULTLINE_PARTITIONS: '' }
    expect(configOf(effectiveSettings({ ...inputs, environment })).partitions).toBe(1)
  })

  it('[K9] `faultline config` shows no secret', async () => {
    const secrets = {
      'kafka-password': 'hidden-1',
      'operator-token': 'hidden-2',
      'metrics-token': 'hidden-3',
    }
    const settings = effectiveSettings({
      ...inputs,
      flags: { ...secrets, 'clickhouse-url': 'http://me:hidden-4@host:8123/db' },
    })
    const shown = JSON.stringify(settings.map(shownValue))
    expect(shown).not.toContain('hidden')
    expect(shown).toContain('me:****@host')
    const stdout = new PassThrough()
    const io = { stdin: new PassThrough(), stdout, stderr: new PassThrough() }
    const args = ['--operator-token', 'hidden-5', '--registry-url', 'http://u:hidden-6@r']
    expect(await configCommand(args, io)).toBe(0)
    const text = String(stdout.read())
    expect(text).toContain('operator-token: ****')
    expect(text).not.toContain('hidden')
  })
})
