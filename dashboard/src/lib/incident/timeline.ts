import type { DeployView, TimelineEntry } from '#lib/contract.ts'
import { plainTitle } from '#lib/format.ts'

export interface TimelineItem {
  key: string
  at: number
  kind: string
  label: string
  sign: string
  sentence: string
  actor: string
  /** The first one of a UTC day. */
  newDay: boolean
}

const DAY_MS = 86_400_000

/** Word and sign of each kind of step; kinds that are not known are shown by their own name. */
const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  opened: ['Opened', '◆'],
  joined: ['Joined', '+'],
  updated: ['Updated', '·'],
  severity: ['Severity', '▲'],
  merged: ['Merged', '⇉'],
  split: ['Split', '⇶'],
  flapping: ['Flapping', '~'],
  resolved: ['Resolved', '✓'],
  reopened: ['Reopened', '↺'],
  deploy: ['Deploy', '▼'],
  note: ['Note', '¶'],
  status: ['Status', '→'],
}

/** Steps of the incident and deploys around it in one order of time. */
export function timelineItems(
  entries: readonly TimelineEntry[],
  deploys: readonly DeployView[],
  suspects: readonly string[],
): readonly TimelineItem[] {
  const steps = entries.map((entry) => ({
    key: `step-${entry.seq}`,
    at: entry.at,
    kind: entry.kind,
    sentence: entry.sentence,
    actor: entry.actor ?? '',
  }))
  const blamed = suspects.length > 1 ? ', a suspected cause' : ', the suspected cause'
  const knowsDeploys = entries.some((entry) => entry.kind === 'deploy')
  const releases = knowsDeploys
    ? []
    : deploys.map((deploy) => ({
        key: `deploy-${deploy.deploy_id}`,
        at: deploy.at,
        kind: 'deploy',
        sentence:
          `${deploy.service} ${deploy.release}${suspects.includes(deploy.deploy_id) ? blamed : ''}. ${deploy.message}`.trim(),
        actor: '',
      }))
  const all = [...steps, ...releases].toSorted((a, b) => a.at - b.at || a.key.localeCompare(b.key))
  return all.map((item, index) => {
    const [label, sign] = KINDS[item.kind] ?? [item.kind, '·']
    const before = all[index - 1]
    const newDay =
      before !== undefined && Math.floor(before.at / DAY_MS) !== Math.floor(item.at / DAY_MS)
    // Some sentences begin with the word that stands before them anyway.
    const told = item.sentence.startsWith(`${label}: `)
    const sentence = told ? item.sentence.slice(label.length + 2) : item.sentence
    return { ...item, sentence: plainTitle(sentence), label, sign, newDay }
  })
}
