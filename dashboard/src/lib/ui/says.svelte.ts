/** The one line in which the page says what a command did. A later word replaces the earlier one. */
export class Says {
  #text = $state('')
  #timer: ReturnType<typeof setTimeout> | undefined

  get text(): string {
    return this.#text
  }

  say(text: string, showMs = 6000): void {
    clearTimeout(this.#timer)
    this.#text = text
    this.#timer = setTimeout(() => {
      this.#text = ''
    }, showMs)
  }
}
