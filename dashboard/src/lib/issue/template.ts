/** A template is text with `<*>` where its variables stand. */

export interface TemplatePart {
  text: string
  variable: boolean
}

export function templateParts(template: string): readonly TemplatePart[] {
  return template
    .split('<*>')
    .flatMap((text, index) => [
      ...(index === 0 ? [] : [{ text: '*', variable: true }]),
      ...(text === '' ? [] : [{ text, variable: false }]),
    ])
}

const METHODS: Readonly<Record<string, string>> = {
  rule: 'A rule of this project names its fingerprint.',
  sender: 'The sender set its fingerprint.',
  code: 'The sender gave an error code and a route: the same code, route and environment are one issue.',
  stack:
    'The stack traces go through the same functions; line numbers and library frames do not count.',
  type_message: 'No usable stack: the same exception type and the same message template.',
  message: 'No stack and no type: the same message template.',
}

/** Why events became one issue, as a sentence. */
export function methodSentence(method: string): string {
  return METHODS[method] ?? `Grouped by ${method}.`
}
