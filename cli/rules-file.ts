import { readFileSync } from 'node:fs'
import { parse as parseYaml } from 'yaml'
import { FaultlineError, isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { FingerprintRule } from '#/processors/domain/grouping/fingerprint-rules.ts'
import { checkRules } from '#/processors/domain/grouping/rule-check.ts'
import { DEFAULT_INCIDENT_POLICY, incidentPolicy } from '#/processors/domain/incident/policy.ts'
import type { IncidentPolicy } from '#/processors/domain/incident/policy.ts'
import { parseTopology } from '#/processors/domain/incident/service-graph.ts'
import type { TopologyService } from '#/processors/domain/incident/service-graph.ts'
import { unknownName } from './options.ts'

/** What a rules file says; what it does not name stays as it is. */
export interface Rules {
  /** All rules for grouping, the first that matches decides. */
  fingerprintRules?: readonly FingerprintRule[]
  policy?: Partial<IncidentPolicy>
  topology?: readonly TopologyService[]
}

const KEYS = ['fingerprints', 'incidents', 'topology']

/** Reads a file of JSON or YAML. Fails with `usage` or `config_invalid`. */
export function readSetting<T>(path: unknown, parse: (value: unknown) => T): T | undefined {
  if (typeof path !== 'string') return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new FaultlineError('usage', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
  try {
    return parse(parseYaml(text))
  } catch (error) {
    if (isFaultlineError(error)) throw error
    throw new FaultlineError('config_invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
}

/** Refuses what it does not know, with the nearest name it does. */
export function parseRules(value: unknown): Rules {
  if (!isObject(value))
    throw new FaultlineError('config_invalid', 'rules must be an object', { path: '$' })
  for (const name of Object.keys(value))
    if (!KEYS.includes(name)) throw unknownName('rule', name, KEYS)
  const { fingerprints, incidents, topology } = value
  return {
    ...(fingerprints === undefined ? {} : { fingerprintRules: fingerprintsOf(fingerprints) }),
    ...(incidents === undefined ? {} : { policy: policyOf(incidents) }),
    ...(topology === undefined ? {} : { topology: parseTopology(topology) }),
  }
}

function fingerprintsOf(value: unknown): readonly FingerprintRule[] {
  const checked = checkRules(value)
  if (checked.problem === undefined) return checked.rules
  const path = `$.${checked.problem.path.replace(/^rules/, 'fingerprints')}`
  throw new FaultlineError('config_invalid', `${path} ${checked.problem.detail}`, { path })
}

function policyOf(value: unknown): Partial<IncidentPolicy> {
  if (!isObject(value))
    throw new FaultlineError('config_invalid', 'incidents must be an object', {
      path: '$.incidents',
    })
  const known = Object.keys(DEFAULT_INCIDENT_POLICY)
  for (const name of Object.keys(value))
    if (!known.includes(name)) throw unknownName('rule', `incidents.${name}`, known)
  incidentPolicy(value)
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
