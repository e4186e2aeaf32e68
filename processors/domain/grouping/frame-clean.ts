import type { Frame, Platform } from './stack-frame.ts'

/** A frame without what changes between builds, machines and browsers. */
export interface CleanFrame {
  /** Module, else lower-case base name of the file; empty when unknown. */
  place: string
  /** Empty for anonymous and built-in names. */
  name: string
}

/** Names without meaning that engines and symbolicators give. */
const NAMELESS = new Set([
  '',
  '?',
  '??',
  '<unknown>',
  '<redacted>',
  'anonymous',
  '<anonymous>',
  'Anonymous function',
  '(anonymous function)',
  'eval',
  'eval code',
  'anonymous function',
  'global code',
  'module code',
  'Global code',
])

export function cleanFrame(frame: Frame, platform: Platform): CleanFrame {
  if (platform === 'dotnet') return cleanDotnetFrame(frame)
  const place = cleanPlace(frame, platform)
  const name = cleanFunction(frame.function ?? '', platform)
  if (platform !== 'php' || !frame.module) return { place, name }
  // PHP's file is where the call stands, its class is part of the name.
  return { place, name: `${cleanModule(frame.module, platform)}::${name}` }
}

const STATE_MACHINE = /[.+]<(\w+)>d(?:__\d+)?$/u

/** `Store.<LoadAsync>d__7.MoveNext` is `Store` and `LoadAsync`. */
function cleanDotnetFrame(frame: Frame): CleanFrame {
  const machine = frame.module?.includes('>d') ? STATE_MACHINE.exec(frame.module) : null
  if (machine === null) {
    return {
      place: cleanPlace(frame, 'dotnet'),
      name: cleanFunction(frame.function ?? '', 'dotnet'),
    }
  }
  const method = frame.function === 'MoveNext' ? (machine[1] as string) : (frame.function ?? '')
  const owner = { ...frame, module: (frame.module ?? '').slice(0, machine.index) }
  return { place: cleanPlace(owner, 'dotnet'), name: cleanFunction(method, 'dotnet') }
}

function cleanPlace(frame: Frame, platform: Platform): string {
  const usesModule =
    platform === 'java' ||
    platform === 'go' ||
    // A class without a namespace says less than its file.
    (platform === 'dotnet' && (!frame.file || (frame.module ?? '').includes('.')))
  if (usesModule && frame.module) return cleanModule(frame.module, platform)
  if (platform === 'native' && frame.module) return cleanFile(frame.module)
  if (frame.file) return platform === 'elixir' ? cleanElixirFile(frame.file) : cleanFile(frame.file)
  return frame.module ? cleanModule(frame.module, platform) : ''
}

function cleanElixirFile(file: string): string {
  const close = file.indexOf(')/')
  return cleanFile(close > 0 ? file.slice(close + 2) : file.replace(/ [^)]*/u, ''))
}

/** Lower-case base name without query, versions, hashes and build ids. */
function cleanFile(path: string): string {
  let file = path
  const query = file.search(/[?#]/u)
  if (query > 0) file = file.slice(0, query)
  const slash = Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\'))
  file = file.slice(slash + 1)
  return (/\d|[a-z][A-Z]/u.test(file) ? cleanVersions(file) : file).toLowerCase()
}

/** `main.9f8e7d6c.js`, `app-1.2.3.jar`, `vendor~8d7f6a51.chunk.js`: pieces that are versions or hashes go. */
function cleanVersions(file: string): string {
  const pieces = file.split(/([.\-_~])/u)
  let out = ''
  for (let at = 0; at < pieces.length; at += 2) {
    const piece = pieces[at] as string
    const joiner = at === 0 ? '' : (pieces[at - 1] as string)
    if (isVolatile(piece)) continue
    out += out === '' ? piece : joiner + piece
  }
  return out === '' ? file : out
}

/** A hash or a version: only digits (with a leading v), or hexadecimal with digits, or mixed and long. */
function isVolatile(piece: string): boolean {
  if (piece.length >= HASH_CHARS_MIN && hasRandomCase(piece)) return true
  if (!/\d/u.test(piece)) return false
  if (/^v?\d+$/u.test(piece)) return true
  if (/^[0-9a-f]{6,}$/iu.test(piece)) return true
  return (
    piece.length >= HASH_CHARS_MIN &&
    (piece.match(/\d+/gu)?.length ?? 0) >= 2 &&
    /^[0-9a-z]+$/iu.test(piece)
  )
}

const HASH_CHARS_MIN = 8
const RANDOM_SWITCHES = 0.4

/** `BxQkqZZp`: case changes far more often than in names made of words. */
function hasRandomCase(piece: string): boolean {
  const switches = piece.match(/[a-z\d](?=[A-Z])|[A-Z](?=[a-z\d])/gu)?.length ?? 0
  return switches >= RANDOM_SWITCHES * piece.length
}

function cleanModule(module: string, platform: Platform): string {
  if (platform === 'java' && /[$\d]/u.test(module)) return cleanJavaModule(module)
  if (platform === 'dotnet') return cleanDotnet(module)
  if (platform === 'go' && module.includes('@')) return module.replace(/@[^/]*/u, '')
  if (platform === 'php' && module.includes('class@anonymous')) return 'class@anonymous'
  return module
}

function cleanJavaModule(module: string): string {
  return module
    .replace(
      /\$\$(?:EnhancerBy|FastClassBy|SpringCGLIB|Lambda|\$Lambda|Proxy|HibernateProxy|_javassist)[\w$/]*/u,
      '',
    )
    .replace(/-\$\$Lambda\$/u, '')
    .replace(/\$\$Lambda.*$/u, '')
    .replace(/(Accessor|ConstructorAccessor|\$Proxy|_javassist_|__)\d+/gu, '$1')
    .replace(/\$\d+/gu, '$')
}

/** Compiler-made names of .NET: `<LoadAsync>d__7` is LoadAsync, `<>c__DisplayClass3_0` is nothing. */
function cleanDotnet(name: string): string {
  let out = name
  if (out.includes('<')) {
    out = out
      .replace(/[.+]?<>c(?:__DisplayClass\d+(?:_\d+)?)?/gu, '')
      .replace(/<(\w+)>[a-z]__(?:\w+\|)?[\d_]+/gu, '$1')
  }
  if (out.includes('`')) out = out.replace(/`\d+(?:\[[^\]]*\])?/gu, '')
  return out
}

/** A lambda belongs to the method it stands in, whatever it is given. */
function cleanDotnetMethod(name: string): string {
  const isLambda = name.startsWith('<')
  const method = cleanDotnet(name)
  const open = isLambda ? method.indexOf('(') : -1
  return (open > 0 ? method.slice(0, open) : method).replace(/\[[^\]]*\]$/u, '')
}

function cleanFunction(raw: string, platform: Platform): string {
  const name = clean(raw.trim(), platform)
  return NAMELESS.has(name) ? '' : name
}

function clean(name: string, platform: Platform): string {
  switch (platform) {
    case 'javascript':
      return cleanJavascript(name)
    case 'java':
      return cleanJava(name)
    case 'dotnet':
      return cleanDotnetMethod(name)
    case 'ruby':
      return cleanRuby(name)
    case 'php':
      return name.includes('{closure') ? '{closure}' : name
    case 'go':
      return name
        .replace(/\.func\d+(?:\.\d+)*/gu, '.func')
        .replace(/\[\.\.\.\]/gu, '')
        .replace(/\.gowrap\d+/gu, '')
    case 'rust':
    case 'native':
      return cleanNative(name)
    case 'elixir':
      return name.replace(/^anonymous fn\/\d+ in /u, 'fn in ').replace(/-fun-\d+-/u, '-fun-')
    case 'python':
    case 'dart':
      return name
  }
}

const MINIFIED_CHARS = 2

/** `e`, `o.e`: such names change with every build. */
export function isMinified(name: string): boolean {
  let from = 0
  for (let at = 0; at <= name.length; at++) {
    if (at < name.length && name.charCodeAt(at) !== 46) continue
    if (at - from > MINIFIED_CHARS) return false
    from = at + 1
  }
  return name !== ''
}

function cleanJavascript(raw: string): string {
  let name = raw
  if (name.startsWith('async ')) name = name.slice(6)
  if (name.startsWith('new ')) name = name.slice(4)
  if (name.startsWith('async*')) name = name.slice(6)
  const alias = name.indexOf(' [as ')
  if (alias > 0) name = name.slice(0, alias)
  // Gecko writes closures as `outer/<` and `outer/inner<`.
  if (name.endsWith('/<') || name.endsWith('<')) return ''
  const slash = name.lastIndexOf('/')
  if (slash >= 0) name = name.slice(slash + 1)
  if (name.endsWith('.<anonymous>')) return ''
  const dot = name.lastIndexOf('.')
  // A minified name alone says too little: its receiver stays.
  const method = dot >= 0 && name.length - dot > MINIFIED_CHARS + 1 ? name.slice(dot + 1) : name
  return method.replace(/\$\d+$/u, '')
}

function cleanJava(name: string): string {
  if (name.startsWith('lambda$')) {
    const end = name.lastIndexOf('$')
    return end > 7 ? name.slice(7, end) : 'lambda'
  }
  if (!/[$\d]/u.test(name)) return name
  return name
    .replace(/^access\$\d+$/u, 'access')
    .replace(/__\d+/gu, '__')
    .replace(/\$\d+/gu, '$')
    .replace(/^invoke\d$/u, 'invoke')
}

function cleanRuby(raw: string): string {
  let name = raw
  const block = name.lastIndexOf(' in ')
  if (block >= 0 && name.startsWith('block')) name = name.slice(block + 4)
  if (name.startsWith('rescue in ') || name.startsWith('ensure in ')) name = name.slice(10)
  const owner = Math.max(name.lastIndexOf('#'), name.lastIndexOf('.'))
  if (owner >= 0) name = name.slice(owner + 1)
  return /\d/u.test(name) ? name.replace(/_{2,}\d+(?:_\d+)*/gu, '') : name
}

function cleanNative(raw: string): string {
  let name = raw
  if (name.startsWith('- ')) name = name.slice(2)
  if (name.startsWith('specialized ')) name = name.slice(12)
  if (name.startsWith('closure #')) name = name.replace(/^(?:closure #\d+ in )+/u, 'closure in ')
  if (name.includes('{{closure}}')) name = name.replaceAll('::{{closure}}', '')
  if (name.includes('::h')) name = name.replace(/::h[0-9a-f]{16}$/u, '')
  if (name.includes('+0x')) name = name.replace(/\+0x[0-9a-f]+$/u, '')
  if (/^0x[0-9a-f]+$/u.test(name)) return ''
  if (name.includes('_block_invoke'))
    name = name.replace(/^__\d+/u, '').replace(/_block_invoke[._\d]*$/u, '_block_invoke')
  if (name.includes('.cold.') || name.includes('$VARIANT$'))
    name = name.replace(/\.cold\.\d+$/u, '').replace(/\$VARIANT\$\w+$/u, '')
  return name
}
