import type { Api } from './api.ts'
import { fetch } from './api-fetch.ts'
import {
  describeGroups,
  findCoordinator,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  syncGroup,
} from './api-groups.ts'
import { metadata } from './api-metadata.ts'
import { listOffsets, offsetCommit, offsetFetch } from './api-offsets.ts'
import { produce } from './api-produce.ts'
import { createTopics, deleteTopics, describeConfigs } from './api-topics.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  initProducerId,
  txnOffsetCommit,
} from './api-transactions.ts'
import { answerApiVersions } from './api-versions.ts'
import { KAFKA } from './kafka-errors.ts'

export const API_VERSIONS_KEY = 18

/**
 * What the front answers, up to the last version of each before Kafka's "flexible" ones: librdkafka, kafkajs,
 * @platformatic/kafka and Java clients up to 4.x agree on these (KIP-896 keeps them for brokers from 2.1 on).
 */
export const APIS: readonly Api[] = [
  { key: 0, name: 'Produce', versions: [3, 8], handle: produce },
  { key: 1, name: 'Fetch', versions: [4, 11], handle: fetch },
  { key: 2, name: 'ListOffsets', versions: [1, 5], handle: listOffsets },
  { key: 3, name: 'Metadata', versions: [0, 8], handle: metadata },
  { key: 8, name: 'OffsetCommit', versions: [2, 7], handle: offsetCommit },
  { key: 9, name: 'OffsetFetch', versions: [1, 5], handle: offsetFetch },
  { key: 10, name: 'FindCoordinator', versions: [0, 2], handle: findCoordinator },
  { key: 11, name: 'JoinGroup', versions: [0, 5], handle: joinGroup },
  { key: 12, name: 'Heartbeat', versions: [0, 3], handle: heartbeat },
  { key: 13, name: 'LeaveGroup', versions: [0, 3], handle: leaveGroup },
  { key: 14, name: 'SyncGroup', versions: [0, 3], handle: syncGroup },
  { key: 15, name: 'DescribeGroups', versions: [0, 4], handle: describeGroups },
  { key: 16, name: 'ListGroups', versions: [0, 2], handle: listGroups },
  {
    key: API_VERSIONS_KEY,
    name: 'ApiVersions',
    versions: [0, 3],
    handle: async (_context, { version }, answer) =>
      answerApiVersions(APIS, { version, code: KAFKA.NONE }, answer),
  },
  { key: 19, name: 'CreateTopics', versions: [0, 4], handle: createTopics },
  { key: 20, name: 'DeleteTopics', versions: [0, 3], handle: deleteTopics },
  { key: 22, name: 'InitProducerId', versions: [0, 1], handle: initProducerId },
  { key: 24, name: 'AddPartitionsToTxn', versions: [0, 2], handle: addPartitionsToTxn },
  { key: 25, name: 'AddOffsetsToTxn', versions: [0, 2], handle: addOffsetsToTxn },
  { key: 26, name: 'EndTxn', versions: [0, 2], handle: endTxn },
  { key: 28, name: 'TxnOffsetCommit', versions: [0, 2], handle: txnOffsetCommit },
  { key: 32, name: 'DescribeConfigs', versions: [0, 3], handle: describeConfigs },
]
