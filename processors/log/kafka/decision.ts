/** How a transaction ended. */
export type Decision = 'commit' | 'abort'

/** In the coordinator's words. Undefined when nothing was begun since somebody took over, or nothing is known. */
export function decisionOf(state: string): Decision | undefined {
  if (state === 'PrepareCommit' || state === 'CompleteCommit') return 'commit'
  return state === '' || state === 'Empty' ? undefined : 'abort'
}
