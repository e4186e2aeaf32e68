export const STAGES_PREFIX = 'stages-'

/** From the first to the last. */
export const STAGES_TOPICS = ['in', 'middle', 'out'] as const
