/** Where the palette looks for words that name no action. Pure. */
export interface Search {
  title: string
  path: string
  /** The words it looks for; '' when the path says all. */
  text: string
}

const PLACES = [
  ['Search events for', '/explore'],
  ['Search incidents for', '/incidents'],
  ['Search issues for', '/issues'],
] as const

/** `#12` is an incident; anything else may be words of events, incidents or issues. */
export function searchesFor(text: string): readonly Search[] {
  if (text === '') return []
  const number = /^#?(\d{1,9})$/.exec(text)?.[1]
  const incident =
    number === undefined
      ? []
      : [{ title: `Go to incident #${number}`, path: `/incidents/${number}`, text: '' }]
  return [
    ...incident,
    ...PLACES.map(([title, path]) => ({ title: `${title} “${text}”`, path, text })),
  ]
}
