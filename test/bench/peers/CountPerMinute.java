import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The job of count-stage.ts as a Kafka Streams application: decodes Avro in Confluent's framing, fingerprints by the
 * simple rule, counts per minute and key, writes the event back with its fingerprint, and the counts that changed at
 * each tick. Exactly once. The input is partitioned by service already, so nothing is repartitioned.
 *
 * <p>Arguments: brokers, application id, input, output and counts topic, file of the event's schema, its id, file of
 * the projection that is read, threads, folder of the state.
 */
public final class CountPerMinute {
  private static final int HEADER_BYTES = 5;
  private static final long MINUTE_MS = 60_000;

  public static void main(String[] args) throws Exception {
    Schema writer = new Schema.Parser().parse(Files.readString(Path.of(args[5])));
    Schema reader = new Schema.Parser().parse(Files.readString(Path.of(args[7])));
    int eventId = Integer.parseInt(args[6]);
    Topology topology = new Topology();
    topology.addSource(
        "in", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), args[2]);
    topology.addProcessor("count", () -> new Counter(writer, reader, eventId), "in");
    // Caching keeps what reaches the changelog down to one record per key and commit, as our checkpoints do.
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("counts"), Serdes.String(), Serdes.Long())
            .withCachingEnabled(),
        "count");
    var bytes = Serdes.ByteArray().serializer();
    topology.addSink("events", args[3], bytes, bytes, "count");
    topology.addSink("changes", args[4], bytes, bytes, "count");

    Properties properties = new Properties();
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[8]);
    properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, args[9]);
    properties.put("auto.offset.reset", "earliest");
    // On a busy machine the ten seconds of Streams end in rebalances.
    properties.put("producer.transaction.timeout.ms", 60_000);
    KafkaStreams streams = new KafkaStreams(topology, properties);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.setStateListener((now, before) -> System.out.println(now));
    streams.start();
  }

  private static final class Counter implements Processor<byte[], byte[], byte[], byte[]> {
    private final int eventId;
    private final GenericDatumReader<GenericRecord> datum;
    private final int project;
    private final int service;
    private final int environment;
    private final int occurredAt;
    private final int errorType;
    private final int errorCode;
    private final int message;
    private final int route;
    private final MessageDigest sha256;
    private final TreeSet<String> changed = new TreeSet<>();
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, Long> counts;
    private BinaryDecoder decoder;
    private GenericRecord event;

    Counter(Schema writer, Schema reader, int eventId) {
      this.eventId = eventId;
      datum = new GenericDatumReader<>(writer, reader);
      project = reader.getField("project").pos();
      service = reader.getField("service").pos();
      environment = reader.getField("environment").pos();
      occurredAt = reader.getField("occurred_at").pos();
      errorType = reader.getField("error_type").pos();
      errorCode = reader.getField("error_code").pos();
      message = reader.getField("message").pos();
      route = reader.getField("route").pos();
      try {
        sha256 = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException impossible) {
        throw new IllegalStateException(impossible);
      }
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      counts = given.getStateStore("counts");
      // What changed before a restart was perhaps never told: all is told again.
      try (var all = counts.all()) {
        all.forEachRemaining(entry -> changed.add(entry.key));
      }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      byte[] value = record.value();
      if (ByteBuffer.wrap(value).getInt(1) != eventId) {
        tick(record.timestamp());
        return;
      }
      String fingerprint = fingerprint(value);
      String key =
          (long) event.get(occurredAt) / MINUTE_MS
              + " " + event.get(project) + "/" + event.get(service) + " " + fingerprint;
      Long before = counts.get(key);
      counts.put(key, before == null ? 1L : before + 1);
      changed.add(key);
      RecordHeaders headers = new RecordHeaders(record.headers());
      headers.add("fingerprint", fingerprint.getBytes(StandardCharsets.US_ASCII));
      context.forward(record.withHeaders(headers), "events");
    }

    private void tick(long timestamp) {
      for (String key : changed) {
        byte[] count = counts.get(key).toString().getBytes(StandardCharsets.US_ASCII);
        context.forward(
            new Record<>(key.getBytes(StandardCharsets.UTF_8), count, timestamp), "changes");
      }
      changed.clear();
    }

    private String fingerprint(byte[] value) {
      try {
        decoder =
            DecoderFactory.get()
                .binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
        event = datum.read(event, decoder);
      } catch (java.io.IOException broken) {
        throw new java.io.UncheckedIOException(broken);
      }
      String code = event.get(errorCode).toString();
      String type = event.get(errorType).toString();
      String text =
          code.isEmpty() && !type.isEmpty()
              ? type + "\n" + event.get(message)
              : code + "\n" + event.get(route) + "\n" + event.get(environment);
      return HexFormat.of().formatHex(sha256.digest(text.getBytes(StandardCharsets.UTF_8)));
    }
  }
}
