/** Charts of the page as one PNG: what their canvas shows, with title, axes and legend as the page draws them. */
import type { ShownChart } from '#lib/live/context.ts'

const SCALE = 2
const PAD = 16
const HEAD = 44

function drawTexts(context: CanvasRenderingContext2D, figure: HTMLElement, box: DOMRect): void {
  for (const element of figure.querySelectorAll('h2, .readout, svg text, .legend li')) {
    const text = (element.textContent ?? '').trim()
    if (text === '' || !element.checkVisibility()) continue
    const style = getComputedStyle(element)
    const place = element.getBoundingClientRect()
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
    context.fillStyle = element instanceof SVGElement ? style.fill : style.color
    context.textBaseline = 'middle'
    const swatch = element.querySelector('i')
    if (swatch !== null) {
      const dot = swatch.getBoundingClientRect()
      const colours = getComputedStyle(swatch)
      context.save()
      context.fillStyle = colours.backgroundColor
      context.strokeStyle = colours.color
      context.fillRect(dot.x - box.x, dot.y - box.y, dot.width, dot.height)
      context.strokeRect(dot.x - box.x, dot.y - box.y, dot.width, dot.height)
      context.restore()
    }
    const left = place.x - box.x + (swatch === null ? 0 : 18)
    context.fillText(text, left, place.y - box.y + place.height / 2)
  }
}

function drawLines(context: CanvasRenderingContext2D, figure: HTMLElement, box: DOMRect): void {
  for (const line of figure.querySelectorAll('.values line, .markers line')) {
    const place = line.getBoundingClientRect()
    context.strokeStyle = getComputedStyle(line).stroke
    context.beginPath()
    context.moveTo(place.left - box.x, place.top - box.y)
    context.lineTo(place.right - box.x, place.bottom - box.y)
    context.stroke()
  }
}

/** Null when no chart is on the page, or the browser has not drawn one yet. */
export async function picture(
  charts: Iterable<ShownChart>,
  headline: string,
): Promise<Blob | null> {
  const figures = [...charts]
    .map((chart) => chart.figure())
    .filter((figure) => figure.querySelector('canvas') !== null)
  if (figures.length === 0) return null
  const boxes = figures.map((figure) => figure.getBoundingClientRect())
  const width = Math.max(...boxes.map((box) => box.width)) + 2 * PAD
  const height = HEAD + boxes.reduce((sum, box) => sum + box.height + PAD, 0)
  const canvas = document.createElement('canvas')
  canvas.width = width * SCALE
  canvas.height = height * SCALE
  const context = canvas.getContext('2d')
  if (context === null) return null
  const page = getComputedStyle(document.body)
  context.scale(SCALE, SCALE)
  context.fillStyle = getComputedStyle(document.documentElement).backgroundColor
  context.fillRect(0, 0, width, height)
  context.fillStyle = page.color
  context.font = `650 16px ${page.fontFamily}`
  context.fillText(headline.slice(0, 140), PAD, 28, width - 2 * PAD)
  let top = HEAD
  for (const [index, figure] of figures.entries()) {
    const box = boxes[index]
    if (box === undefined) continue
    context.save()
    context.translate(PAD, top)
    context.fillStyle = getComputedStyle(figure).backgroundColor
    context.fillRect(0, 0, box.width, box.height)
    drawLines(context, figure, box)
    for (const part of figure.querySelectorAll('canvas')) {
      const place = part.getBoundingClientRect()
      context.drawImage(part, place.x - box.x, place.y - box.y, place.width, place.height)
    }
    drawTexts(context, figure, box)
    context.restore()
    top += box.height + PAD
  }
  return new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/png')
  })
}
