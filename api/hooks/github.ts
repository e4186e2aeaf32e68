import { given } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { firstText, notA, textAt, valueAt } from './hook.ts'
import type { Drawn, HookDefaults } from './hook.ts'

const COMMIT_CHARS = 12

/** GitHub's deliveries, by the kind its header names. What is no deployment is answered and passed over. */
export function githubEvents(kind: string, payload: unknown, defaults: HookDefaults): Drawn {
  switch (kind) {
    case 'deployment':
    case 'deployment_status':
      return deploymentEvents(kind, payload, defaults)
    case 'release':
      return releaseEvents(payload, defaults)
    default:
      return skipped(`deliveries of kind ${kind.slice(0, 40) || 'unknown'} are not used`)
  }
}

const skipped = (why: string): Drawn => ({ events: [], skipped: [why] })

/**
 * A deployment counts once: when it is made, or when a status first says that it succeeded, whichever is sent. One
 * that failed is a `custom` event.
 */
function deploymentEvents(kind: string, payload: unknown, defaults: HookDefaults): Drawn {
  const id = textAt(payload, 'deployment.id')
  if (id === '')
    throw notA(
      'GitHub',
      'deployment.id',
      'Choose the events “Deployments” and “Deployment statuses”.',
    )
  const state = kind === 'deployment' ? 'success' : textAt(payload, 'deployment_status.state')
  if (state === 'failure' || state === 'error')
    return { events: [failedDeployment(payload, { id, state, defaults })], skipped: [] }
  if (state !== 'success')
    return skipped(`a deployment that is ${state.slice(0, 40)} is no deploy yet`)
  return { events: [deployEvent(payload, { id, kind, defaults })], skipped: [] }
}

function deployEvent(
  payload: unknown,
  { id, kind, defaults }: { id: string; kind: string; defaults: HookDefaults },
): EventInput {
  const sha = textAt(payload, 'deployment.sha')
  const changeKind = firstText(payload, ['deployment.payload.change_kind'])
  return {
    ...shared(payload, defaults),
    event_type: 'deploy',
    event_id: `github-deploy-${id}`,
    ...given({
      occurred_at: textAt(payload, `${kind}.created_at`),
      release: releaseOf(payload, sha),
      message: textAt(payload, 'deployment.description'),
    }),
    attributes: {
      deploy_id: id,
      ...given({
        commit: sha,
        change_kind: changeKind,
        repository: textAt(payload, 'repository.full_name'),
        url: firstText(payload, ['deployment_status.log_url', 'deployment_status.target_url']),
      }),
    },
  }
}

function failedDeployment(
  payload: unknown,
  { id, state, defaults }: { id: string; state: string; defaults: HookDefaults },
): EventInput {
  return {
    ...shared(payload, defaults),
    event_type: 'custom',
    severity: 3,
    event_id: `github-deploy-${id}-${state}`,
    message: `deployment ended with ${state}`,
    ...given({ occurred_at: textAt(payload, 'deployment_status.created_at') }),
    attributes: {
      deploy_id: id,
      ...given({
        commit: textAt(payload, 'deployment.sha'),
        reason: textAt(payload, 'deployment_status.description'),
        repository: textAt(payload, 'repository.full_name'),
      }),
    },
  }
}

function shared(payload: unknown, defaults: HookDefaults): EventInput {
  return {
    service:
      firstText(payload, ['deployment.payload.service']) ||
      defaults.service ||
      firstText(payload, ['repository.name']) ||
      'github',
    ...given({
      environment: firstText(payload, ['deployment.environment']) || defaults.environment,
      user_id: firstText(payload, ['deployment.creator.login', 'sender.login']),
    }),
  }
}

/** What the payload calls its version, the tag that was deployed, or the commit, since a branch moves on. */
function releaseOf(payload: unknown, sha: string): string {
  const own = firstText(payload, ['deployment.payload.release', 'deployment.payload.version'])
  if (own !== '') return own
  const ref = textAt(payload, 'deployment.ref').replace(/^refs\/(?:tags|heads)\//, '')
  const isBranch =
    textAt(payload, 'deployment.ref').startsWith('refs/heads/') ||
    [textAt(payload, 'repository.default_branch'), 'main', 'master'].includes(ref)
  return ref === '' || ref === sha || isBranch ? sha.slice(0, COMMIT_CHARS) : ref
}

function releaseEvents(payload: unknown, defaults: HookDefaults): Drawn {
  const id = textAt(payload, 'release.id')
  const tag = textAt(payload, 'release.tag_name')
  if (id === '' || tag === '')
    throw notA('GitHub', 'release.tag_name', 'Choose the event “Releases”.')
  const action = textAt(payload, 'action')
  if (action !== 'published')
    return skipped(`a release that is ${action.slice(0, 40)} is no deploy`)
  const isEarly = valueAt(payload, 'release.prerelease') === true
  const event: EventInput = {
    ...shared(payload, defaults),
    event_type: 'deploy',
    event_id: `github-release-${id}`,
    release: tag,
    ...given({
      occurred_at: textAt(payload, 'release.published_at'),
      message: textAt(payload, 'release.name'),
      user_id: firstText(payload, ['release.author.login', 'sender.login']),
    }),
    attributes: {
      deploy_id: `release-${id}`,
      prerelease: isEarly,
      ...given({
        repository: textAt(payload, 'repository.full_name'),
        url: textAt(payload, 'release.html_url'),
      }),
    },
  }
  return { events: [event], skipped: [] }
}
