import { LIMITS } from './event-input-limits.ts'
import { cut, fail, flag, readText } from './event-input-draft.ts'
import type { Draft } from './event-input-draft.ts'

const TEXT_FIELDS = ['function', 'file', 'module'] as const
const NUMBER_FIELDS = ['line', 'column'] as const
const FRAME_TEXT_CHARS_MAX = 1024

type Frame = Record<string, string | number | boolean>

/** Raw text, or a list of frames, which is kept as JSON text with only the known fields. */
export function readStack(draft: Draft, value: unknown): string {
  if (!Array.isArray(value)) return readText(draft, value, 'stack', LIMITS.stackCharsMax)
  const frames: Frame[] = []
  for (const [index, item] of value.slice(0, LIMITS.stackFramesMax).entries()) {
    const frame = readFrame(draft, item, `stack[${index}]`)
    if (frame === undefined) return ''
    frames.push(frame)
  }
  let count = frames.length
  let text = JSON.stringify(frames)
  // Whole frames go, never half of one, so that it stays JSON; the first frames say where it broke.
  while (text.length > LIMITS.stackCharsMax) {
    count = Math.floor(count / 2)
    text = JSON.stringify(frames.slice(0, count))
  }
  if (count < value.length) flag(draft, 'truncated:stack')
  return text
}

function readFrame(draft: Draft, item: unknown, path: string): Frame | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    fail(draft, path, `${path} must be a frame.`, 'Send {function, file, line, column, module}.')
    return undefined
  }
  const input = item as Record<string, unknown>
  const frame: Frame = {}
  for (const name of TEXT_FIELDS) {
    const text = input[name]
    if (typeof text === 'string')
      frame[name] = cut(draft, text, path, FRAME_TEXT_CHARS_MAX)
        .toWellFormed()
        .replaceAll('\0', '\uFFFD')
  }
  for (const name of NUMBER_FIELDS) {
    const number = Number(input[name] ?? Number.NaN)
    if (Number.isFinite(number)) frame[name] = number
  }
  if (typeof input['in_app'] === 'boolean') frame['in_app'] = input['in_app']
  return frame
}
