/** A room of this tab, for a page. */
import { openBrowserRoom } from '#lib/collab/browser.ts'
import { askTicket } from '#lib/collab/ticket.ts'
import { Workroom } from '#lib/collab/workroom.svelte.ts'
import type { Says } from '#lib/ui/says.svelte.ts'

export function openWorkroom(incidentId: string, says: Says): Workroom {
  return new Workroom(openBrowserRoom({ incidentId, ticket: askTicket }), (sentence) =>
    says.say(sentence),
  )
}

/** Tells the room where the focus went: elements carry `data-place="section|card|field"`. */
export function followFocus(room: Workroom): (event: FocusEvent) => void {
  return ({ target }) => {
    const place = (target as Element | null)?.closest<HTMLElement>('[data-place]')
    if (place?.dataset['place'] !== undefined) room.focus(place.dataset['place'])
  }
}
