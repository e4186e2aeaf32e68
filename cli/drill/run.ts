import type { SandboxDesk } from '#/api/drills.ts'
import type { Kit } from '#/cli/kit.ts'
import { systemClock } from '#/kernel/clock.ts'
import { FaultlineError, messageOf } from '#/kernel/errors.ts'
import { drillClock } from '#/processors/domain/drill/retime.ts'
import type { DrillState, DrillView } from '#/schemas/drill-view.ts'
import type { DrillDeps } from './desk.ts'
import { writeRecord } from './record.ts'
import type { Deck, Sandbox } from './sandbox.ts'
import type { DrillStore, KeptDrill } from './store.ts'

export interface Conducted {
  view(): DrillView
  /** What is played is copied; fails as `cutTape` does, and then nothing is left of it. */
  cut: Promise<void>
  /** Writes the report and closes the sandbox; resolves when the report is there. */
  end(by: string): Promise<DrillView>
  /** Closes the sandbox as it is: the next process goes on. */
  leave(): Promise<void>
  /** Ended, failed or left; the sandbox is closed. */
  done: Promise<void>
}

interface RunDeps extends DrillDeps {
  store: DrillStore
}

/** The page that ended it gets its answer before its server goes. */
const LINGER_MS = 500
const PLATFORM_URL = 'platform-url'

/** One drill from its preparation, or from where an earlier process left it, to its report. */
export function conductDrill(
  kit: Kit,
  deps: RunDeps,
  { drill, isNew }: { drill: KeptDrill; isNew: boolean },
): Conducted {
  return new DrillRun(kit, deps, drill).conduct(isNew)
}

class DrillRun {
  readonly #kit: Kit
  readonly #deps: RunDeps
  /** Ends playing and waiting. */
  readonly #stop = new AbortController()
  #drill: KeptDrill
  #deck: Deck | undefined
  #sandbox: Sandbox | undefined
  #isLeft = false
  #isEnding = false
  #why = ''
  #reported = Promise.withResolvers<DrillView>()

  constructor(kit: Kit, deps: RunDeps, drill: KeptDrill) {
    this.#kit = kit
    this.#deps = deps
    this.#drill = drill
  }

  conduct(isNew: boolean): Conducted {
    const cut = isNew ? this.#cut() : Promise.resolve()
    const done = cut.then(
      () => this.#run(isNew),
      () => undefined,
    )
    // Who asked for the end hears of it; nobody may have.
    this.#reported.promise.catch(() => undefined)
    return {
      cut,
      done,
      view: () => this.#view(),
      end: (by) => this.#end(by),
      leave: async () => {
        this.#isLeft = true
        this.#stop.abort()
        await done
      },
    }
  }

  #view(): DrillView {
    const { view, plan } = this.#drill
    const isOver = view.state === 'ended' || view.state === 'failed'
    if (this.#sandbox === undefined || isOver) return view
    const played = this.#sandbox.position()
    const isPlayed = systemClock.nowMs() >= view.played_at
    const state: DrillState = isPlayed ? 'grace' : 'playing'
    return { ...view, state, played, port: this.#sandbox.port, speed: plan.speed }
  }

  #save(change: Partial<DrillView>): void {
    this.#drill = { ...this.#drill, view: { ...this.#drill.view, ...change } }
    this.#deps.store.save(this.#drill)
  }

  async #cut(): Promise<void> {
    const { store } = this.#deps
    const { id } = this.#drill.view
    // From here on a process that dies leaves word of it, and the next one clears up.
    this.#save({})
    try {
      this.#deck = await this.#deps.openDeck(this.#kit, this.#wish(), ({ events, fromMs }) => {
        this.#save({ events, lead_from: Math.max(fromMs, this.#drill.plan.leadFromMs) })
      })
    } catch (error) {
      // Nothing was played: it is as if it had not been asked for.
      store.drop(id)
      throw error
    }
  }

  #wish() {
    const { view, plan } = this.#drill
    const { id, project } = view
    return { plan, project, dataDir: this.#deps.store.sandboxDir(id) }
  }

  async #run(isNew: boolean): Promise<void> {
    const { logger } = this.#kit
    const { store } = this.#deps
    try {
      const sandbox = await this.#open(isNew)
      logger.info('a drill is open', { drill: this.#drill.view.id, port: sandbox.port })
      await sandbox.play(this.#stop.signal)
      const waitMs = this.#drill.view.closes_at - systemClock.nowMs()
      if (waitMs > 0) await systemClock.sleep(waitMs, this.#stop.signal)
      if (!this.#isLeft) await this.#report(sandbox)
    } catch (error) {
      if (!this.#isLeft) this.#fail(error)
    }
    if (this.#view().state === 'ended') await systemClock.sleep(LINGER_MS)
    await this.#deck?.close().catch((error: unknown) => logger.warn('a drill', { error }))
    if (!this.#isLeft) store.dropSandbox(this.#drill.view.id)
  }

  async #open(isNew: boolean): Promise<Sandbox> {
    const { openDeck, openSandbox, keys, people } = this.#deps
    this.#deck ??= await openDeck(this.#kit, this.#wish())
    const startedMs = isNew ? null : this.#drill.view.started_at
    const { plan } = this.#drill
    const desk = this.#sandboxDesk()
    const sandbox = await openSandbox(this.#deck, { plan, startedMs, desk, keys, people })
    if (isNew) this.#save(startedView(this.#drill, sandbox.startedMs))
    this.#sandbox = sandbox
    return sandbox
  }

  #sandboxDesk(): SandboxDesk {
    const { config, dataDir } = this.#kit
    return {
      view: () => {
        const port = Number(new URL(dataDir.read(PLATFORM_URL) ?? 'http://localhost:0').port)
        const home = { port, url: config.publicUrl ?? '' }
        return { drill: this.#view(), home, now: systemClock.nowMs() }
      },
      end: (by) => this.#end(by),
    }
  }

  #end(by: string): Promise<DrillView> {
    if (this.#isEnding || this.#isLeft || this.#sandbox === undefined)
      return Promise.reject(
        new FaultlineError('conflict', 'The drill is being prepared, or is ending already.', {
          remedy: 'Try again in a moment.',
        }),
      )
    this.#isEnding = true
    this.#why = `Ended by ${by}.`
    this.#stop.abort()
    return this.#reported.promise
  }

  async #report(sandbox: Sandbox): Promise<void> {
    this.#isEnding = true
    const { store, history } = this.#deps
    const { view, plan } = this.#drill
    const { played } = this.#view()
    const why = this.#why === '' ? 'All was played, and the time after it was over.' : this.#why
    const { rooms, kept } = await sandbox.harvest()
    const final: DrillView = {
      ...view,
      played,
      why,
      state: 'ended',
      ended_at: systemClock.nowMs(),
      port: 0,
    }
    const record = writeRecord({
      drill: final,
      answer: plan.answer,
      beganMs: plan.beganMs,
      events: { recorded: view.events, played, kept },
      recorded: await history(view.incident_id),
      rooms,
    })
    store.saveRecord(view.id, record)
    this.#save(final)
    this.#reported.resolve(final)
  }

  #fail(error: unknown): void {
    const { logger } = this.#kit
    logger.warn('a drill failed', { error })
    this.#save({ state: 'failed', why: messageOf(error), ended_at: systemClock.nowMs(), port: 0 })
    this.#reported.reject(error)
  }
}

/** The clock of a drill that begins now. */
function startedView(drill: KeptDrill, startedMs: number): DrillView {
  const { plan, view } = drill
  const playedMs = drillClock(plan, startedMs).dueAt(plan.toMs)
  return {
    ...view,
    state: 'playing',
    started_at: startedMs,
    played_at: playedMs,
    closes_at: playedMs + plan.graceMs,
  }
}
