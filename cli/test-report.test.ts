import { describe, expect, it } from 'vitest'
import { endOf, type TestReport } from './test-report.ts'

const report = (over: Partial<TestReport>): TestReport => ({
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  testResults: [],
  ...over,
})

describe('the end of a test run', () => {
  it('is one line that adds up all lanes when nothing failed', () => {
    expect(endOf([report({}), report({ numPassedTests: 2 })], '/code')).toBe(
      '5 passed, 0 failed, 2 skipped\n',
    )
  })

  it('names a failed test with its file and reason, before the counts', () => {
    const failed = report({
      numFailedTests: 1,
      testResults: [
        {
          name: '/code/api/a.test.ts',
          status: 'failed',
          message: '',
          assertionResults: [
            { fullName: 'a holds', status: 'passed', failureMessages: [] },
            { fullName: 'b holds', status: 'failed', failureMessages: ['expected 1\n\n  to be 2'] },
          ],
        },
      ],
    })
    expect(endOf([failed], '/code')).toBe(
      'FAIL api/a.test.ts › b holds\n  expected 1\n    to be 2\n3 passed, 1 failed, 1 skipped\n',
    )
  })

  it('names a file that failed as a whole, and cuts a long reason', () => {
    const message = Array.from({ length: 15 }, (_, line) => `line ${line + 1}`).join('\n')
    const file = { name: '/code/b.test.ts', status: 'failed', message, assertionResults: [] }
    const lines = endOf([report({ testResults: [file] })], '/code').split('\n')
    expect(lines[0]).toBe('FAIL b.test.ts')
    expect(lines[13]).toBe('  … 3 more lines above')
  })
})
