import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    kafka: SharedKafka
  }
}

/** The broker all files of the project use; global-setup.ts starts it. */
export interface SharedKafka {
  brokers: string[]
  /** Somebody else's: never stop it, expect other topics and groups in it. */
  isExternal: boolean
  /** Why there is none; undefined when there is. */
  missing?: string
}

/** Whether there is a broker: `describe.skipIf(!kafkaAvailable())`. */
export function kafkaAvailable(): boolean {
  return inject('kafka').missing === undefined
}

export function sharedKafka(): SharedKafka {
  return inject('kafka')
}

/** Whether brokers of our own can be started, to be killed and paused: never where only KAFKA_BROKERS is there. */
export function ownBrokerAvailable(): boolean {
  return kafkaAvailable() && !inject('kafka').isExternal
}
