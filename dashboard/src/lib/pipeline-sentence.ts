import type { PipelineView } from '#lib/contract.ts'
import { compact, counted, listed } from '#lib/format.ts'

/** Lag that a running pipeline works off within a few seconds. */
const LAG_CALM = 10_000

/** Whether the numbers elsewhere can be trusted, in one sentence. */
export function pipelineSentence(view: PipelineView): string {
  if (view.storage === null)
    return 'ClickHouse does not answer: figures are missing or old; events are kept in the log.'
  const broken = view.stages.filter((stage) => stage.status !== 'running')
  if (broken.length > 0) {
    const names = listed(broken.map((stage) => stage.stage))
    const state = broken.every((stage) => stage.status === 'restarting')
      ? 'restarting'
      : 'not running'
    return `${names} ${broken.length === 1 ? 'is' : 'are'} ${state}: numbers are incomplete.`
  }
  const lag = view.stages.reduce((sum, stage) => sum + stage.lag, 0)
  if (view.stages.length === 0) return 'No processor has reported yet.'
  if (lag > LAG_CALM) return `The pipeline is behind by ${compact(lag)} records: numbers come late.`
  if (view.dead_letters > 0) {
    return `All processors keep up; ${counted(view.dead_letters, 'record')} could not be processed.`
  }
  return 'All processors keep up: the numbers can be trusted.'
}
