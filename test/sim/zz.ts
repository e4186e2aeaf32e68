import { runChain } from './chain.ts'
import { createScenario } from './scenario.ts'
import { TOPICS } from '#/schemas/topics.ts'
const minutes = Number(process.argv[2] ?? 5)
const scenario = createScenario({ seed: 1, minutes })
console.log('occurrences', scenario.length)
const t = performance.now()
const out = await runChain(scenario, {
  seed: 1,
  partitions: Number(process.argv[3] ?? 1),
  crashChance: Number(process.argv[4] ?? 0),
  readBytesMax: Number(process.argv[5] ?? Infinity),
})
console.log('ms', performance.now() - t, 'deaths', out.deaths)
for (const t of ['fingerprinted', 'detections', 'lifecycle', 'insights', 'deadLetters'] as const)
  console.log(t, (await out.driver.read(TOPICS[t].name)).length)
