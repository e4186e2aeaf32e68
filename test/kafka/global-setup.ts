import type { TestProject } from 'vitest/node'
import { startBroker } from './broker.ts'
import { externalBrokers, whyNoJars } from './java.ts'

/** One broker for all files of a run. Where none can be had, the run says so and its tests count as skipped. */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  const external = externalBrokers()
  if (external !== undefined) {
    project.provide('kafka', { brokers: external, isExternal: true })
    return undefined
  }
  const missing = await whyNoJars()
  if (missing !== undefined) {
    process.stderr.write(`\nSKIPPED, NOT PASSED: the tests on a real Kafka. ${missing}\n\n`)
    project.provide('kafka', { brokers: [], isExternal: false, missing })
    return undefined
  }
  const broker = await startBroker()
  project.provide('kafka', { brokers: [...broker.brokers], isExternal: false })
  return () => broker.stop()
}
