/** Puts a card on the canvas of an incident from any page: opens its room, joins, adds, leaves the line. */
import { freePlace } from '#lib/canvas/board.ts'
import type { Symptom } from '#lib/canvas/symptom.ts'
import { openBrowserRoom } from '#lib/collab/browser.ts'
import type { Room } from '#lib/collab/client.ts'
import { newId } from '#lib/collab/ids.ts'
import { askTicket } from '#lib/collab/ticket.ts'
import { viewOf } from '#lib/contract.ts'

const WAIT_MS_MAX = 10_000

/** What came of it, as a sentence. */
export async function addSymptom(incidentId: string, symptom: Symptom): Promise<string> {
  const room = openBrowserRoom({ incidentId, ticket: askTicket })
  try {
    return await put(room, symptom)
  } finally {
    room.close()
  }
}

function put(room: Room, symptom: Symptom): Promise<string> {
  const id = newId('c')
  let isSent = false
  return new Promise((resolve) => {
    const timer = setTimeout(
      () =>
        resolve(
          isSent
            ? 'No answer yet: the card is kept and sent when you open the incident.'
            : 'The room of this incident cannot be reached. Nothing was added.',
        ),
      WAIT_MS_MAX,
    )
    const look = (): void => {
      const end = isSent ? outcome(room, id) : begin()
      if (end === '') return
      clearTimeout(timer)
      stop()
      resolve(end)
    }
    const begin = (): string => {
      if (room.status === 'refused') return room.reason
      const { you } = room
      if (room.status !== 'live' || you === null) return ''
      const view = viewOf(room.shown)
      const isJoined = view.people.some((person) => person.id === you.id && person.isJoined)
      isSent = true
      if (!isJoined) room.send('join', {})
      const card = { id, kind: 'symptom', ...freePlace(view.cards, 'symptom'), ...symptom } as const
      const sent = room.send('card_create', card)
      return sent.ok ? '' : `Not added: ${sent.rejection.reason}`
    }
    const stop = room.onChange(look)
    look()
  })
}

function outcome(room: Room, id: string): string {
  const lost = room.notices.find(({ kind }) => kind === 'rejected')
  if (lost?.kind === 'rejected') return `Not added: ${lost.rejection.reason}`
  if (!Object.hasOwn(room.confirmed.cards, id)) return ''
  const { number } = viewOf(room.confirmed)
  return `The symptom is on the canvas${number === 0 ? '' : ` of #${number}`}.`
}
