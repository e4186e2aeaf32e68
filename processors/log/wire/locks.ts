/** Work of the same name runs one after another, in the order it came. */
export interface Locks {
  run<T>(name: string, work: () => Promise<T>): Promise<T>
}

export function createLocks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  return {
    run(name, work) {
      const before = last.get(name)
      const done = before === undefined ? work() : before.then(work, work)
      last.set(name, done)
      const forget = (): void => {
        if (last.get(name) === done) last.delete(name)
      }
      done.then(forget, forget)
      return done
    },
  }
}
