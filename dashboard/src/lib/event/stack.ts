/** A stack as text: senders give raw text, or frames as a JSON array. The text is hostile and only ever shown. */

interface StackFrame {
  function?: unknown
  file?: unknown
  module?: unknown
  line?: unknown
  column?: unknown
  in_app?: unknown
}

export interface StackLine {
  text: string
  /** Our own code, as against libraries. */
  own: boolean
}

/** A stack longer than this is cut in the view; the event itself keeps it all. */
const LINES_MAX = 200

const LIBRARY =
  /node_modules|site-packages|\/usr\/lib|java\.base|sun\.reflect|<anonymous>|node:internal/

/** Frames are whatever the sender wrote: only text and numbers are shown. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}

function frameLine(frame: StackFrame): StackLine {
  const place = [frame.file ?? frame.module ?? '?', frame.line, frame.column]
    .filter((part) => part !== undefined && part !== null)
    .map(shown)
    .join(':')
  const text = `    at ${shown(frame.function)} (${place})`
  return { text, own: frame.in_app === undefined ? !LIBRARY.test(text) : frame.in_app === true }
}

function parsedFrames(stack: string): readonly StackFrame[] | null {
  if (!stack.startsWith('[')) return null
  try {
    const parsed: unknown = JSON.parse(stack)
    return Array.isArray(parsed) ? (parsed as StackFrame[]) : null
  } catch {
    return null
  }
}

/** Lines in the order sent. Never throws. */
export function stackLines(stack: string): readonly StackLine[] {
  const frames = parsedFrames(stack)
  if (frames !== null) {
    return frames.slice(0, LINES_MAX).map((frame) => frameLine(Object(frame) as StackFrame))
  }
  return stack
    .split('\n', LINES_MAX)
    .map((text) => ({ text, own: !LIBRARY.test(text) }))
    .filter((line) => line.text.trim() !== '')
}
