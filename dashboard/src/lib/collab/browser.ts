/** The room with what a real browser gives it. */
import { SUBPROTOCOL, TICKET_PREFIX } from '#lib/contract.ts'
import { createRoom } from '#lib/collab/client.ts'
import type { Pending, PendingStore, Room } from '#lib/collab/client.ts'
import { ConnectRefused } from '#lib/collab/link.ts'
import type { Socket } from '#lib/collab/link.ts'

export interface BrowserRoomOptions {
  incidentId: string
  /** Asks for a single-use ticket; null where reading needs none. */
  ticket: () => Promise<string | null>
}

export function openBrowserRoom({ incidentId, ticket }: BrowserRoomOptions): Room {
  return createRoom({
    incidentId,
    connect: async () => openSocket(await ticket()),
    clock: {
      nowMs: () => Date.now(),
      setTimer: (run, delayMs) => {
        const timer = setTimeout(run, delayMs)
        return () => clearTimeout(timer)
      },
    },
    random: () => Math.random(),
    store: sessionStore(incidentId),
  })
}

function openSocket(ticket: string | null): Promise<Socket> {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`
  // In a header, never in the address: addresses end up in logs.
  const protocols = ticket === null ? [SUBPROTOCOL] : [SUBPROTOCOL, TICKET_PREFIX + ticket]
  return new Promise((resolve, reject) => {
    const raw = new WebSocket(url, protocols)
    const socket: Socket = {
      send: (text) => {
        if (raw.readyState === WebSocket.OPEN) raw.send(text)
      },
      close: () => raw.close(),
      heard: null,
      ended: null,
    }
    raw.addEventListener('open', () => resolve(socket))
    raw.addEventListener('message', (event: MessageEvent<string>) => socket.heard?.(event.data))
    raw.addEventListener('close', ({ code, reason }) => {
      reject(code === 4403 ? new ConnectRefused(reason) : new Error(`closed with ${code}`))
      socket.ended?.(code, reason)
    })
  })
}

function sessionStore(incidentId: string): PendingStore {
  const key = `room/${incidentId}`
  return {
    load() {
      try {
        return JSON.parse(sessionStorage.getItem(key) ?? '[]') as readonly Pending[]
      } catch {
        return []
      }
    },
    save(pending) {
      try {
        sessionStorage.setItem(key, JSON.stringify(pending))
      } catch {
        // A full or forbidden store costs the safety of a reload, not the change.
      }
    },
  }
}
