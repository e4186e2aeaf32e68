export const ISSUE_SORTS = ['last_seen', 'events', 'users', 'first_seen'] as const
/** An issue is rarer than an event: a day is looked at unless the address says otherwise. */
export const DEFAULT_ISSUE_RANGE = '24h'
export const ISSUE_ROWS = 200
