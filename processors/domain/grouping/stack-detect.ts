import type { Platform } from './stack-frame.ts'
import { isJavascriptLine } from './stack-parse-javascript.ts'
import { isJavaLine } from './stack-parse-managed.ts'
import { parseNativeLine } from './stack-parse-native.ts'
import {
  parseElixirLine,
  parsePhpLine,
  parsePythonLine,
  parseRubyLine,
} from './stack-parse-script.ts'

const LINES_LOOKED_AT = 60

/** The platform whose way of writing a stack the first telling line follows. */
export function detectPlatform(lines: readonly string[]): Platform | undefined {
  let ambiguous: Platform | undefined
  const count = Math.min(lines.length, LINES_LOOKED_AT)
  for (let at = 0; at < count; at++) {
    const line = (lines[at] as string).trim()
    if (line.startsWith('at ')) {
      const platform = detectAtLine(line)
      if (platform !== undefined) return platform
      ambiguous ??= line.includes('(') ? 'java' : 'javascript'
      continue
    }
    const platform = detectLine(line, lines[at + 1]?.trim() ?? '')
    if (platform !== undefined) return platform
  }
  return ambiguous
}

function detectAtLine(line: string): Platform | undefined {
  if (isJavaLine(line)) return 'java'
  if (isJavascriptLine(line)) return 'javascript'
  if (line.includes(') in ') || line.endsWith('()') || /\([^()]*\b\w+ \w+[^()]*\)$/u.test(line))
    return 'dotnet'
  return undefined
}

function detectLine(line: string, next: string): Platform | undefined {
  const first = line.charCodeAt(0)
  if (line.includes('Traceback (most recent') || parsePythonLine(line) !== undefined)
    return 'python'
  if (line.startsWith('goroutine ') && line.includes(' [')) return 'go'
  if (next.includes('.go:') && next.includes(' +0x')) return 'go'
  if (line.startsWith("thread '") && line.includes('panicked at')) return 'rust'
  if (line === 'stack backtrace:') return 'rust'
  if (line.startsWith('** (')) return 'elixir'
  if (first === 35) {
    if (line.includes('.dart')) return 'dart'
    if (parsePhpLine(line) !== undefined) return 'php'
    if (parseNativeLine(line) !== undefined) return 'native'
  }
  if (first >= 48 && first <= 57) {
    if (/^\d+: +\S*(?:::|0x)/u.test(line)) return 'rust'
    if (parseNativeLine(line) !== undefined) return 'native'
  }
  if (parseRubyLine(line) !== undefined) return 'ruby'
  if (first === 40 && parseElixirLine(line) !== undefined) return 'elixir'
  if (line.includes('@') && isJavascriptLine(line)) return 'javascript'
  return undefined
}
