import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parse as parseYaml } from 'yaml'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import {
  allowedAddresses,
  hostOf,
  isAllowedHost,
  mayReach,
  type AllowedAddresses,
} from '#/processors/domain/notify/address.ts'
import { REASONS, type Reason, type TargetKind } from '#/processors/domain/notify/notification.ts'
import { keyOfSecret } from '#/processors/domain/notify/signature.ts'
import type { Rotation } from '#/processors/domain/notify/rotation.ts'
import type { SecretTarget } from '#/processors/notify/stage.ts'
import { checkedObject, wrongAt, type CheckedObject } from './checked-object.ts'
import { rotationOf } from './rotation-config.ts'

export interface NotifyConfig {
  targets: readonly SecretTarget[]
  allowed: AllowedAddresses
  timeoutMs: number
  ageMsMax: number
  rotation: Rotation | undefined
}

const KINDS: readonly TargetKind[] = ['webhook', 'slack', 'pagerduty']
const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue'
const MINUTE_MS = 60_000
const TARGETS_MAX = 50
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/
const TARGET_FIELDS = [
  'name',
  'kind',
  'url',
  'url-file',
  'secret',
  'secret-file',
  'routing-key',
  'routing-key-file',
  'severity-max',
  'projects',
  'services',
  'tell',
  'unacknowledged-min',
]

/** Reads the setting `notify`: a file of YAML or JSON, or the JSON itself. Undefined where nobody is notified. */
export function readNotify(setting: string | undefined): NotifyConfig | undefined {
  if (setting === undefined) return undefined
  if (setting.trimStart().startsWith('{')) return parseNotify(parsed(setting, 'notify'))
  let text: string
  try {
    text = readFileSync(setting, 'utf8')
  } catch (error) {
    throw new FaultlineError(
      'config_invalid',
      `the file ${setting} cannot be read: ${messageOf(error)}`,
      {
        path: 'notify',
        cause: error,
      },
    )
  }
  return parseNotify(parsed(text, setting))
}

function parsed(text: string, where: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    throw new FaultlineError('config_invalid', `${where} is not valid YAML: ${messageOf(error)}`, {
      path: 'notify',
      cause: error,
    })
  }
}

/** What `faultline config` shows of it: names, nothing secret. */
export function shownNotify(setting: string): string {
  if (!setting.trimStart().startsWith('{')) return setting
  const { targets } = parseNotify(parsed(setting, 'notify'))
  return `targets ${targets.map(({ name }) => name).join(', ')}`
}

export function parseNotify(value: unknown): NotifyConfig {
  const fields = checkedObject(value, 'notify', [
    'targets',
    'allow',
    'timeout-ms',
    'age-max-min',
    'on-call',
  ])
  const allowed = allowedOf(fields)
  const targets = fields.objects('targets', (one, path) => targetOf(one, path, allowed))
  if (targets.length > TARGETS_MAX) throw wrongAt('notify.targets', `has more than ${TARGETS_MAX}`)
  for (const [index, { name }] of targets.entries())
    if (targets.findIndex((one) => one.name === name) !== index)
      throw wrongAt(`notify.targets[${index}].name`, `${name} is there twice`)
  return {
    targets,
    allowed,
    timeoutMs: fields.number('timeout-ms', { min: 100, max: 60_000, fallback: 10_000 }),
    ageMsMax: fields.number('age-max-min', { min: 1, max: 10_080, fallback: 60 }) * MINUTE_MS,
    rotation: fields.has('on-call')
      ? rotationOf(fields.raw('on-call'), 'notify.on-call')
      : undefined,
  }
}

function allowedOf(fields: CheckedObject): AllowedAddresses {
  const entries = fields.texts('allow')
  for (const [index, entry] of entries.entries()) {
    const [address = '', bits, ...more] = entry.split('/')
    const version = isIP(address)
    const isRange = version !== 0 && more.length === 0 && isBits(bits, version === 6 ? 128 : 32)
    if (!isRange && !/^[\w.-]+$/.test(entry))
      throw wrongAt(
        `notify.allow[${index}]`,
        `${entry} is no address, range or host name`,
        'Write for instance 10.1.0.0/16 or hooks.internal.',
      )
  }
  return allowedAddresses(entries)
}

function isBits(text: string | undefined, max: number): boolean {
  return text === undefined || (/^\d{1,3}$/.test(text) && Number(text) <= max)
}

function targetOf(value: unknown, path: string, allowed: AllowedAddresses): SecretTarget {
  const fields = checkedObject(value, path, TARGET_FIELDS)
  const name = fields.text('name')
  if (!NAME.test(name)) throw wrongAt(`${path}.name`, 'takes up to 40 of a-z, 0-9 and -')
  const kind = fields.oneOf('kind', KINDS)
  const url = addressOf(fields, kind, allowed)
  const after = 'unacknowledged-min'
  return {
    name,
    kind,
    url,
    severityMax: fields.number('severity-max', { min: 1, max: 5, fallback: 3 }),
    projects: fields.texts('projects'),
    services: fields.texts('services'),
    reasons: reasonsOf(fields),
    unacknowledgedMs: fields.has(after)
      ? fields.number(after, { min: 1, max: 1440, fallback: 0 }) * MINUTE_MS
      : null,
    key: kind === 'webhook' ? keyAt(fields) : Buffer.alloc(0),
    routingKey: kind === 'pagerduty' ? secretAt(fields, 'routing-key') : '',
  }
}

function keyAt(fields: CheckedObject): Buffer {
  try {
    return keyOfSecret(secretAt(fields, 'secret'))
  } catch (error) {
    if (!(error instanceof FaultlineError) || error.path !== undefined) throw error
    throw wrongAt(`${fields.path}.secret`, error.message, error.remedy)
  }
}

function reasonsOf(fields: CheckedObject): readonly Reason[] {
  const wanted = fields.has('tell') ? fields.texts('tell') : REASONS
  return wanted.map((one, index) => {
    const found = REASONS.find((reason) => reason === one)
    if (found !== undefined) return found
    throw wrongAt(`${fields.path}.tell[${index}]`, `must be one of ${REASONS.join(', ')}`)
  })
}

/** A secret given itself, or as the file that holds it. */
function secretAt(fields: CheckedObject, name: string, fallback?: string): string {
  const file = `${name}-file`
  if (!fields.has(file)) return fields.text(name, fallback)
  if (fields.has(name)) throw wrongAt(`${fields.path}.${file}`, `is given beside ${name}`)
  const path = fields.text(file)
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw wrongAt(`${fields.path}.${file}`, `cannot be read: ${messageOf(error)}`)
  }
  if (text === '') throw wrongAt(`${fields.path}.${file}`, 'names an empty file')
  return text
}

/** The address itself is secret with Slack, so it is not repeated in errors. */
function addressOf(fields: CheckedObject, kind: TargetKind, allowed: AllowedAddresses): string {
  const text = secretAt(fields, 'url', kind === 'pagerduty' ? PAGERDUTY_URL : undefined)
  const path = `${fields.path}.url`
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw wrongAt(path, 'is not an address', 'Write for instance https://hooks.example/incidents.')
  if (url.username !== '' || url.password !== '')
    throw wrongAt(path, 'must hold no user or password', 'Webhooks are signed instead.')
  const host = hostOf(url)
  const isAllowed = isAllowedHost(host, allowed) || (isIP(host) !== 0 && mayReach(host, allowed))
  if (isIP(host) !== 0 && !isAllowed)
    throw wrongAt(
      path,
      `leads to ${host}, which is not public`,
      'Name it under notify.allow if it is meant.',
    )
  if (url.protocol === 'http:' && !isAllowed)
    throw wrongAt(
      path,
      'must begin with https:',
      'Only hosts under notify.allow are told without TLS.',
    )
  return url.href
}
