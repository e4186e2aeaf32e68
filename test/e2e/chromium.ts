/** Finds a browser for the tests of pages. It never downloads one: it says how to get it. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'

import { chromium, type Browser } from 'playwright-core'

const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

export const CHROMIUM_REMEDY =
  'No Chromium was found. Install one (Debian, Ubuntu: apt-get update && apt-get install -y ' +
  '--no-install-recommends chromium) or set CHROMIUM_PATH to its executable.'

/** Path of an executable, or null. A wrong CHROMIUM_PATH is an error, not a reason to look elsewhere. */
export async function findChromium(): Promise<string | null> {
  const named = process.env['CHROMIUM_PATH']
  if (named !== undefined && named !== '') {
    await access(named, constants.X_OK)
    return named
  }
  for (const path of USUAL_PATHS) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return path
  }
  return null
}

/** Headless, software rendering, no sandbox (containers have none to offer), no traffic of its own. */
export async function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
}
