import { wrong } from '#/api/params.ts'

export const PASSWORD_CHARS_MIN = 8
export const PASSWORD_CHARS_MAX = 256
/** ASVS 5.0 §6.2.4: the 3,000 most common ones that would pass the other rules. */
const COMMON_COUNT = 3_000

let common: Promise<ReadonlySet<string>> | undefined

/** Loaded with the first password that is chosen: 50 ms that a start need not wait for. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(({ dictionary }) => {
    const all: readonly string[] = dictionary['passwords-common']
    const long = all.filter((one) => one.length >= PASSWORD_CHARS_MIN)
    return new Set(long.slice(0, COMMON_COUNT))
  })
  return common
}

/** Length, and not what everybody tries first; nothing about kinds of characters. Fails with `invalid_request`. */
export async function checkNewPassword(password: unknown, email: string): Promise<string> {
  if (typeof password !== 'string' || password.length < PASSWORD_CHARS_MIN)
    throw wrong('password', `A password needs at least ${PASSWORD_CHARS_MIN} characters.`)
  if (password.length > PASSWORD_CHARS_MAX)
    throw wrong('password', `A password has at most ${PASSWORD_CHARS_MAX} characters.`)
  const plain = password.toLowerCase()
  if (plain === email || (await commonPasswords()).has(plain))
    throw wrong(
      'password',
      'This password is one of the first that are tried.',
      'Three words are a good one.',
    )
  return password
}
