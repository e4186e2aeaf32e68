import type { Api } from './api.ts'
import type { WireWriter } from './wire-writer.ts'

/**
 * ApiVersions is the one request that comes before versions are agreed on: an unknown version is answered in the
 * oldest form with the list, so that the client can ask again (KIP-511).
 */
export function answerApiVersions(
  apis: readonly Api[],
  { version, code }: { version: number; code: number },
  answer: WireWriter,
): void {
  answer.int16(code)
  const isFlexible = version >= 3
  if (isFlexible) answer.uvarint(apis.length + 1)
  else answer.int32(apis.length)
  for (const { key, versions } of apis) {
    answer.int16(key).int16(versions[0]).int16(versions[1])
    if (isFlexible) answer.uvarint(0)
  }
  if (version >= 1) answer.int32(0)
  if (isFlexible) answer.uvarint(0)
}
