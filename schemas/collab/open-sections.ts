/** Sections of a post-mortem that people write, or a model drafts; all else is copied from what is known. */
export const OPEN_SECTIONS = ['summary', 'lessons', 'follow_ups'] as const
export type OpenSection = (typeof OPEN_SECTIONS)[number]

export const PLACEHOLDERS: Readonly<Record<OpenSection, string>> = {
  summary: 'Two or three sentences for a reader who was not there.',
  lessons: 'What went well, what did not, where we were lucky.',
  follow_ups: 'What will be changed, by whom, until when.',
}

/** Between these two lines of the Markdown lies the section. */
export const beginOf = (section: OpenSection): string => `<!-- open:${section} -->`
export const endOf = (section: OpenSection): string => `<!-- /open:${section} -->`
