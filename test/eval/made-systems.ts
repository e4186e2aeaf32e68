import type { Values } from './made-values.ts'

type Template = (values: Values) => string

/**
 * Made-up systems in the manner of real ones: each function is one template, whatever it draws. Where two differ only
 * in a word or a number that says what happened, they are two.
 */
export const MADE_SYSTEMS: Readonly<Record<string, readonly Template[]>> = {
  syslog: [
    (v) => `session opened for user ${v.user()} by (uid=${v.int(2000)})`,
    (v) => `session closed for user ${v.user()}`,
    (v) => `refused login of ${v.user()} from ${v.ip()} port ${v.int(65000)}`,
    (v) => `granted login of ${v.user()} from ${v.ip()} port ${v.int(65000)}`,
    (v) =>
      `connection from ${v.ip()} (${v.host()}) at ${v.pick('Mon', 'Tue', 'Sat')} ${v.pick('Jan', 'Jul', 'Oct')} ${1 + v.int(28)} ${v.time()} 2019`,
    (v) => `out of memory: killed process ${v.int()} (${v.program()})`,
    (v) =>
      `sd${v.pick('a', 'b', 'c')}${1 + v.int(9)}: rw=${v.int(2)}, want=${v.int()}, limit=${v.int()}`,
    (v) =>
      `CPU${v.int(64)}: temperature above threshold, clock throttled (total events = ${v.int()})`,
    (v) => `CPU${v.int(64)}: temperature back to normal`,
    (v) =>
      `usb ${1 + v.int(4)}-${1 + v.int(6)}: new high speed device number ${v.int(90)} using ehci_hcd`,
    (v) => `usb ${1 + v.int(4)}-${1 + v.int(6)}: disconnect, device number ${v.int(90)}`,
    (v) => `eth${v.int(4)}: link is up at ${v.pick('10', '100', '1000')} Mbps`,
    (v) => `eth${v.int(4)}: link is down`,
    (v) => `(${v.user()}) CMD (${v.path()} --rotate ${v.int(9)})`,
    (v) => `lost ${v.int(50)} packets in the last ${v.int(60)} seconds`,
    () => `daemon started`,
    () => `daemon paused`,
  ],
  web: [
    (v) =>
      `${v.ip()} - ${v.user()} "GET /api/orders/${v.int()} HTTP/1.1" 200 ${v.int()} ${v.float()}`,
    (v) =>
      `open() "${v.path()}" failed (2: No such file or directory), client: ${v.ip()}, server: ${v.host()}`,
    (v) =>
      `open() "${v.path()}" failed (13: Permission denied), client: ${v.ip()}, server: ${v.host()}`,
    (v) =>
      `upstream timed out while reading response header, client: ${v.ip()}, upstream: "http://${v.ip()}:${v.int(9000)}/v1/items/${v.int()}"`,
    (v) =>
      `upstream prematurely closed connection, client: ${v.ip()}, upstream: "http://${v.ip()}:${v.int(9000)}/v1/items/${v.int()}"`,
    (v) => `worker process ${v.int()} exited on signal ${v.int(30)}`,
    (v) => `worker process ${v.int()} exited with code ${v.int(30)}`,
    (v) => `limiting requests, excess: ${v.float()} by zone "${v.program()}", client: ${v.ip()}`,
    (v) => `certificate for ${v.host()} expires in ${v.int(90)} days`,
    (v) => `[client ${v.ip()}:${v.int(65000)}] script not found or unable to stat: ${v.path()}`,
    (v) => `child pid ${v.int()} exit signal Segmentation fault (${v.int(30)})`,
    () => `graceful restart requested, doing restart`,
  ],
  klog: [
    (v) =>
      `Started container "${v.pick('web', 'sidecar', 'db-init', 'proxy', 'cache')}" in pod "shop-${v.hex(10)}-${v.hex(5)}"`,
    (v) => `Killing container with id docker://${v.hex(64)}: need to kill pod`,
    (v) =>
      `pod default/shop-${v.hex(10)}-${v.hex(5)} failed readiness probe: HTTP probe failed with statuscode: ${v.pick('500', '502', '503')}`,
    (v) => `Successfully assigned default/shop-${v.hex(10)}-${v.hex(5)} to node-${v.int(40)}`,
    (v) => `Error syncing pod ${v.uuid()}, skipping: failed to start container`,
    (v) => `lease ${v.uuid()} renewed for ${v.int(60)}s by node-${v.int(40)}`,
    (v) => `volume pvc-${v.uuid()} attached to node-${v.int(40)}`,
    (v) => `volume pvc-${v.uuid()} detached from node-${v.int(40)}`,
    (v) =>
      `Observed a panic: runtime error: index out of range [${v.int(90)}] with length ${v.int(90)}`,
    (v) => `Evicting ${v.int(9)} pods from node-${v.int(40)}, memory pressure ${v.float()}%`,
    (v) => `endpoint slices of service ${v.program()} changed: [${v.many(5, ' ', v.ip)}]`,
  ],
  logfmt: [
    (v) =>
      `msg="request done" method=GET path=/items/${v.int()} status=200 dur=${v.duration()} trace=${v.hex(32)}`,
    (v) =>
      `msg="request failed" method=POST path=/items/${v.int()} err="context deadline exceeded" dur=${v.duration()} trace=${v.hex(32)}`,
    (v) =>
      `msg="cache evicted" keys=${v.int()} bytes=${v.size().replace(' ', '')} policy=${v.pick('lru', 'lfu', 'ttl')}`,
    (v) =>
      `msg="cache loaded" keys=${v.int()} bytes=${v.size().replace(' ', '')} policy=${v.pick('lru', 'lfu', 'ttl')}`,
    (v) =>
      `msg="leader elected" term=${v.int()} node=${v.hex(8)} peers=${v.many(5, ',', () => v.hex(8))}`,
    (v) =>
      `msg="leader lost" term=${v.int()} node=${v.hex(8)} peers=${v.many(5, ',', () => v.hex(8))}`,
    (v) => `msg="user signed in" user=${v.user()} ip=${v.ip()} mfa=${v.pick('true', 'false')}`,
    (v) =>
      `msg="compaction finished" level=${v.int(7)} in=${v.int(20)} out=${v.int(20)} took=${v.float()}s`,
  ],
  json: [
    (v) =>
      `{"event":"order_created","order":"${v.uuid()}","total":${v.float()},"user":"${v.user()}"}`,
    (v) =>
      `{"event":"order_cancelled","order":"${v.uuid()}","total":${v.float()},"user":"${v.user()}"}`,
    (v) =>
      `{"event":"stock_low","sku":"SKU-${v.int()}","left":${v.int(9)},"bay":"${v.pick('A', 'B', 'C')}${v.int(30)}"}`,
    (v) => `{"event":"mail_sent","to":"${v.user()}@example.org","ms":${v.int(900)}}`,
    (v) => `{"event":"mail_bounced","to":"${v.user()}@example.org","ms":${v.int(900)}}`,
    (v) => `{"level":"warn","text":"retrying in ${v.int(60)} s","attempt":${v.int(9)}}`,
  ],
  windows: [
    (v) => `The ${v.program()} service entered the running state.`,
    (v) => `The ${v.program()} service entered the stopped state.`,
    (v) =>
      `Process ${v.int()} (0x${v.hex(4)}) created handle 0x${v.hex(8)} in session ${v.int(9)}.`,
    (v) =>
      `Loaded servicing stack v${v.int(10)}.${v.int(9)}.${v.int(9999)}.${v.int(999)} with core: C:\\Windows\\stack\\${v.hex(16)}\\core.dll`,
    (v) => `Scavenge: starts, disposition ${v.int(9)}, flags 0x${v.hex(8)}`,
    (v) => `Scavenge: ends, disposition ${v.int(9)}, flags 0x${v.hex(8)}`,
    (v) =>
      `Package KB${1000000 + v.int(900000)}~31bf${v.hex(12)}~amd64~~10.0.${v.int(9)}.${v.int(99)} is applicable`,
    (v) =>
      `Package KB${1000000 + v.int(900000)}~31bf${v.hex(12)}~amd64~~10.0.${v.int(9)}.${v.int(99)} is superseded`,
    (v) =>
      `An account was logged off. Subject: Security ID: S-1-5-21-${v.int()}-${v.int()}-${v.int(5000)} Logon Type: ${v.int(10)}`,
    (v) =>
      `${v.pick('Warning', 'Warning')}: unrecognized attribute "${v.pick('buildCompare', 'dpi', 'layer', 'scope')}" in manifest ${v.int(99)}.`,
    (v) => `Session: ${v.int()}_${v.int()} initialized by client ${v.program()}.`,
  ],
  cluster: [
    (v) =>
      `node R${v.int(9)}${v.int(9)}-M${v.int(2)}-N${v.hex(1).toUpperCase()}: ${v.int(90)} torus receiver input pipe errors corrected`,
    (v) =>
      `ddr errors detected and corrected on rank ${v.int(4)}, symbol ${v.int(40)}, bit ${v.int(8)}`,
    (v) => `generating core.${v.int(9999)}`,
    (v) => `program interrupt: fp unavailable interrupt.${'.'.repeat(8)}${v.int(2)}`,
    (v) => `machine check status register: 0x${v.hex(8)}`,
    (v) =>
      `ciod: failed to read message prefix on control stream (CioStream socket to ${v.ip()}:${v.int(65000)}`,
    (v) => `ambient=${v.int(60)}`,
    (v) => `Link error on broadcast tree Interconnect-0T${v.int(9)}:00:${v.int(9)}`,
    (v) => `ServerFileSystem domain storage${v.int(300)} is full`,
    (v) =>
      `node-[${v.many(5, ' ', () => v.int(200))}] has detected an available network connection on network ${v.ip()} via interface alt${v.int(3)}`,
    (v) => `temperature (${v.float()}) exceeds warning threshold`,
    (v) => `boot (command ${v.int(4000)}) Error: Console-Busy port ${v.hex(6)} in use`,
    (v) => `instruction cache parity error corrected on core ${v.int(4)}`,
  ],
  cloud: [
    (v) => `[instance: ${v.uuid()}] VM Started (Lifecycle Event)`,
    (v) => `[instance: ${v.uuid()}] VM Paused (Lifecycle Event)`,
    (v) => `[instance: ${v.uuid()}] VM Resumed (Lifecycle Event)`,
    (v) => `[instance: ${v.uuid()}] Took ${v.float()} seconds to build instance.`,
    (v) => `[instance: ${v.uuid()}] Took ${v.float()} seconds to deallocate network for instance.`,
    (v) =>
      `[instance: ${v.uuid()}] Attempting claim: memory ${v.int()} MB, disk ${v.int(200)} GB, vcpus ${v.int(32)} CPU`,
    (v) => `[instance: ${v.uuid()}] memory limit: ${v.float()} MB, free: ${v.float()} MB`,
    (v) =>
      `${v.ip()} "GET /v2/${v.hex(32)}/servers/detail HTTP/1.1" status: 200 len: ${v.int()} time: ${v.float()}`,
    (v) => `image ${v.uuid()} at (${v.path()}): checking`,
    (v) =>
      `image ${v.uuid()} at (${v.path()}): in use: on this node ${v.int(9)} local, ${v.int(9)} on other nodes sharing this instance storage`,
    (v) => `Active base files: ${v.path()}/${v.hex(40)}`,
    (v) =>
      `Running instance usage audit for host ${v.host()} from ${v.date()} ${v.time()} to ${v.date()} ${v.time()}. ${v.int(90)} instances.`,
    () => `HTTP exception thrown: No instances found for any event`,
    (v) =>
      `While synchronizing instance power states, found ${v.int(20)} instances in the database and ${v.int(20)} instances on the hypervisor.`,
  ],
  spark: [
    (v) => `Running task ${v.int(90)}.0 in stage ${v.int(90)}.0 (TID ${v.int()})`,
    (v) =>
      `Finished task ${v.int(90)}.0 in stage ${v.int(90)}.0 (TID ${v.int()}). ${v.int()} bytes result sent to driver`,
    (v) =>
      `Block broadcast_${v.int(90)} stored as values in memory (estimated size ${v.float()} ${v.pick('KB', 'MB', 'B')}, free ${v.float()} ${v.pick('KB', 'MB')})`,
    (v) =>
      `Block broadcast_${v.int(90)}_piece${v.int(9)} stored as bytes in memory (estimated size ${v.float()} ${v.pick('KB', 'MB', 'B')}, free ${v.float()} ${v.pick('KB', 'MB')})`,
    (v) => `Found block rdd_${v.int(90)}_${v.int(90)} locally`,
    (v) => `Partition rdd_${v.int(90)}_${v.int(90)} not found, computing it`,
    (v) => `Input split: hdfs://${v.ip()}:9000${v.path()}:${v.int()}+${v.int()}`,
    (v) => `Got assigned task ${v.int()}`,
    (v) => `Started reading broadcast variable ${v.int(90)}`,
    (v) => `Reading broadcast variable ${v.int(90)} took ${v.int(900)} ms`,
    (v) => `Changing view acls to: ${v.many(3, ',', v.user)}`,
    (v) =>
      `SecurityManager: authentication disabled; ui acls disabled; users with view permissions: Set(${v.many(3, ', ', v.user)})`,
    () => `Successfully registered with driver`,
    (v) =>
      `Times: total = ${v.int()}, boot = -${v.int(900)}, init = ${v.int(900)}, finish = ${v.int(9)}`,
  ],
  health: [
    (v) => `onStandStepChanged ${v.int()}`,
    (v) => `onExtend:${1514000000000 + v.int(99999999)} ${v.int(20)} ${v.int(20)} ${v.int(9)}`,
    (v) =>
      `setTodayTotalDetailSteps=${1514000000000 + v.int(99999999)}##${v.int()}##${v.int()}##${v.int()}##${v.int()}`,
    (v) =>
      `getTodayTotalDetailSteps = ${1514000000000 + v.int(99999999)}##${v.int()}##${v.int()}##${v.int()}##${v.int()}`,
    (v) => `calculateCaloriesWithCache totalCalories=${v.int()}`,
    (v) => `calculateAltitudeWithCache totalAltitude=${v.int()}`,
    (v) => `REPORT : ${v.int()} ${v.int()} ${v.int()} ${v.int()}`,
    () => `screen status unknown,think screen on`,
    (v) => `upLoadHealthDataWithVersion statusId:${v.int(9)},size=${v.int(90)}`,
    () => `flush sensor data`,
    (v) =>
      `processHandleBroadcastAction action:${v.pick('android.intent.action.SCREEN_ON', 'android.intent.action.SCREEN_OFF', 'android.intent.action.TIME_TICK')}`,
  ],
}
