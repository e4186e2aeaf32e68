import type { Detection } from '#/processors/domain/spike/types.ts'
import type { Action } from '#/schemas/records.ts'

/** Kind of the action that carries what a detector of the team found; nobody asked for it in a room. */
export const DETECTOR_ACTION = 'detector'

/** undefined for other actions. */
export function findingIn({ kind, role, payload }: Action): Detection | undefined {
  if (kind !== DETECTOR_ACTION || role !== '') return undefined
  return (JSON.parse(payload) as { detection: Detection }).detection
}
