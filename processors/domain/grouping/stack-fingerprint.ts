import { cleanFrame, type CleanFrame } from './frame-clean.ts'
import { IN_APP_RULES, type InAppRules } from './in-app-rules.ts'
import type { Frame, ParsedException, ParsedStack, Platform } from './stack-frame.ts'

export interface StackFingerprint {
  /** What is hashed: types of the chain and the chosen frames, joined unambiguously by the caller. */
  parts: string[]
  /** Which variant the parts are. */
  variant: 'in-app' | 'all'
  frameCount: number
  culprit?: string
}

/** Frames near the throw that are looked at; what is further out is cut off by many loggers. */
const WINDOW_FRAMES = 8

interface Candidate extends CleanFrame {
  inApp: boolean
  isNoise: boolean
  raw: Frame
}

/** Undefined when no frame tells anything. */
export function fingerprintStack(parsed: ParsedStack): StackFingerprint | undefined {
  const parts: string[] = []
  let variant: StackFingerprint['variant'] = 'all'
  let frameCount = 0
  let culprit: string | undefined
  parsed.exceptions.forEach((exception, index) => {
    const chosen = chooseFrames(exception, parsed.platform)
    if (index === 0 && chosen.some((one) => one.inApp)) variant = 'in-app'
    if (index > 0 || exception.type !== undefined) parts.push(`type ${exception.type ?? ''}`)
    for (const { place, name } of chosen) parts.push(`frame ${place} ${name}`)
    frameCount += chosen.length
    culprit ??= chosen[0] === undefined ? undefined : describe(chosen[0])
  })
  if (frameCount === 0) return undefined
  const result: StackFingerprint = { parts, variant, frameCount }
  if (culprit !== undefined) result.culprit = culprit
  return result
}

function describe({ raw, name: cleaned, place }: Candidate): string {
  const name = raw.function ?? cleaned
  const file = raw.file ?? raw.module ?? place
  return file === '' ? name : `${name === '' ? '<anonymous>' : name} (${file})`
}

function chooseFrames(exception: ParsedException, platform: Platform): Candidate[] {
  const rules = IN_APP_RULES[platform]
  const window = collapse(exception.frames.map((frame) => candidate(frame, platform, rules)))
  const inApp = window.filter((one) => one.inApp && !one.isNoise)
  return inApp.length > 0 ? inApp : window.filter((one) => !one.isNoise)
}

function candidate(frame: Frame, platform: Platform, rules: InAppRules): Candidate {
  const clean = cleanFrame(frame, platform)
  const qualified = (frame.module ? `${frame.module}.${clean.name}` : clean.name).toLowerCase()
  const isNoise =
    rules.noise.includes(qualified) ||
    rules.noise.includes(clean.name.toLowerCase()) ||
    (clean.name === '' && clean.place === '')
  return {
    ...clean,
    raw: frame,
    isNoise,
    inApp: frame.in_app ?? isInApp(frame, clean, rules, platform),
  }
}

function isInApp(frame: Frame, clean: CleanFrame, rules: InAppRules, platform: Platform): boolean {
  const file = frame.file ?? ''
  const module = frame.module ?? ''
  if (clean.place === '' && clean.name === '') return false
  if (platform === 'native') {
    if (rules.modules.some((prefix) => clean.place.startsWith(prefix))) return false
    const lower = module.toLowerCase()
    if (rules.paths.some((part) => lower.includes(part))) return false
  } else if (module !== '' && rules.modules.some((prefix) => module.startsWith(prefix)))
    return false
  if (file !== '') {
    const path = file.startsWith('/') ? file : `/${file}`
    if (rules.paths.some((part) => path.includes(part))) return false
  }
  return !rules.functions.some((prefix) => clean.name.startsWith(prefix))
}

/** Drops repeats: recursion, also mutual, says nothing about where it came from. */
function collapse(frames: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  const kept: Candidate[] = []
  for (const one of frames) {
    const key = `${one.place} ${one.name}`
    if (seen.has(key)) continue
    seen.add(key)
    kept.push(one)
    if (kept.length >= WINDOW_FRAMES) break
  }
  return kept
}
