import { AssertionError } from '#/kernel/assert.ts'
import { isFaultlineError, messageOf } from '#/kernel/errors.ts'
import type { ConsumedRecord } from '#/processors/log/port.ts'
import type { ProcessorHost } from './processor-host.ts'
import { deadLetter } from './record.ts'
import type { Result } from './record.ts'

/**
 * A processor that throws on a record has a bug that this record shows: the record goes to the dead letters and
 * the stream goes on. A broken invariant and infrastructure that failed are not the record's fault.
 */
export function processOne(host: ProcessorHost, record: ConsumedRecord): Result {
  try {
    return host.process(record)
  } catch (error) {
    if (error instanceof AssertionError) throw error
    if (isFaultlineError(error) && error.retryable) throw error
    const code = isFaultlineError(error) ? error.code : 'internal'
    return deadLetter(code, messageOf(error))
  }
}
