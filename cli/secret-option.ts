/** A secret may be given itself, best as an environment variable, or as the file that holds it. */
export function secret<N extends string>(name: N, about: string) {
  const file = `${name}-file` as const
  return [
    { name, type: 'text', secret: true, value: 'secret', about },
    { name: file, type: 'text', value: 'file', about: `file that holds the ${name}` },
  ] as const
}
