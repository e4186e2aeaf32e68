import { expect, it } from 'vitest'

import type { Api } from '#lib/api/client.ts'
import type { Incident } from '#lib/contract.ts'
import { incidentSamples } from '#lib/incident/samples.ts'
import { createParts } from '#lib/partial/parts.ts'

it('[E16] hands on what was read and names what was not, once', async () => {
  const parts = createParts()
  const [deploys, graph, again] = await Promise.all([
    parts.read('the deploys', Promise.resolve([1])),
    parts.read('the graph', Promise.reject(new Error('503'))),
    parts.read('the graph', Promise.reject(new Error('503'))),
  ])
  expect([deploys, graph, again]).toEqual([[1], null, null])
  expect(parts.missing).toEqual(['the graph'])
})

it('[E16] samples that cannot be read are missing, not none', async () => {
  const issue = (() => Promise.reject(new Error('503'))) as unknown as Api['issue']
  const incident = {
    openedAt: 0,
    lastActivityAt: 1,
    updatedAt: 1,
    members: [{ fingerprint: 'f', events: 1 }],
  } as unknown as Incident
  const parts = createParts()
  expect(await incidentSamples({ issue }, incident, parts)).toEqual([])
  expect(parts.missing).toEqual(['samples'])
})
