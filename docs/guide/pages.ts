/** What the pages of the documentation say, for the tests that hold them to the code. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')

/** Pages that tell users what there is. Plans (features.md) and decisions (adr/) speak of more than that. */
export const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== 'features.md')
    .map((name) => `docs/${name}`),
]

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)
}

/** Fenced blocks of one language. */
export function blocks(text: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm')
  return [...text.matchAll(fence)].map((match) => match[1] ?? '')
}

/** Every piece of code: commands of sh blocks, each on one line and without comments, and inline spans. */
export function code(text: string): string[] {
  const commands = blocks(text, 'sh').flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.replace(/(^|\s)#\s.*$/, '').trim()),
  )
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '')
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')
  return [...commands, ...spans].filter((line) => line !== '')
}

/** First cells of the table whose head begins with this cell, without backquotes. */
export function firstCells(text: string, head: string): string[] {
  const table = text.split(`\n| ${head} |`)[1]?.split('\n\n')[0] ?? ''
  return table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|')[1]?.trim() ?? '')
    .flatMap((cell) => cell.split(', '))
    .map((cell) => cell.replaceAll('`', ''))
}

export interface CommandLine {
  command: string
  sub: string
  options: readonly string[]
}

/** The call of our command line in a piece of code; undefined when it is something else. */
export function commandLine(line: string): CommandLine | undefined {
  const match = /(?:npx faultline|^faultline|npm start(?: --silent)? --|npm start$)(.*)/.exec(line)
  if (match === null) return undefined
  const isStart = match[0].startsWith('npm start')
  const words = (match[1] ?? '')
    .split(/\s+(?=[^']*(?:'[^']*'[^']*)*$)/)
    .filter((word) => word !== '')
  const command = isStart ? 'start' : (words.find((word) => !word.startsWith('-')) ?? '')
  // A command without a name is prose about the command line as a whole.
  if (!/^[a-z]+$/.test(command)) return undefined
  const options = words
    .filter((word) => word.startsWith('--'))
    .map((word) => word.split('=')[0] ?? '')
  const second = words[1] ?? ''
  return { command, sub: isStart || second.startsWith('-') ? '' : second, options }
}

export interface Call {
  method: string
  path: string
}

/** The calls of the API in a piece of code: `GET /health`, or a curl command. */
export function calls(line: string): Call[] {
  const named = [...line.matchAll(/\b(GET|POST|PUT|PATCH|DELETE) (\/[\w/:.-]*)/g)].map((match) => ({
    method: match[1] ?? '',
    path: match[2] ?? '',
  }))
  const address = /localhost:3000(\/[\w/:.-]*)/.exec(line)?.[1]
  if (!line.includes('curl') || address === undefined) return named
  const method = / -X (\w+)/.exec(line)?.[1] ?? (/ (-d|--data\S*) /.test(line) ? 'POST' : 'GET')
  return [...named, { method, path: address }]
}
