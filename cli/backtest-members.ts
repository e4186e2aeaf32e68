import type { IncidentMembership } from '#/processors/domain/incident/clusterer.ts'

const SLACK_MS = 60_000

/**
 * Times and ids of the events of every issue, to tell at the end which ones an incident holds. It grows with the
 * input: about 100 bytes an event.
 */
export interface EventLedger {
  add(event: LedgerEvent): void
  /** Ids of the events within the episodes of the incident's issues, in order of arrival by issue. */
  membersOf(membership: IncidentMembership): string[]
}

export interface LedgerEvent {
  id: string
  atMs: number
  service: string
  environment: string
  fingerprint: string
}

interface Column {
  times: number[]
  ids: string[]
}

function nameOf(issue: Omit<LedgerEvent, 'id' | 'atMs'>): string {
  return `${issue.fingerprint}@${issue.environment}/${issue.service}`
}

export function createEventLedger(): EventLedger {
  const issues = new Map<string, Column>()
  return {
    add(event) {
      if (event.fingerprint === '') return
      const name = nameOf(event)
      let column = issues.get(name)
      if (column === undefined) issues.set(name, (column = { times: [], ids: [] }))
      column.times.push(event.atMs)
      column.ids.push(event.id)
    },
    membersOf({ issues: members }) {
      const ids: string[] = []
      for (const member of members) {
        const column = issues.get(nameOf(member))
        column?.times.forEach((atMs, at) => {
          const isInside = member.episodes.some(
            ({ fromMs, toMs }) => atMs >= fromMs - SLACK_MS && atMs <= toMs + SLACK_MS,
          )
          if (isInside) ids.push(column.ids[at] ?? '')
        })
      }
      return ids
    },
  }
}
