import type { Focus, Present } from '#/schemas/collab/protocol.ts'
import { canonicalJson } from '#/schemas/collab/json.ts'

/** One tab, or one gateway's view of a person. */
export interface Tab {
  person: Omit<Present, 'focus' | 'tabs'>
  focus: Focus | null
  /** When the focus was set: of several tabs the latest one shows. */
  focusedAt: number
}

/** What another gateway said about a room. */
export interface RemotePeople {
  at: number
  tabs: readonly Tab[]
}

/**
 * Who is in one room now: the tabs of this gateway and what the others tell. Memory, never stored; a gateway that
 * falls silent takes its people with it.
 */
export class Presence {
  readonly #local = new Map<string, Tab>()
  readonly #remote = new Map<string, RemotePeople>()
  #told = new Map<string, string>()
  isDirty = false
  /** Something of this gateway's own changed since others were told. */
  isUntold = false

  enter(tabId: string, tab: Tab): void {
    this.#local.set(tabId, tab)
    this.#touch()
  }

  leave(tabId: string): void {
    if (this.#local.delete(tabId)) this.#touch()
  }

  focus(tabId: string, focus: Focus | null, nowMs: number): void {
    const tab = this.#local.get(tabId)
    if (tab === undefined) return
    this.#local.set(tabId, { ...tab, focus, focusedAt: nowMs })
    this.#touch()
  }

  hear(gateway: string, people: RemotePeople): void {
    if (people.tabs.length === 0) this.#remote.delete(gateway)
    else this.#remote.set(gateway, people)
    this.isDirty = true
  }

  forgetSilent(beforeMs: number): void {
    for (const [gateway, { at }] of this.#remote)
      if (at < beforeMs) {
        this.#remote.delete(gateway)
        this.isDirty = true
      }
  }

  /** What the other gateways are told. */
  own(): readonly Tab[] {
    return [...this.#local.values()]
  }

  isEmpty(): boolean {
    return this.#local.size === 0
  }

  /** Several tabs of one person are one avatar. */
  people(): Present[] {
    const byPerson = new Map<string, { shown: Present; focusedAt: number }>()
    const all = [...this.#remote.values()].flatMap(({ tabs }) => tabs)
    for (const { person, focus, focusedAt } of [...this.#local.values(), ...all]) {
      const known = byPerson.get(person.id)
      const isNewer = known === undefined || (focus !== null && focusedAt >= known.focusedAt)
      byPerson.set(person.id, {
        shown: {
          ...(known?.shown ?? person),
          focus: isNewer ? focus : known.shown.focus,
          tabs: (known?.shown.tabs ?? 0) + 1,
        },
        focusedAt: isNewer ? focusedAt : known.focusedAt,
      })
    }
    return [...byPerson.values()]
      .map(({ shown }) => shown)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** What changed since the last call; undefined when nothing did. */
  delta(): { set: Present[]; gone: string[] } | undefined {
    this.isDirty = false
    const now = new Map(this.people().map((person) => [person.id, person]))
    const texts = new Map([...now].map(([id, person]) => [id, canonicalJson(person)]))
    const set = [...now.values()].filter(({ id }) => this.#told.get(id) !== texts.get(id))
    const gone = [...this.#told.keys()].filter((id) => !now.has(id))
    this.#told = texts
    return set.length === 0 && gone.length === 0 ? undefined : { set, gone }
  }

  #touch(): void {
    this.isDirty = true
    this.isUntold = true
  }
}
