import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PAGES, filesIn, read } from './pages.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const ADRS = filesIn('docs/adr')

/** Links of a page to places that are not there: files of the project, and headings of a page. */
function broken(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !anchors(read(target)).includes(anchor)
  })
}

function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
}

describe('links', () => {
  it('of every page lead somewhere', () => {
    const all = [...PAGES, ...ADRS, 'ARCHITECTURE.md', 'CHANGELOG.md']
    const found = all.flatMap((page) => broken(page, read(page)).map((link) => `${page}: ${link}`))
    expect(found.filter((link) => !link.includes('docs/images/'))).toEqual([])
  })

  it('that lead nowhere are noticed (negative control)', () => {
    expect(broken('README.md', '[a](docs/no.md) [b](LICENSE) [c](#no) [d](https://x.org)')).toEqual(
      ['docs/no.md', '#no'],
    )
  })
})

describe('decisions', () => {
  it('have numbers of their own and the parts a decision needs', () => {
    const numbers = ADRS.map((path) => /(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1])
    expect(numbers.filter((number) => number === undefined)).toEqual([])
    expect(new Set(numbers).size).toBe(ADRS.length)
    for (const path of ADRS) {
      const parts = [...read(path).matchAll(/^## (.+)$/gm)].map((match) => match[1])
      expect(parts, path).toEqual([
        'Context',
        'Decision',
        'Rejected',
        'Consequences',
        'The check that notices',
      ])
    }
  })

  it('name checks that exist', () => {
    for (const path of ADRS) {
      const check = read(path).split('## The check that notices')[1] ?? ''
      const files = [...check.matchAll(/`([\w/.-]+\.(?:test\.ts|ts|js|md))`/g)].map(
        (match) => match[1] ?? '',
      )
      expect(files.length, path).toBeGreaterThan(0)
      expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    }
  })
})
