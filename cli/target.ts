import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FaultlineError } from '#/kernel/errors.ts'
import { environmentValue } from './config.ts'
import type { OptionSpec, OptionValues } from './options.ts'

/** Options of commands that talk to a running platform. */
export const TARGET_OPTIONS = [
  {
    name: 'url',
    type: 'text',
    value: 'address',
    about:
      'the platform (default FAULTLINE_URL, else the one that runs on the data folder, else http://127.0.0.1:3000)',
  },
  {
    name: 'key',
    type: 'text',
    value: 'key',
    secret: true,
    about: 'API key (default FAULTLINE_KEY, or <data-dir>/ingest-key)',
  },
  {
    name: 'data-dir',
    type: 'text',
    default: './data',
    value: 'folder',
    about: 'where to find the key of a platform on this machine',
  },
] as const satisfies readonly OptionSpec[]

export interface Target {
  url: string
  key: string
}

export function targetUrl(given: OptionValues): string {
  const url = typeof given['url'] === 'string' ? given['url'] : environmentValue('FAULTLINE_URL')
  if (url !== undefined && !URL.canParse(url))
    throw new FaultlineError('usage', `--url is not an address: ${url}`)
  return url ?? announcedUrl(folderOf(given)) ?? 'http://127.0.0.1:3000'
}

export function folderOf(given: OptionValues): string {
  return resolve(typeof given['data-dir'] === 'string' ? given['data-dir'] : './data')
}

/** The address a running platform left in its data folder. */
function announcedUrl(folder: string): string | undefined {
  const file = join(folder, 'platform-url')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** Where to send, and with which key. Fails with a remedy when there is no key anywhere. */
export function targetOf(given: OptionValues): Target {
  const url = targetUrl(given)
  const key = typeof given['key'] === 'string' ? given['key'] : environmentValue('FAULTLINE_KEY')
  if (key !== undefined) return { url, key }
  const file = join(folderOf(given), 'ingest-key')
  try {
    return { url, key: readFileSync(file, 'utf8').trim() }
  } catch (error) {
    throw new FaultlineError(
      'usage',
      `no API key: neither --key nor FAULTLINE_KEY is given, and ${file} cannot be read`,
      {
        cause: error,
        remedy:
          'make one with `npx faultline keys create`, or name the folder of the platform with --data-dir',
      },
    )
  }
}
