import type { TopicPartition } from '#/processors/log/port.ts'
import { oneVersion } from './api-cluster.ts'
import type { Api } from './api-cluster.ts'
import { readByTopic, writeByTopic } from './api-records.ts'
import { checkCode } from './broker-error.ts'
import type { WireReader, WireWriter } from './wire.ts'

export interface ProducerIdentity {
  producerId: number
  producerEpoch: number
}

/** Of a producer that has none yet. */
export const NO_IDENTITY: ProducerIdentity = { producerId: -1, producerEpoch: -1 }

export const TRANSACTION_MS_MAX = 60_000

interface InitInput {
  transactionalId: string | null
  /** Raised only if it is still this one: a zombie cannot fence the new owner. */
  current: ProducerIdentity
}

function readIdentity(reader: WireReader): ProducerIdentity {
  reader.int32()
  checkCode('InitProducerId', reader.int16())
  const identity = { producerId: reader.int64(), producerEpoch: reader.int16() }
  reader.end()
  return identity
}

export const INIT_PRODUCER_ID: Api<InitInput, ProducerIdentity> = {
  key: 22,
  name: 'InitProducerId',
  versions: [
    {
      version: 4,
      isFlexible: true,
      write: ({ transactionalId, current }, writer) => {
        writer.string(transactionalId).int32(TRANSACTION_MS_MAX)
        writer.int64(current.producerId).int16(current.producerEpoch).end()
      },
      read: readIdentity,
    },
    {
      version: 1,
      isFlexible: false,
      write: ({ transactionalId }, writer) => {
        writer.string(transactionalId).int32(TRANSACTION_MS_MAX)
      },
      read: readIdentity,
    },
  ],
}

export interface TxnRef extends ProducerIdentity {
  transactionalId: string
}

function writeRef(ref: TxnRef, writer: WireWriter): WireWriter {
  return writer.string(ref.transactionalId).int64(ref.producerId).int16(ref.producerEpoch)
}

export const ADD_PARTITIONS = oneVersion<
  TxnRef & { partitions: readonly TopicPartition[] },
  { topic: string; partition: number; error: number }[]
>(24, 'AddPartitionsToTxn', {
  version: 2,
  write: (input, writer) => {
    writeRef(input, writer)
    writeByTopic(writer, input.partitions, ({ partition }) => writer.int32(partition))
  },
  read: (reader) => {
    reader.int32()
    return readByTopic(reader, () => ({ partition: reader.int32(), error: reader.int16() }))
  },
})

function readCode(reader: WireReader): number {
  reader.int32()
  return reader.int16()
}

export const ADD_OFFSETS = oneVersion<TxnRef & { group: string }, number>(25, 'AddOffsetsToTxn', {
  version: 2,
  write: (input, writer) => writeRef(input, writer).string(input.group),
  read: readCode,
})

export const END_TXN = oneVersion<TxnRef & { commit: boolean }, number>(26, 'EndTxn', {
  version: 2,
  write: (input, writer) => writeRef(input, writer).bool(input.commit),
  read: readCode,
})

/** The state of a transaction in the coordinator's words: `Ongoing`, `PrepareCommit`, `CompleteCommit`… */
export interface DescribedTransaction extends ProducerIdentity {
  error: number
  state: string
}

export const DESCRIBE_TRANSACTIONS = oneVersion<string, DescribedTransaction>(
  65,
  'DescribeTransactions',
  {
    version: 0,
    isFlexible: true,
    write: (id, writer) => writer.array([id], () => writer.string(id)).end(),
    read: (reader) => {
      reader.int32()
      const [first] = reader.array(() => {
        const error = reader.int16()
        reader.string()
        const state = reader.string()
        reader.int32()
        reader.int64()
        const producerId = reader.int64()
        const producerEpoch = reader.int16()
        readByTopic(reader, () => ({ partitions: reader.int32() }))
        reader.end()
        return { error, state, producerId, producerEpoch }
      })
      return first ?? { error: -1, state: '', ...NO_IDENTITY }
    },
  },
)

/** Whoever has a transaction open on a partition, by producer id, as the leader sees it. */
export const DESCRIBE_PRODUCERS = oneVersion<
  readonly TopicPartition[],
  { topic: string; partition: number; error: number; open: number[] }[]
>(61, 'DescribeProducers', {
  version: 0,
  isFlexible: true,
  write: (partitions, writer) => {
    writeByTopic(writer, partitions, ({ partition }) => writer.int32(partition))
    writer.end()
  },
  read: (reader) => {
    reader.int32()
    const found = readByTopic(reader, () => {
      const partition = reader.int32()
      const error = reader.int16()
      reader.string()
      const producers = reader.array(() => {
        const producerId = reader.int64()
        reader.int32()
        reader.int32()
        reader.int64()
        reader.int32()
        const startOffset = reader.int64()
        reader.end()
        return { producerId, isOpen: startOffset >= 0 }
      })
      reader.end()
      const open = producers.flatMap((one) => (one.isOpen ? one.producerId : []))
      return { partition, error, open }
    })
    reader.end()
    return found
  },
})
