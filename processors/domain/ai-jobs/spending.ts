import type { Usage } from './job.ts'

/** What one project may spend on models in one day (UTC); a bound that is reached is a hard stop until midnight. */
export interface Budget {
  tokensMax: number
  costMicrosMax: number
}

/** What one project spent in one day. */
export interface DaySpending extends Usage {
  calls: number
  /** Kept free for attempts that run. */
  reserved: Usage
  /** Summaries that rules wrote although a model was asked, and those it wrote. */
  fallbacks: number
  answers: number
}

const DAY_MS = 86_400_000
/** Days of projects remembered; the oldest go. */
const ENTRIES_MAX = 2_000

export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS)
}

/** Spending by project and day, as the journal adds it up. */
export class Spending {
  readonly #days = new Map<string, DaySpending>()

  of(project: string, at: number): Readonly<DaySpending> {
    return this.#days.get(keyOf(project, at)) ?? empty()
  }

  entries(): readonly (readonly [string, DaySpending])[] {
    return [...this.#days]
  }

  restore(entries: readonly (readonly [string, DaySpending])[]): void {
    for (const [key, day] of entries) this.#days.set(key, structuredClone(day))
  }

  /** For changing. */
  take(project: string, at: number): DaySpending {
    const key = keyOf(project, at)
    let day = this.#days.get(key)
    if (day === undefined) {
      const oldest = this.#days.keys().next()
      if (this.#days.size >= ENTRIES_MAX && oldest.done === false) this.#days.delete(oldest.value)
      this.#days.set(key, (day = empty()))
    }
    return day
  }

  /** Whether `wanted` still fits; with a budget of 0 nothing ever does. */
  allows(
    project: string,
    at: number,
    { budget, wanted }: { budget: Budget; wanted: Usage },
  ): boolean {
    const { tokens, costMicros, reserved } = this.of(project, at)
    return (
      budget.tokensMax > 0 &&
      budget.costMicrosMax > 0 &&
      tokens + reserved.tokens + wanted.tokens <= budget.tokensMax &&
      costMicros + reserved.costMicros + wanted.costMicros <= budget.costMicrosMax
    )
  }
}

function keyOf(project: string, at: number): string {
  return `${dayOf(at)} ${project}`
}

function empty(): DaySpending {
  const reserved = { tokens: 0, costMicros: 0 }
  return { tokens: 0, costMicros: 0, calls: 0, reserved, fallbacks: 0, answers: 0 }
}
