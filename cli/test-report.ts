import { relative } from 'node:path'

/** What vitest's JSON reporter writes about one run; only what is read here. */
export interface TestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  testResults: readonly {
    name: string
    status: string
    /** Why the file itself failed, when none of its tests did. */
    message: string
    assertionResults: readonly {
      fullName: string
      status: string
      failureMessages?: readonly string[]
    }[]
  }[]
}

const LINES_OF_A_FAILURE = 12

/**
 * The end of a run: every failure with its place and reason, then one line that counts. Failures stand last because a
 * log of many thousand lines is often kept by its end only.
 */
export function endOf(reports: readonly TestReport[], root: string): string {
  const sum = (name: 'numPassedTests' | 'numFailedTests' | 'numPendingTests'): number =>
    reports.reduce((total, report) => total + report[name], 0)
  const failures = reports.flatMap((report) => failuresOf(report, root))
  const counts = `${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${sum('numPendingTests')} skipped`
  return [...failures, counts].map((line) => `${line}\n`).join('')
}

function failuresOf(report: TestReport, root: string): string[] {
  return report.testResults.flatMap((file) => {
    const path = relative(root, file.name)
    const failed = file.assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0 && file.status === 'failed')
      return [`FAIL ${path}`, ...cut(file.message)]
    return failed.flatMap((test) => [
      `FAIL ${path} › ${test.fullName}`,
      ...cut((test.failureMessages ?? []).join('\n')),
    ])
  })
}

function cut(message: string): string[] {
  const lines = message.split('\n').filter((line) => line.trim() !== '')
  const left = lines.length - LINES_OF_A_FAILURE
  const shown = lines.slice(0, LINES_OF_A_FAILURE).map((line) => `  ${line}`)
  return left > 0 ? [...shown, `  … ${left} more lines above`] : shown
}
