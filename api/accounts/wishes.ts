import { wrong } from '#/api/params.ts'
import { ROLES, type Role } from '#/schemas/principal.ts'

/** Reading what people ask for; each fails with `invalid_request` that names the field. */

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,190}$/
const NAME_CHARS_MAX = 80
const PROJECTS_MAX = 100

export function emailOf(value: unknown): string {
  if (typeof value !== 'string' || !EMAIL.test(value.trim()))
    throw wrong('email', 'email must be an address such as ada@example.org.')
  return value.trim().toLowerCase()
}

export function nameOf(value: unknown, email: string): string {
  if (value === undefined || value === '') return email.split('@')[0] ?? email
  if (typeof value !== 'string' || value.trim() === '' || value.length > NAME_CHARS_MAX)
    throw wrong('name', `name must be text of 1 to ${NAME_CHARS_MAX} characters.`)
  // Control characters have no place in what is shown to others.
  return value.trim().replaceAll(/\p{C}/gu, '')
}

export function textOf(value: unknown, path: string, charsMax: number): string {
  if (typeof value === 'string' && value.length <= charsMax) return value
  throw wrong(path, `${path} must be text of at most ${charsMax} characters.`)
}

/** `operator` is what some call a responder. */
export function roleOf(value: unknown): Role {
  const role = value === 'operator' ? 'responder' : value
  if (ROLES.includes(role as Role)) return role as Role
  throw wrong('role', 'role is not one of the roles.', `Use ${ROLES.join(', ')}.`)
}

/** Administrators see all projects; everybody else at least one that exists. */
export function projectsOf(
  value: unknown,
  options: { role: Role; known: readonly string[] },
): readonly string[] | 'all' {
  if (options.role === 'admin' || value === 'all') return 'all'
  if (!Array.isArray(value) || value.length === 0 || value.length > PROJECTS_MAX)
    throw wrong('projects', 'projects must be "all" or a list of projects.')
  for (const [index, one] of value.entries())
    if (!options.known.includes(one as string))
      throw wrong(`projects[${index}]`, 'There is no such project.', 'Create it first.')
  return [...new Set(value as string[])]
}
