#!/usr/bin/env node
// The first thing that runs, on whatever Node (20 or later) the machine has: installs what the lock file says, builds the
// dashboard when its sources changed, and hands over to the Node the platform needs. Plain JavaScript without
// dependencies, because nothing is installed yet.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const NODE_NEEDED = [24, 15]
const INSTALL_STAMP = join(ROOT, 'node_modules', '.faultline-installed')
const BUILD_STAMP = join(ROOT, 'dashboard', 'build', '.faultline-built')
const BUILD_INPUTS = [
  'dashboard/src',
  'dashboard/static',
  'dashboard/vite.config.ts',
  'dashboard/package.json',
  'schemas',
  'package-lock.json',
]

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(what, remedy) {
  say(`faultline: ${what}\n  ${remedy}`)
  process.exit(1)
}

function versionIsEnough(version, needed) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > needed[0] || (major === needed[0] && minor >= needed[1])
}

function checkPlatform() {
  if (!versionIsEnough(process.version, [20, 0])) {
    fail(
      `Node ${process.version} is too old.`,
      'Install Node 20 or later (https://nodejs.org), then run the same command again.',
    )
  }
  if (process.platform === 'win32') {
    fail(
      'Windows itself is not supported: the embedded ClickHouse has no Windows build.',
      'Use WSL2 (https://learn.microsoft.com/windows/wsl) and run the same command inside it.',
    )
  }
  const known = process.platform === 'linux' || process.platform === 'darwin'
  if (!known || (process.arch !== 'x64' && process.arch !== 'arm64')) {
    fail(
      `${process.platform} on ${process.arch} is not supported.`,
      'Linux (glibc) and macOS on x64 or arm64 are.',
    )
  }
  const isMusl =
    process.platform === 'linux' &&
    process.report?.getReport().header.glibcVersionRuntime === undefined
  if (isMusl) {
    fail(
      'This Linux uses musl; the embedded ClickHouse needs glibc.',
      'Use a Debian, Ubuntu, Fedora or similar system or container.',
    )
  }
}

function hashOf(paths) {
  const hash = createHash('sha256')
  const visit = (path) => {
    if (!existsSync(path)) return
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).toSorted()) visit(join(path, name))
      return
    }
    hash.update(path.slice(ROOT.length)).update(readFileSync(path))
  }
  for (const path of paths) visit(join(ROOT, path))
  return hash.digest('hex')
}

function stampSays(stamp, value) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === value
}

function folderMegabytes(folder) {
  const answer = spawnSync('du', ['-sm', folder], { encoding: 'utf8' })
  return answer.status === 0 ? Number.parseInt(answer.stdout, 10) : undefined
}

/** Runs a command with its output on stderr, so that stdout stays free for data. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2], ...options })
    child.on('error', (error) => resolve({ code: 1, error }))
    child.on('exit', (code) => resolve({ code: code ?? 1 }))
  })
}

/** Two first starts at once would tear up each other's folder: the second waits for the first. */
async function withInstallLock(work) {
  const folder = join(ROOT, '.faultline-installing')
  const owner = join(folder, 'pid')
  let isTold = false
  for (;;) {
    try {
      mkdirSync(folder)
      break
    } catch {
      const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0
      if (pid > 0 && !isAlive(pid)) rmSync(folder, { recursive: true, force: true })
      else if (!isTold) say(`Another start (process ${pid}) is installing; waiting for it …`)
      isTold = true
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  writeFileSync(owner, String(process.pid))
  // Also when the work ends the process.
  const release = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', release)
  await work()
  process.off('exit', release)
  release()
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function install() {
  const lock = hashOf(['package-lock.json', 'package.json', 'dashboard/package.json'])
  const wanted = `${lock} ${process.platform} ${process.arch}`
  if (stampSays(INSTALL_STAMP, wanted)) return
  await withInstallLock(async () => {
    if (!stampSays(INSTALL_STAMP, wanted)) await installNow(wanted)
  })
}

async function installNow(wanted) {
  say(
    'Installing dependencies, about 1.1 GB on disk; this happens once and takes a minute or a few …',
  )
  const modules = join(ROOT, 'node_modules')
  const progress = setInterval(() => {
    const megabytes = existsSync(modules) ? folderMegabytes(modules) : undefined
    if (megabytes !== undefined) say(`  … ${megabytes} MB installed`)
  }, 4000)
  const { code, error } = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  clearInterval(progress)
  if (error !== undefined)
    fail(
      `npm could not be run: ${error.message}`,
      'Install npm (it comes with Node), then run the same command again.',
    )
  if (code !== 0)
    fail(
      'The installation did not finish; npm says why above.',
      'Check the network, the free disk space (2 GB) and the registry settings, then run the same command again.',
    )
  mkdirSync(modules, { recursive: true })
  writeFileSync(INSTALL_STAMP, wanted)
}

/** The Node that runs the platform: this one if it is new enough, else the one npm installed. */
function findNode() {
  if (versionIsEnough(process.version, NODE_NEEDED)) return process.execPath
  const installed = join(
    ROOT,
    'node_modules',
    `node-${process.platform}-${process.arch}`,
    'bin',
    'node',
  )
  if (existsSync(installed)) return installed
  return fail(
    `Node ${process.version} runs this, but Faultline needs ${NODE_NEEDED.join('.')} or later, and none came from npm.`,
    process.platform === 'darwin'
      ? 'On macOS install Node 24 (for example `brew install node@24`), then run the same command again.'
      : 'Run `npm ci --include=optional`, or install Node 24 from https://nodejs.org.',
  )
}

async function buildDashboard(node) {
  const wanted = hashOf(BUILD_INPUTS)
  if (stampSays(BUILD_STAMP, wanted)) return
  say('Building the dashboard; this happens when its sources changed …')
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
  const { code } = await run(node, [vite, 'build', '--logLevel', 'warn'], {
    cwd: join(ROOT, 'dashboard'),
  })
  if (code !== 0)
    fail(
      'The dashboard could not be built; the error stands above.',
      'If you changed dashboard/, fix it; otherwise please report it.',
    )
  writeFileSync(BUILD_STAMP, wanted)
}

/** Hands over to another Node and passes on its signals and exit code. */
function handOver(node, args) {
  const cache = process.env.NODE_COMPILE_CACHE ?? join(ROOT, 'node_modules', '.cache', 'compile')
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], {
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: cache, FAULTLINE_BOOTED: '1' },
  })
  // A terminal sends Ctrl-C to both of us: the child stops in order, and this process waits for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) =>
    fail(`${node} could not be run: ${error.message}`, 'Run `npm ci` again.'),
  )
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1))
}

const args = process.argv.slice(2)
if (process.env.FAULTLINE_BOOTED !== '1') {
  checkPlatform()
  await install()
}
const node = findNode()
if (node === process.execPath) {
  delete process.env.FAULTLINE_BOOTED
  const needsDashboard =
    (args[0] === 'start' && !args.includes('--help')) ||
    (args[0] === 'dev' && (args[1] === 'test' || args[1] === 'build'))
  if (needsDashboard) await buildDashboard(node)
  nodeModule.enableCompileCache(join(ROOT, 'node_modules', '.cache', 'compile'))
  const { main } = await import('./main.ts')
  process.exitCode = await main(args)
} else {
  handOver(node, args)
}
