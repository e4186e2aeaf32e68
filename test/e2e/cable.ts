import type { BrowserContext, WebSocketRoute } from 'playwright-core'

/** The cable between a browser and the platform: its sockets go through it, and it can be pulled. */
export class Cable {
  #isPulled = false
  #open: WebSocketRoute[] = []

  async lay(context: BrowserContext): Promise<void> {
    await context.route('**/api/ws-ticket', (route) =>
      this.#isPulled ? route.abort('internetdisconnected') : route.continue(),
    )
    await context.routeWebSocket('**/ws', (socket) => {
      socket.connectToServer()
      this.#open.push(socket)
    })
  }

  /**
   * Only the page's end is closed, and the other one follows by itself: what the page said before still has a socket
   * to go to. Closed together, Playwright writes it into a closed one and the browser complains of that.
   */
  async pull(): Promise<void> {
    this.#isPulled = true
    await Promise.all(this.#open.splice(0).map((socket) => socket.close({ code: 3001 })))
  }

  plugIn(): void {
    this.#isPulled = false
  }
}
