import { FaultlineError, messageOf } from '#/kernel/errors.ts'

export interface WorkState {
  running: boolean
  /** reading, done, failed, cancelled; empty when there was none since this process began. */
  phase: string
  records: number
  total: number
  error: string
}

export interface WorkTask<State extends WorkState> {
  /** What is known of it from the start. */
  about: Partial<State>
  /** What it found. Aborted, it may fail in any way. */
  run(work: {
    signal: AbortSignal
    onProgress: (progress: Progress) => void
  }): Promise<Partial<State>>
  /** Once it is over, however it ended: what is known besides. */
  ended?(state: State): Partial<State> | Promise<Partial<State>>
}

type Progress = Pick<WorkState, 'records' | 'total'>

export interface SingleWork<State extends WorkState> {
  /** Fails with `conflict` while another one runs. */
  start(task: WorkTask<State>): State
  state: () => State
  /** Resolves with how it ended. */
  cancel: () => Promise<State>
}

/** Long work beside live work, one at a time; the last one is remembered until the process ends. */
export function createSingleWork<State extends WorkState>(
  name: string,
  never: State,
): SingleWork<State> {
  let state = never
  let stop = new AbortController()
  let work: Promise<void> = Promise.resolve()

  const go = async (task: WorkTask<State>): Promise<void> => {
    const { signal } = stop
    const onProgress = ({ records, total }: Progress): void => {
      state = { ...state, records, total }
    }
    try {
      const found = await task.run({ signal, onProgress })
      state = { ...state, ...found, running: false, phase: 'done' }
    } catch (error) {
      const phase = signal.aborted ? 'cancelled' : 'failed'
      state = { ...state, running: false, phase, error: signal.aborted ? '' : messageOf(error) }
    }
    state = { ...state, ...(await task.ended?.(state)) }
  }

  return {
    start(task) {
      if (state.running)
        throw new FaultlineError('conflict', `${name} is running`, {
          remedy: 'wait for it, or cancel it',
        })
      stop = new AbortController()
      state = { ...never, ...task.about, running: true, phase: 'reading' }
      work = go(task)
      return state
    },
    state: () => state,
    async cancel() {
      stop.abort()
      await work
      return state
    },
  }
}
