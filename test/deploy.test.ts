import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { configOf, effectiveSettings, environmentName } from '#/cli/config.ts'
import { CONFIG_OPTIONS } from '#/cli/settings.ts'
import { METRIC_CATALOGUE } from '#/kernel/metrics.ts'

// Nothing is applied to a cluster and no container is started. Kubernetes' own schemas (npm package kubernetes-models)
// tell wrong types and missing fields; they let unknown fields pass, so every field name used here is held to a list.
// Not checked: what only a cluster knows (quotas, admission, whether images and other objects exist).
const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const K8S = 'docker/k8s'
const require = createRequire(import.meta.url)

// The parser imports its schema without saying that it is JSON, which bundlers forgive and Node does not.
registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith('.json') ? { ...context, importAttributes: { type: 'json' } } : context),
})
const { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } =
  await import('@actions/workflow-parser')

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
  spec: Record<string, unknown>
  data?: Record<string, string>
}

interface Container {
  image: string
  args: string[]
  env: { name: string; value?: string }[]
  securityContext: object
  resources: { requests: object; limits: object }
  livenessProbe: { httpGet: { path: string } }
  readinessProbe: { httpGet: { path: string } }
  startupProbe: { httpGet: { path: string } }
}

const FILES = readdirSync(join(ROOT, K8S)).filter((name) => name !== 'kustomization.yaml')
const manifests: Manifest[] = FILES.flatMap((name) =>
  parseAllDocuments(read(`${K8S}/${name}`)).map((one) => one.toJS() as Manifest),
)
const ofKind = (kind: string): Manifest[] => manifests.filter((one) => one.kind === kind)
const podOf = ({ spec }: Manifest) =>
  (spec['template'] as { spec: { containers: Container[]; securityContext: object } }).spec
const workloads = [...ofKind('Deployment'), ...ofKind('StatefulSet')]

// Names of fields, wherever they stand; keys of maps people choose (labels, data …) are left out below.
const FIELDS = new Set(
  `apiVersion kind metadata name labels annotations spec replicas selector matchLabels strategy rollingUpdate
  maxUnavailable maxSurge template automountServiceAccountToken terminationGracePeriodSeconds securityContext runAsNonRoot
  runAsUser runAsGroup fsGroup seccompProfile type topologySpreadConstraints maxSkew topologyKey whenUnsatisfiable
  labelSelector containers image args ports containerPort envFrom configMapRef env value valueFrom secretKeyRef key
  startupProbe livenessProbe readinessProbe httpGet path port periodSeconds failureThreshold timeoutSeconds resources
  requests limits cpu memory storage allowPrivilegeEscalation readOnlyRootFilesystem capabilities drop volumeMounts
  mountPath readOnly volumes emptyDir sizeLimit secret secretName optional targetPort scaleTargetRef minReplicas
  maxReplicas metrics resource target averageUtilization behavior scaleDown stabilizationWindowSeconds data stringData
  ingressClassName tls hosts rules host http paths pathType backend service podSelector policyTypes ingress protocol
  serviceName volumeClaimTemplates accessModes`.split(/\s+/),
)
const FREE = new Set([
  'labels',
  'matchLabels',
  'annotations',
  'data',
  'stringData',
  'podSelector',
  'selector',
])

function unknownFields(value: unknown, path = ''): string[] {
  if (Array.isArray(value))
    return value.flatMap((one, index) => unknownFields(one, `${path}[${index}]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(FIELDS.has(name) ? [] : [`${path}.${name}`]),
    ...(FREE.has(name) ? [] : unknownFields(inner, `${path}.${name}`)),
  ])
}

/** What Kubernetes would refuse; empty for nothing. */
function complaint(manifest: Manifest): string {
  const group = manifest.apiVersion === 'v1' ? 'v1' : manifest.apiVersion
  const models = require(`kubernetes-models/${group}`) as Record<
    string,
    new (value: object) => { validate(): void }
  >
  const Model = models[manifest.kind]
  if (Model === undefined) return `there is no ${manifest.kind} in ${manifest.apiVersion}`
  try {
    new Model(manifest).validate()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return unknownFields(manifest).join(', ')
}

describe('Kubernetes', () => {
  it.each(manifests.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))(
    '[K6] %s is what its schema allows',
    (_, manifest) => {
      expect(complaint(manifest)).toBe('')
    },
  )

  it('[K6] a wrong type, an unknown field and an unknown kind are noticed (negative control)', () => {
    const good = ofKind('Deployment')[0]!
    expect(complaint({ ...good, spec: { ...good.spec, replicas: 'two' } })).toContain('replicas')
    expect(complaint({ ...good, spec: { ...good.spec, replica: 2 } })).toBe('.spec.replica')
    expect(complaint({ ...good, kind: 'Deploiment' })).toContain('no Deploiment')
    expect(complaint({ ...good, spec: {} })).not.toBe('')
  })

  it('[K6] every role runs, probed, limited, as nobody special, and may not all go at once', () => {
    const roles = workloads.map((one) => podOf(one).containers[0]!.args.join(' ')).toSorted()
    expect(roles).toEqual([
      'start',
      ...['api', 'ingest', 'processors', 'sink'].map((role) => `start --role ${role}`),
    ])
    for (const workload of workloads) {
      const { containers, securityContext } = podOf(workload)
      expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
      const [container] = containers
      expect(container).toMatchObject({
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        livenessProbe: { httpGet: { path: '/health/live' } },
        startupProbe: { httpGet: { path: '/health/live' } },
        readinessProbe: { httpGet: { path: '/health/ready' } },
        resources: {
          requests: { cpu: expect.anything() as string },
          limits: { memory: expect.anything() as string },
        },
      })
      expect(container!.image).toMatch(/^faultline:\d+\.\d+\.\d+$/)
    }
    const budgets = ofKind('PodDisruptionBudget').map(({ metadata }) => metadata.name)
    expect(budgets.toSorted()).toEqual(
      ofKind('Deployment')
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    )
  })

  it('[K6] what is referred to is there: objects, files, ports', () => {
    const names = new Set(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`))
    for (const { spec } of ofKind('HorizontalPodAutoscaler')) {
      const { kind, name } = spec['scaleTargetRef'] as { kind: string; name: string }
      expect(names).toContain(`${kind} ${name}`)
    }
    const { resources } = parse(read(`${K8S}/kustomization.yaml`)) as { resources: string[] }
    // The others are for those who want them: one pod instead of many, and a secret as it could look.
    const rest = FILES.filter((name) => !resources.includes(name))
    expect(rest.toSorted()).toEqual(['secret.example.yaml', 'single.yaml'])
    expect(resources.every((name) => FILES.includes(name))).toBe(true)
    const ingress = read(`${K8S}/ingress.yaml`)
    for (const [, service] of ingress.matchAll(/service: \{ name: ([\w-]+)/g))
      expect(names).toContain(`Service ${service}`)
  })

  it('[K6] the settings are accepted by the configuration, for every role', () => {
    const { data = {} } = ofKind('ConfigMap')[0]!
    const known = new Set(CONFIG_OPTIONS.map((option) => environmentName(option.name)))
    for (const workload of workloads) {
      const { args, env } = podOf(workload).containers[0]!
      const own = Object.fromEntries(env.map(({ name, value = 'x' }) => [name, value]))
      const isWhole = args.length === 1
      const environment = { ...(isWhole ? {} : data), ...own }
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([])
      const flags = isWhole ? {} : { role: args[2] }
      expect(() => configOf(effectiveSettings({ flags, environment }))).not.toThrow()
    }
  })

  it('[K6] kubectl reads them the same way', (context) => {
    const kubectl = spawnSync('kubectl', ['kustomize', join(ROOT, K8S)], { encoding: 'utf8' })
    if (kubectl.error !== undefined || /dispatcher|not found/.test(kubectl.stderr)) {
      process.stderr.write('\nSKIPPED, NOT PASSED: the kustomization; there is no kubectl here\n\n')
      context.skip('there is no kubectl here')
    }
    expect(kubectl.stderr).toBe('')
    const objects = parseAllDocuments(kubectl.stdout).length
    expect(objects).toBe(
      manifests.filter(({ kind }) => !['Secret', 'StatefulSet'].includes(kind)).length - 1,
    )
  })
})

describe('the workflow of GitHub', () => {
  const name = '.github/workflows/checks.yml'
  const problemsOf = async (content: string): Promise<string[]> => {
    const trace = new NoOperationTraceWriter()
    const { context, value } = parseWorkflow({ name, content }, trace)
    if (value !== undefined) await convertWorkflowTemplate(context, value)
    return context.errors.getErrors().map(({ message }) => message)
  }

  it('[K7] is one, by the parser of GitHub’s own tools', async () => {
    expect(await problemsOf(read(name))).toEqual([])
  })

  it('[K7] a wrong key, an unknown event and a broken expression are noticed (negative control)', async () => {
    const text = read(name)
    for (const [was, is] of [
      ['timeout-minutes', 'timeout-minuets'],
      ['pull_request:', 'pull_requests:'],
      ['${{ github.actor }}', '${{ github.actor( }}'],
    ] as const)
      expect(await problemsOf(text.replace(was, is)), is).not.toEqual([])
  })

  it('[K7] runs what developers run, with no more rights than it needs', () => {
    const workflow = parse(read(name)) as {
      permissions: object
      jobs: Record<
        string,
        { steps: { run?: string; uses?: string; with?: object }[]; 'timeout-minutes': number }
      >
    }
    expect(workflow.permissions).toEqual({ contents: 'read' })
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts)
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)
    const called = steps.flatMap(({ run = '' }) => /^npm (?:run )?(\w+)/.exec(run)?.[1] ?? [])
    expect(called).toEqual(['ci', 'check', 'test'])
    expect(called.filter((one) => one !== 'ci' && !scripts.includes(one))).toEqual([])
    expect(steps.filter(({ uses = '@v1' }) => !/@v\d+$/.test(uses))).toEqual([])
    expect(Object.values(workflow.jobs).every((job) => job['timeout-minutes'] > 0)).toBe(true)
  })
})

describe('the image', () => {
  it('[K5] is small, runs as nobody special, and says how it is', () => {
    const text = read('Dockerfile')
    const last = text.slice(text.lastIndexOf('\nFROM '))
    expect(last).toContain('bookworm-slim')
    expect(last).toMatch(/^USER node$/m)
    expect(last).toMatch(/^HEALTHCHECK .*\n.*healthcheck\.js", "live"/m)
    expect(text).toContain('npm prune --omit=dev')
    // Nothing of the developer's machine gets in.
    const ignored = read('.dockerignore').split('\n')
    for (const name of ['.git', '.env', '**/node_modules', 'data']) expect(ignored).toContain(name)
  })
})

describe('proxies', () => {
  it('[K7] pass live streams unbuffered, WebSockets, and the host under which they were asked', () => {
    const nginx = read('docker/proxy/nginx.conf')
    for (const line of [
      'proxy_buffering off;',
      'proxy_set_header Upgrade $http_upgrade;',
      'proxy_set_header Host $host;',
      'proxy_read_timeout 1h;',
    ])
      expect(nginx).toContain(line)
    expect(nginx.split('{').length).toBe(nginx.split('}').length)
    const caddy = read('docker/proxy/Caddyfile')
    expect(caddy).toContain('flush_interval -1')
    expect(caddy.split('{').length).toBe(caddy.split('}').length)
  })
})

describe('the dashboard of Grafana', () => {
  it('[K2] asks only for metrics there are, with labels they have', () => {
    const { panels } = JSON.parse(read('docker/grafana/dashboards/faultline.json')) as {
      panels: { title: string; targets?: { expr: string }[] }[]
    }
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(queries.length).toBeGreaterThan(8)
    for (const query of queries) {
      const names = [...query.matchAll(/faultline_[a-z_]+/g)].map(([name]) => name)
      expect(names.length, query).toBeGreaterThan(0)
      for (const name of names) {
        const base = name.replace(/_(bucket|sum|count)$/, '')
        expect(Object.keys(METRIC_CATALOGUE), query).toContain(
          name in METRIC_CATALOGUE ? name : base,
        )
      }
    }
  })
})

describe('docs/scale.md', () => {
  const page = read('docs/scale.md')

  it('[K10] takes its measured costs from measurements.md, and its plan from them', () => {
    const measured = read('docs/measurements.md')
    for (const figure of ['65,764', '14.0', '36.7 / 11.7 / 33.4', '35.1 / 13.8 / 38.7'])
      expect(measured).toContain(figure)
    for (const figure of [
      '65,764',
      '14.0 µs',
      '35.1 to 36.7 µs',
      '11.7 to 13.8 µs',
      '33.4 to 38.7 µs',
    ])
      expect(page).toContain(figure)
    const rows = [...page.matchAll(/^\| [^|]+ \| (\d+) \| (\d+) \| (\d+)/gm)].map((row) =>
      row.slice(1).map(Number),
    )
    expect(rows).toHaveLength(3)
    // A microsecond an event is a core at a million a second; at 60 % busy it takes 1/0.6 of it.
    for (const [cost = 0, busy = 0, provided = 0] of rows) {
      expect(busy).toBe(cost)
      expect(provided).toBe(Math.round(cost / 0.6))
    }
  })

  it('[K12] tells about regions: where the order is, what a cut costs, how to move', () => {
    const regions = page.split('\n## Regions\n')[1]?.split('\n## ')[0] ?? ''
    for (const word of [
      'home region',
      'MirrorMaker',
      'processors',
      'late events',
      'stay in its region',
    ])
      expect(regions).toContain(word)
    // What is planned is not sold as there.
    expect(page).toContain('What was not tried')
  })
})
