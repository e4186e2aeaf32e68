import type { OptionSpec } from './options.ts'
import { secret } from './secret-option.ts'

/** Who may have an account, and where people sign in. */
export const ACCOUNT_OPTIONS = [
  {
    name: 'registration',
    type: 'text',
    default: 'invitation',
    choices: ['invitation', 'open'],
    value: 'how',
    about: 'who may make an account: the invited, or everybody who reaches the page (as viewer)',
  },
  {
    name: 'oidc-issuer',
    type: 'text',
    isAddress: true,
    value: 'address',
    about: 'OpenID Connect issuer people may sign in at; needs oidc-client-id',
  },
  { name: 'oidc-client-id', type: 'text', value: 'text', about: 'how the issuer calls Faultline' },
  ...secret('oidc-client-secret', 'secret the issuer knows Faultline by, where it wants one'),
  {
    name: 'oidc-algorithm',
    type: 'text',
    default: 'RS256',
    choices: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    value: 'name',
    about: 'the one algorithm the issuer signs with',
  },
  {
    name: 'oidc-groups-claim',
    type: 'text',
    default: 'groups',
    value: 'name',
    about: 'the claim that lists a person’s groups; cognito:groups at Cognito',
  },
  {
    name: 'oidc-admin-groups',
    type: 'text',
    value: 'names',
    about: 'groups whose members are administrators, separated by commas',
  },
  {
    name: 'oidc-responder-groups',
    type: 'text',
    value: 'names',
    about: 'groups whose members are responders',
  },
  {
    name: 'oidc-viewer-groups',
    type: 'text',
    value: 'names',
    about: 'groups whose members are viewers; * is everybody who can sign in there',
  },
] as const satisfies readonly OptionSpec[]

export interface AccountSettings {
  registration: 'invitation' | 'open'
  oidcIssuer: string | undefined
  oidcClientId: string | undefined
  oidcClientSecret: string | undefined
  oidcAlgorithm: string
  oidcGroupsClaim: string
  oidcAdminGroups: string | undefined
  oidcResponderGroups: string | undefined
  oidcViewerGroups: string | undefined
}
