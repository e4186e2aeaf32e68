/** Parts of a page that may fail alone: what is left stands, and what is missing is said. */
export interface Parts {
  /** Names of what could not be read, as a sentence names them. */
  readonly missing: string[]
  /** The answer, or null when there is none. */
  read<T>(name: string, answer: Promise<T>): Promise<T | null>
}

export function createParts(): Parts {
  const missing: string[] = []
  return {
    missing,
    async read(name, answer) {
      try {
        return await answer
      } catch {
        // Why stands in the log of the platform; Pipeline and Status tell of the store.
        if (!missing.includes(name)) missing.push(name)
        return null
      }
    },
  }
}
