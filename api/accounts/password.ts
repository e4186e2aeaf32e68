import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { FaultlineError } from '#/kernel/errors.ts'

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

export interface PasswordCost {
  /** The logarithm of N: memory is 1 KiB · 2^logN with r = 8. */
  logN: number
  r: number
  p: number
}

/** OWASP's password storage cheat sheet: N = 2^15, r = 8, p = 3 holds 32 MiB for about a third of a second. */
export const PASSWORD_COST: PasswordCost = Object.freeze({ logN: 15, r: 8, p: 3 })

const HASH_BYTES = 32
const SALT_BYTES = 16
const STORED = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22})\$([\w-]{43})$/

export interface Passwords {
  /** For storage: method, cost, salt and hash. Fails with `overloaded` when too many wait. */
  hash(password: string): Promise<string>
  /** Costs the same where nothing is stored, so that the time does not tell who has an account. */
  verify(password: string, stored: string): Promise<boolean>
}

/** Each holds 32 MiB and a core: more of them at once would starve the rest of the process. */
const RUNNING_MAX = 2
const WAITING_MAX = 30

export function createPasswords(cost: PasswordCost = PASSWORD_COST): Passwords {
  const decoy = `scrypt$${cost.logN}$${cost.r}$${cost.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`
  const gate = createGate()
  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES)
      const derived = await gate(() => derive(password, { ...cost, salt }))
      const { logN, r, p } = cost
      return `scrypt$${logN}$${r}$${p}$${salt.toString('base64url')}$${derived.toString('base64url')}`
    },
    async verify(password, stored) {
      const match = STORED.exec(stored) ?? STORED.exec(decoy)
      const [, logN = '', r = '', p = '', salt = '', expected = ''] = match ?? []
      const derived = await gate(() =>
        derive(password, {
          logN: Number(logN),
          r: Number(r),
          p: Number(p),
          salt: Buffer.from(salt, 'base64url'),
        }),
      )
      return timingSafeEqual(derived, Buffer.from(expected, 'base64url')) && STORED.test(stored)
    },
  }
}

function derive(password: string, options: PasswordCost & { salt: Buffer }): Promise<Buffer> {
  const { logN, r, p, salt } = options
  const N = 2 ** logN
  // Typed differently on two keyboards, one password is the same text (NIST SP 800-63B §3.1.1.2).
  return scryptAsync(password.normalize('NFKC'), salt, HASH_BYTES, {
    N,
    r,
    p,
    maxmem: 256 * N * r,
  })
}

/** Lets a few run, some wait, and refuses the rest. */
function createGate() {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < RUNNING_MAX) running += 1
    else if (waiting.length < WAITING_MAX)
      await new Promise<void>((resolve) => waiting.push(resolve))
    else
      throw new FaultlineError('overloaded', 'Too many people sign in at this moment.', {
        remedy: 'Try again in a few seconds.',
      })
    try {
      return await work()
    } finally {
      // The place goes to the next one, or is given back.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
