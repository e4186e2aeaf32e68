import { FRAMES_MAX, type Frame, type ParsedStack, type Platform } from './stack-frame.ts'

const EXTENSIONS: readonly [RegExp, Platform][] = [
  [/\.py[cx]?$/iu, 'python'],
  [/\.(?:java|kt|scala|groovy|clj)$/iu, 'java'],
  [/\.(?:cs|fs|vb)$/iu, 'dotnet'],
  [/\.(?:rb|erb|rake)$/iu, 'ruby'],
  [/\.(?:php|phtml)$/iu, 'php'],
  [/\.go$/iu, 'go'],
  [/\.rs$/iu, 'rust'],
  [/\.(?:exs?|erl)$/iu, 'elixir'],
  [/\.dart$/iu, 'dart'],
  [/\.(?:c|cc|cpp|cxx|h|hpp|m|mm|swift|so|dylib|dll|exe)$/iu, 'native'],
]

/** Structured frames as a parsed stack; the platform is told by the first file name that tells one. */
export function framesToStack(frames: readonly Frame[], type?: string): ParsedStack {
  const exception = { ...(type ? { type } : {}), frames: frames.slice(0, FRAMES_MAX) }
  return { platform: platformOf(frames), exceptions: [exception] }
}

function platformOf(frames: readonly Frame[]): Platform {
  for (const frame of frames) {
    const file = frame.file?.split(/[?#]/u, 1)[0] ?? ''
    const found = EXTENSIONS.find(([extension]) => extension.test(file))
    if (found !== undefined) return found[1]
  }
  return 'javascript'
}
