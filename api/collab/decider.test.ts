import { describe, expect, it } from 'vitest'
import type { AnyKind } from '#/schemas/collab/commands.ts'
import { ENGINE } from '#/schemas/collab/state.ts'
import type { Actor, Command } from '#/schemas/collab/state.ts'
import { STEP } from '#/schemas/collab/test-room.ts'
import { refusalCommand } from '#/processors/stages/refusal-record.ts'
import { commandOf } from './action-record.ts'
import { Decider } from './decider.ts'

const ANN: Actor = { id: 'user:ann', name: 'Ann', role: 'responder' }
const BEN: Actor = { id: 'user:ben', name: 'Ben', role: 'responder' }

let count = 0
function submitted(
  incidentId: string,
  kind: AnyKind,
  payload: object,
  more: Partial<Command> = {},
) {
  const cmdId = `c:${(count += 1)}`
  const command = { cmdId, kind, payload, actor: ANN, at: 1, ...more } as Command
  return { project: 'default', incidentId, command }
}

describe('deciding', () => {
  it('[D7] with 10,000 incidents a change of status is decided in far less than 100 ms', () => {
    const decider = new Decider()
    for (let index = 0; index < 10_000; index += 1) {
      decider.decide(submitted(`i${index}`, 'engine', STEP, { actor: ENGINE }), 1)
      decider.decide(submitted(`i${index}`, 'join', {}), 1)
    }
    const times: number[] = []
    for (let index = 0; index < 1_000; index += 1) {
      const expected = { expect: { field: 'status', rev: 1 } }
      const wish = submitted(`i${index * 7}`, 'status_change', { status: 'resolved' }, expected)
      const startedMs = performance.now()
      expect(decider.decide(wish, 2)?.result).toBe('')
      times.push(performance.now() - startedMs)
    }
    // The middle one: a busy machine delays some, what costs too much delays all.
    expect(times.toSorted((a, b) => a - b)[500]).toBeLessThan(20)
  })

  it('ids of commands count within their author, and within their incident', () => {
    const decider = new Decider()
    for (const incident of ['i1', 'i2']) {
      decider.decide(submitted(incident, 'engine', STEP, { actor: ENGINE }), 1)
      for (const actor of [ANN, BEN])
        expect(
          decider.decide(submitted(incident, 'join', {}, { actor, cmdId: 'x:1' }), 1),
        ).toBeDefined()
    }
    expect(decider.decide(submitted('i1', 'join', {}, { cmdId: 'x:1' }), 1)).toBeUndefined()
  })

  it('what the engine would not do becomes part of the room, once', () => {
    const decider = new Decider()
    decider.decide(submitted('i1', 'engine', STEP, { actor: ENGINE }), 1)
    const record = refusalCommand({
      project: 'default',
      commandId: 'c:7',
      action: { kind: 'merge', into: 'i2', incidentId: 'i1', actor: 'Ann', atMs: 1 },
      reason: 'incident #2 is resolved; open it first',
      decidedAt: 1,
      at: 2,
    })
    const refusal = commandOf(record)!
    expect(decider.decide(refusal, 3)).toMatchObject({
      kind: 'refused',
      seq: 2,
      actor: 'engine',
      result: '',
    })
    expect(decider.decide(refusal, 4)).toBeUndefined()
  })

  it('an incident is merged into one that is there, in its own project', () => {
    const decider = new Decider()
    for (const incident of ['i1', 'i2'])
      decider.decide(submitted(incident, 'engine', STEP, { actor: ENGINE }), 1)
    const foreign = submitted('i3', 'engine', STEP, { actor: ENGINE })
    decider.decide({ ...foreign, project: 'other' }, 1)
    decider.decide(submitted('i1', 'join', {}), 1)
    const merge = (into: string) => decider.decide(submitted('i1', 'merge_into', { into }), 1)
    expect(['nothing', 'i3', 'i2'].map((into) => merge(into)?.result)).toEqual([
      'missing',
      'missing',
      '',
    ])
  })

  it('an incident is not merged into one that is over or went elsewhere itself', () => {
    const decider = new Decider()
    for (const incident of ['i1', 'over', 'moved'])
      decider.decide(submitted(incident, 'engine', STEP, { actor: ENGINE }), 1)
    const later = (kind: string) => ({ ...STEP.step, seq: 2, kind })
    const over = { ...STEP, step: later('resolved'), status: 'resolved' }
    const moved = { ...STEP, step: later('redirect'), redirectTo: 'over' }
    decider.decide(submitted('over', 'engine', over, { actor: ENGINE, cmdId: 'engine:2' }), 2)
    decider.decide(submitted('moved', 'engine', moved, { actor: ENGINE, cmdId: 'engine:2' }), 2)
    decider.decide(submitted('i1', 'join', {}), 3)
    const merge = (into: string) => decider.decide(submitted('i1', 'merge_into', { into }), 4)
    expect(['over', 'moved'].map((into) => merge(into)?.result)).toEqual([
      'transition',
      'transition',
    ])
  })

  it('another project’s incident is not there, whatever the command says', () => {
    const decider = new Decider()
    decider.decide(submitted('i1', 'engine', STEP, { actor: ENGINE }), 1)
    const wish = { ...submitted('i1', 'join', {}), project: 'other' }
    expect(decider.decide(wish, 1)).toMatchObject({ result: 'missing', project: 'other' })
  })
})
