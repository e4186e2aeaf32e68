import { FaultlineError } from '#/kernel/errors.ts'

/** Stands for a part this process does not have: every method fails with the same sentence. */
// The caller says which part it stands for.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function absent<T extends object>(what: string, remedy: string): T {
  const refuse = (): Promise<never> =>
    Promise.reject(new FaultlineError('config_invalid', what, { remedy }))
  return new Proxy({} as T, { get: () => refuse })
}
