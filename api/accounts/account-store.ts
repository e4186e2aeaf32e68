import { openConfigTopic, type ConfigTopicDeps } from '#/api/config-topic.ts'
import { createTurns } from '#/api/first-come.ts'
import type { ConfigEntry } from '#/schemas/records.ts'
import type { AccountKind, AccountRecords } from './account-records.ts'
import { createAccountFold, type AccountState, type Touched } from './account-state.ts'

export interface AccountStore {
  readonly state: AccountState
  /** Durable and applied when it resolves. */
  write<K extends AccountKind>(kind: K, record: AccountRecords[K], actor: string): Promise<void>
  nameOrganisation(name: string, actor: string): Promise<void>
  /** Runs one change after the other: what was looked at still holds when it is written. */
  inTurn<T>(change: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface AccountStoreDeps extends ConfigTopicDeps {
  onTouched(things: readonly Touched[]): void
}

const SWEEP_MS = 600_000
/** What ended is kept this long, so that a spent token is still known for one. */
const KEPT_MS = 86_400_000

/** Accounts as `config.v1` has them: nothing of them lies anywhere else. */
export async function openAccountStore(deps: AccountStoreDeps): Promise<AccountStore> {
  const { clock } = deps
  const fold = createAccountFold()
  const stop = new AbortController()
  const apply = (entry: ConfigEntry): void => {
    const touched = fold.apply(entry)
    const revived = revivedBy(entry, fold.state)
    if (revived !== undefined) void endAgain(revived)
    if (touched.length > 0) deps.onTouched(touched)
  }
  const topic = await openConfigTopic(deps, apply)
  const write: AccountStore['write'] = (kind, record, actor) => {
    const { id, ...value } = record
    return topic.write([{ kind, id, at: clock.nowMs(), actor, value: JSON.stringify(value) }])
  }
  const endAgain = (session: AccountRecords['session']): Promise<void> =>
    write('session', session, 'system').catch((error: unknown) => deps.onProblem?.(error))
  const keeping = (async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(SWEEP_MS, stop.signal)
      if (stop.signal.aborted) return
      const gone = fold.forgetBefore(clock.nowMs() - KEPT_MS)
      await topic.forget(gone).catch((error: unknown) => deps.onProblem?.(error))
    }
  })()
  return {
    state: fold.state,
    write,
    async nameOrganisation(name, actor) {
      const value = JSON.stringify({ name })
      await topic.write([
        { kind: 'organisation', id: 'organisation', at: clock.nowMs(), actor, value },
      ])
    },
    inTurn: createTurns(),
    async close() {
      stop.abort()
      await keeping
      await topic.close()
    },
  }
}

/**
 * The entry says that a session lives which is known to have ended (two processes wrote at the same time). It has to be
 * ended in the log too, where compaction keeps the last entry alone.
 */
function revivedBy(entry: ConfigEntry, state: AccountState): AccountRecords['session'] | undefined {
  if (entry.kind !== 'session') return undefined
  const session = state.sessions.get(entry.id)
  if (session === undefined || session.revoked_at === null) return undefined
  const written = JSON.parse(entry.value) as { revoked_at: number | null }
  return written.revoked_at === null ? session : undefined
}
