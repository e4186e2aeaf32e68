import { cleanFrame, isMinified, type CleanFrame } from './frame-clean.ts'
import { IN_APP_RULES, type InAppRules } from './in-app-rules.ts'
import type { FrameSequence } from './stack-prefix.ts'
import type { Frame, ParsedStack, Platform } from './stack-frame.ts'

export interface StackFingerprint {
  /** What is hashed: types of the chain and the chosen frames, joined unambiguously by the caller. */
  parts: string[]
  /** Which variant the parts are. */
  variant: 'in-app' | 'all'
  frameCount: number
  sequence: FrameSequence
  culprit?: string
}

/** Frames near the throw that are looked at; what is further out is cut off by many loggers. */
const NEAR_FRAMES = 8
/** In-app frames that make a group. */
const IN_APP_FRAMES = 8
/** Frames that make a group when none near the throw is in-app. */
const LIBRARY_FRAMES = 16

interface Candidate extends CleanFrame {
  inApp: boolean
  isNoise: boolean
  /** It says where: a frame without symbols says nothing. */
  tells: boolean
  raw: Frame
}

/** Undefined when no frame tells anything. */
export function fingerprintStack(parsed: ParsedStack): StackFingerprint | undefined {
  const parts: string[] = []
  const chain: Candidate[] = []
  const blocks = new Set<string>()
  let first: Candidate[] | undefined
  let hasInApp = false
  let frameCount = 0
  for (const exception of parsed.exceptions) {
    const frames = collapse(exception.frames, parsed.platform)
    const chosen = withoutMinified(chooseFrames(frames), parsed.platform)
    if (first === undefined && chosen.length > 0) {
      first = chosen
      hasInApp = chosen.some(isTelling)
    }
    chain.push(...frames)
    const block = [`type ${exception.type ?? ''}`]
    for (const { place, name } of chosen) block.push(`frame ${place} ${name}`)
    // An aggregate may hold the same error many times.
    const key = block.join('\n')
    if (blocks.has(key)) continue
    blocks.add(key)
    parts.push(...block)
    frameCount += chosen.length
  }
  const culprit = first?.find(isTelling) ?? first?.[0]
  if (culprit === undefined) return undefined
  return {
    parts,
    variant: hasInApp ? 'in-app' : 'all',
    frameCount,
    sequence: sequenceOf(parsed, chain),
    culprit: describe(culprit),
  }
}

/** Fewest frames a logger cuts a stack to; a shorter one is whole. */
const CUT_FRAMES_MIN = 8

function sequenceOf(parsed: ParsedStack, chain: readonly Candidate[]): FrameSequence {
  const prefixes: number[] = []
  let a = 0x811c9dc5 | 0
  let b = 0x27d4eb2f | 0
  const add = (text: string): void => {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      a = Math.imul(a ^ code, 0x01000193)
      b = Math.imul(b ^ code, 0x5bd1e995)
      b ^= b >>> 15
    }
  }
  for (const { type } of parsed.exceptions) add(`${type ?? ''}\n`)
  for (const one of distinct(chain)) {
    add(`${one.place} ${one.name}\n`)
    prefixes.push((a >>> 0) * 0x200000 + (b >>> 11))
  }
  const frames = parsed.exceptions.reduce((sum, exception) => sum + exception.frames.length, 0)
  const isLong = frames >= CUT_FRAMES_MIN
  return { prefixes, isLong, isOpen: isLong && chain.at(-1)?.isNoise !== true }
}

function describe({ raw, name: cleaned, place }: Candidate): string {
  const name = raw.function ?? cleaned
  const file = raw.file ?? raw.module ?? place
  return file === '' ? name : `${name === '' ? '<anonymous>' : name} (${file})`
}

/**
 * In-app frames when one is near the throw. Otherwise all frames near it, and the first in-app one further
 * out, so that one crash in a library reached from two places is two groups.
 */
function chooseFrames(frames: readonly Candidate[]): Candidate[] {
  const inApp = distinct(frames.filter(isTelling))
  const nearest = frames.findIndex(isTelling)
  if (nearest >= 0 && nearest < NEAR_FRAMES) return inApp.slice(0, IN_APP_FRAMES)
  const further = distinct(frames.slice(LIBRARY_FRAMES)).find((one) => one.inApp)
  const near = distinct(frames.slice(0, LIBRARY_FRAMES))
  return further === undefined ? near : [...near, further]
}

/** Minified names say nothing where other frames have real ones; where none has, they are all there is. */
function withoutMinified(chosen: Candidate[], platform: Platform): Candidate[] {
  if (platform !== 'javascript' || !chosen.some(({ name }) => isMinified(name))) return chosen
  if (!chosen.some(({ name }) => name !== '' && !isMinified(name))) return chosen
  return distinct(chosen.map((one) => (isMinified(one.name) ? { ...one, name: '' } : one)))
}

function isTelling(one: Candidate): boolean {
  return one.inApp && one.tells && !one.isNoise
}

function candidate(frame: Frame, platform: Platform, rules: InAppRules): Candidate {
  const clean = cleanFrame(frame, platform)
  const qualified = (frame.module ? `${frame.module}.${clean.name}` : clean.name).toLowerCase()
  const isNoise =
    rules.noise.includes(qualified) ||
    rules.noise.includes(clean.name.toLowerCase()) ||
    (clean.name === '' && clean.place === '') ||
    rules.builtIn.includes(clean.place)
  return {
    ...clean,
    raw: frame,
    isNoise,
    tells: clean.place !== '' || (platform === 'rust' && clean.name.includes('::')),
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
    if (rules.roots.some((root) => file.startsWith(root))) return false
  }
  return !rules.functions.some((prefix) => clean.name.startsWith(prefix))
}

const CYCLE_FRAMES_MAX = 4

/** Recursion, also mutual, is one round: how deep it went says nothing about where it came from. */
function collapse(frames: readonly Frame[], platform: Platform): Candidate[] {
  const rules = IN_APP_RULES[platform]
  const kept: Candidate[] = []
  for (const frame of frames) {
    const one = candidate(frame, platform, rules)
    if (isSame(kept.at(-1), one)) continue
    kept.push(one)
    for (let period = 2; period <= CYCLE_FRAMES_MAX; period++) {
      if (!endsInCycle(kept, period)) continue
      kept.length -= period
      break
    }
  }
  return kept
}

/** The last `period` frames repeat those before them, and the application takes part. */
function endsInCycle(frames: readonly Candidate[], period: number): boolean {
  const second = frames.length - period
  const first = second - period
  if (first < 0) return false
  let isApp = false
  for (let at = 0; at < period; at++) {
    const one = frames[second + at] as Candidate
    if (!isSame(frames[first + at], one)) return false
    isApp ||= isTelling(one)
  }
  return isApp
}

function isSame(left: Candidate | undefined, right: Candidate): boolean {
  return left !== undefined && left.place === right.place && left.name === right.name
}

/** Without noise, and every frame once. */
function distinct(frames: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  return frames.filter((one) => {
    const key = `${one.place} ${one.name}`
    if (one.isNoise || seen.has(key)) return false
    seen.add(key)
    return true
  })
}
