import type { FastifyRequest } from 'fastify'
import { authorize, presentsKey } from '#/api/auth.ts'
import type { AppDeps } from '#/api/deps.ts'
import { batchOf, bytesOf, parseJson } from '#/api/ingest/body.ts'
import { DOOR_PROBLEMS, refuseIfNothing } from '#/api/ingest/door.ts'
import { list, text } from '#/api/params.ts'
import type { Params } from '#/api/params.ts'
import { PROJECT_NAME } from '#/api/project-name.ts'
import { route } from '#/api/route.ts'
import type { Call, Route } from '#/api/route.ts'
import type { IngestParts } from '#/api/routes/ingest.ts'
import { FaultlineError } from '#/kernel/errors.ts'
import { alertEvents } from './alertmanager.ts'
import { githubEvents } from './github.ts'
import { isSigned } from './hook.ts'
import type { Drawn, HookDefaults } from './hook.ts'
import { mappedEvents, readPairs } from './mapping.ts'
import type { HookMapping } from './mapping.ts'
import { sentryHookEvents } from './sentry-webhook.ts'

/** What hooks are told by the configuration. */
export interface HookSettings {
  githubSecret?: string | undefined
  sentrySecret?: string | undefined
  /** Of the generic hook, by name. */
  mappings: ReadonlyMap<string, HookMapping>
}

/** Larger than any alert; GitHub's own limit is 25 MB, of which deployments need a few kilobytes. */
const BODY_BYTES_MAX = 2 * 1024 * 1024

const DEFAULTS = {
  service: text('The service of what names none.', 200),
  environment: text('The environment of what names none.', 200),
}

interface Hook {
  name: string
  about: string
  /** A header with the signature of the body, for senders that cannot send a key. */
  signature?: {
    header: string
    secretOf: (settings: HookSettings) => string | undefined
    setting: string
  }
  read: (payload: unknown, call: Call, defaults: HookDefaults) => Drawn
}

const headerOf = ({ request }: Call, name: string): string => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

const HOOKS: readonly Hook[] = [
  {
    name: 'alertmanager',
    about: 'Alerts of Prometheus’ Alertmanager, firing and resolved.',
    read: (payload, _call, defaults) => alertEvents(payload, defaults),
  },
  {
    name: 'grafana',
    about: 'Alerts of Grafana’s unified alerting, firing and resolved.',
    read: (payload, _call, defaults) => alertEvents(payload, defaults),
  },
  {
    name: 'github',
    about: 'Deployments, their statuses and releases of GitHub become deploys.',
    signature: {
      header: 'x-hub-signature-256',
      secretOf: ({ githubSecret }) => githubSecret,
      setting: 'github-webhook-secret',
    },
    read: (payload, call, defaults) =>
      githubEvents(headerOf(call, 'x-github-event'), payload, defaults),
  },
  {
    name: 'sentry',
    about: 'Errors, issues and alerts of a Sentry integration.',
    signature: {
      header: 'sentry-hook-signature',
      secretOf: ({ sentrySecret }) => sentrySecret,
      setting: 'sentry-webhook-secret',
    },
    read: (payload, call, defaults) =>
      sentryHookEvents(headerOf(call, 'sentry-hook-resource'), payload, defaults),
  },
]

/** Where other systems tell of alerts and deployments. */
export function hookRoutes(deps: AppDeps, parts: IngestParts): readonly Route[] {
  const desk: Desk = { deps, parts, settings: deps.hooks ?? { mappings: new Map() } }
  return [
    ...HOOKS.map((hook) =>
      hookRoute(desk, hook, {
        query: DEFAULTS,
        handle: (call) => takeHook(desk, hook, call),
      }),
    ),
    hookRoute(desk, GENERIC_HOOK, {
      query: GENERIC,
      handle: (call) => takeGeneric(desk, call),
    }),
  ]
}

interface Desk {
  deps: AppDeps
  parts: IngestParts
  settings: HookSettings
}

function hookRoute<Q extends Params>(
  desk: Desk,
  hook: Pick<Hook, 'name' | 'about' | 'signature'>,
  { query, handle }: Pick<Route<Q>, 'query' | 'handle'>,
): Route {
  return route({
    method: 'POST',
    path: `/v1/hooks/${hook.name}`,
    tag: 'ingest',
    summary: hook.about,
    access: hook.signature === undefined ? 'ingest' : 'own',
    query,
    body: {
      about: 'The payload as its sender makes it.',
      types: ['application/json'],
      schema: { type: 'object' },
    },
    answer: {
      status: 202,
      about: 'Durable: how many events were made, what was refused, and what was passed over.',
      type: 'application/json',
      schema: { $ref: '#/components/schemas/HookAnswer' },
    },
    problems: [
      'unauthorized',
      'forbidden',
      'invalid_json',
      'invalid_request',
      'invalid_event',
      'invalid_encoding',
      'body_too_large',
      ...DOOR_PROBLEMS,
    ],
    bodyBytesMax: BODY_BYTES_MAX,
    ...(hook.signature === undefined
      ? {}
      : { admit: (request: FastifyRequest) => admit(desk, hook, request) }),
    handle,
  })
}

/** A key opens every hook; without one the body must be signed, which is seen once it is there. */
function admit(
  { deps, settings }: Desk,
  { signature }: Pick<Hook, 'signature'>,
  request: FastifyRequest,
): void | Promise<void> {
  if (presentsKey(request)) return authorize(deps, request, 'ingest')
  const { header = '', setting = '' } = signature ?? {}
  if (signature?.secretOf(settings) === undefined)
    throw new FaultlineError('unauthorized', 'This hook needs an API key or a signature.', {
      remedy: `Send x-api-key, or set ${setting} here to the secret of the webhook.`,
    })
  if (request.headers[header] === undefined)
    throw new FaultlineError('unauthorized', `The header ${header} is missing.`, {
      remedy: 'Give the webhook its secret.',
    })
}

async function takeHook(desk: Desk, hook: Hook, call: Call<typeof DEFAULTS>): Promise<void> {
  // As it came: a signature is one of these bytes.
  const body = await bytesOf(call.request)
  if (hook.signature !== undefined && call.key === undefined) {
    const { header, secretOf, setting } = hook.signature
    if (!isSigned(body, secretOf(desk.settings) ?? '', headerOf(call, header)))
      throw new FaultlineError('unauthorized', 'The signature does not fit the body.', {
        path: header,
        remedy: `The secret of the webhook and ${setting} must be the same.`,
      })
  }
  await take(desk, call, hook.read(parseJson(body), call, call.query))
}

const GENERIC = {
  ...DEFAULTS,
  mapping: text('Name of a mapping in the file of the setting hook-mappings.', 64),
  items: text('Where the list of things stands in the payload; each becomes an event.'),
  map: list('Event fields and attributes from paths: `message=alert.text,host=labels.pod`.'),
  set: list('Event fields and attributes with a fixed text: `event_type=error`.'),
}

const GENERIC_HOOK = {
  name: 'generic',
  about: 'Any JSON, by a mapping of the configuration or of the address.',
}

async function takeGeneric(desk: Desk, call: Call<typeof GENERIC>): Promise<void> {
  const { mapping: name, items, map, set } = call.query
  const named = desk.settings.mappings.get(name)
  if (name !== '' && named === undefined)
    throw new FaultlineError('invalid_request', `There is no mapping ${name}.`, {
      path: 'mapping',
      remedy: 'Name one of the file of the setting hook-mappings.',
    })
  const mapping: HookMapping = {
    items: items === '' ? (named?.items ?? '') : items,
    map: { ...named?.map, ...readPairs(map, 'map') },
    set: { ...named?.set, ...readPairs(set, 'set') },
  }
  const payload = parseJson(await bytesOf(call.request))
  await take(desk, call, mappedEvents(payload, mapping, call.query))
}

async function take(
  { parts }: Desk,
  { key, project, reply }: Pick<Call, 'key' | 'project' | 'reply'>,
  { events, skipped }: Drawn,
): Promise<void> {
  if (!PROJECT_NAME.test(project))
    throw new FaultlineError('invalid_request', 'This is no name of a project.', {
      path: 'project',
    })
  parts.rate.take(key?.id ?? '', Math.max(1, events.length))
  const accepted = await parts.door.accept(batchOf(events), { project })
  refuseIfNothing(accepted)
  const { count, rejected } = accepted
  void reply
    .code(202)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify({ accepted: count, rejected, skipped }))
}
