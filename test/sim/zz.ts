import { runChain } from './chain.ts'
import { createScenario } from './scenario.ts'
import { TOPICS } from '#/schemas/topics.ts'
import { createDecoder } from '#/schemas/codec.ts'
const scenario = createScenario({ seed: 2, minutes: 40 })
const dec = createDecoder('IncidentEvent')
const det = createDecoder('Detection')
async function go(o: any) {
  const out = await runChain(scenario, o)
  return {
    life: (await out.driver.read(TOPICS.lifecycle.name)).map((r) => dec.decode(r.value!)),
    det: (await out.driver.read(TOPICS.detections.name))
      .map((r) => det.decode(r.value!))
      .filter((d) => d.kind !== 'marker'),
  }
}
const a = await go({ seed: 2, partitions: 1, crashChance: 0, readBytesMax: Infinity })
for (const o of [{ seed: 1002, partitions: 8, crashChance: 0.0025, readBytesMax: 40000 }]) {
  const b = await go(o)
  console.log(o, a.life.length, b.life.length, a.det.length, b.det.length)
  const sig = (d: any) => d.detection_id + d.revision + d.kind + d.at
  const am = new Map(a.det.map((d) => [sig(d), d]))
  let n = 0
  for (const d of b.det) {
    const x = am.get(sig(d))
    if (!x) {
      console.log('new det', d)
      continue
    }
    if (x.detail !== d.detail && n++ < 2) console.log('DET', x.detail, '\n', d.detail)
    if (x.slice !== d.slice && n++ < 3) console.log('slice', x.slice, d.slice)
  }
  a.life.forEach((x, i) => {
    const y = b.life[i]!
    for (const k of Object.keys(x)) {
      const p = JSON.stringify((x as any)[k]),
        q = JSON.stringify((y as any)[k])
      if (p !== q) {
        let j = 0
        while (p[j] === q[j]) j++
        console.log(i, k, p.slice(j - 80, j + 80), '\n   ', q.slice(j - 80, j + 80))
      }
    }
  })
}
