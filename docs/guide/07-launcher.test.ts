import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { read } from './pages.ts'

const packages = JSON.parse(read('package.json')) as {
  bin: Record<string, string>
  engines: { node: string }
  license: string
}

describe('the launcher', () => {
  it('imports nothing that has to be installed first', () => {
    const text = read('cli/boot.js')
    const imported = [...text.matchAll(/^import .*? from '([^']+)'/gm)].map((match) => match[1])
    expect(imported.length).toBeGreaterThan(3)
    expect(imported.filter((name) => name?.startsWith('node:') !== true)).toEqual([])
    // What needs Node 24 is loaded only once Node 24 runs.
    expect(text).toContain("await import('./main.ts')")
  })

  it('may be executed, or `npx faultline` would be refused', () => {
    const path = packages.bin['faultline'] ?? ''
    const tracked = execFileSync('git', ['ls-files', '-s', path], { encoding: 'utf8' })
    expect(tracked).toMatch(/^100755 /)
  })

  it('and the README name the same Node and the same licence', () => {
    const readme = read('README.md')
    expect(packages.engines.node).toBe('>=20')
    expect(readme).toContain('Node 20 or later')
    expect(readme).toContain(`[${packages.license}](LICENSE)`)
  })

  it('finds no address of a registry in the lock file', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/)
  })
})
