import { afterEach, describe, it } from 'vitest'
import { groupRules } from './contract-suite-groups.ts'
import type { LogFixture } from './contract-suite-kit.ts'
import { recordRules } from './contract-suite-records.ts'
import { upkeepRules } from './contract-suite-upkeep.ts'

export interface ContractOptions {
  /** Numbers of the rules this adapter cannot keep, with the reason: they must fail, not be skipped. */
  expectedFailures?: Readonly<Record<string, string>>
  /** The same for rules about races, which an adapter that does not keep them may pass by luck: skipped. */
  notPromised?: Readonly<Record<string, string>>
}

/**
 * What every adapter of the port must do; the numbers are those of SPEC.md. `makeLog` gives an empty log, with
 * segments of a few kilobytes where it has any.
 */
export function describeLogContract(
  name: string,
  makeLog: () => Promise<LogFixture>,
  { expectedFailures = {}, notPromised = {} }: ContractOptions = {},
): void {
  describe(`log contract: ${name}`, () => {
    let open: LogFixture | undefined
    afterEach(async () => {
      await open?.dispose()
      open = undefined
    })
    for (const [title, test] of Object.entries({ ...recordRules, ...groupRules, ...upkeepRules })) {
      const number = /^\[(\w+)\]/.exec(title)?.[1] ?? ''
      const reason = expectedFailures[number]
      const run = async (): Promise<void> => {
        open = await makeLog()
        await test(open)
      }
      const noPromise = notPromised[number]
      if (noPromise !== undefined) it.skip(`${title} (not promised: ${noPromise})`, run)
      else if (reason === undefined) it(title, run)
      else it.fails(`${title} (cannot: ${reason})`, run)
    }
  })
}
