import type { Present, ServerMessage } from '#/schemas/collab/protocol.ts'

/**
 * Says what happens in a room in the words of IRP's clients as well, once one of theirs was heard: `incident:updated`,
 * `presence:joined`, `presence:left`, `focus:updated`.
 */
export function createIrpVoice(send: (text: string) => void) {
  let speaks = false
  let people = new Map<string, Present>()
  const say = (type: string, data: object): void => send(JSON.stringify({ type, ...data }))
  const meet = (person: Present): void => {
    const known = people.get(person.id)
    const { id: userId, name, role, focus } = person
    if (known === undefined) say('presence:joined', { userId, name, role })
    if (focus !== null && JSON.stringify(focus) !== JSON.stringify(known?.focus))
      say('focus:updated', { userId, ...focus })
    people.set(userId, person)
  }
  const part = (userId: string): void => {
    if (people.delete(userId)) say('presence:left', { userId })
  }
  return {
    /** A frame of the client, before it is read. */
    heard(text: string): void {
      speaks ||= text.startsWith('{') && /"type"\s*:\s*"(?:incident|focus|presence):/.test(text)
    },
    send(text: string): void {
      send(text)
      if (!speaks) return
      const message = JSON.parse(text) as ServerMessage
      if (message.type === 'event') {
        const { kind, payload, actor, ts, seq } = message
        say('incident:updated', {
          kind,
          payload,
          actor,
          timestamp: new Date(ts).toISOString(),
          seq,
        })
      } else if (message.type === 'presence') {
        if ('full' in message) {
          people = new Map()
          message.full.forEach(meet)
        } else {
          message.delta.set.forEach(meet)
          message.delta.gone.forEach(part)
        }
      }
    },
  }
}
