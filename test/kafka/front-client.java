import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** A Java client as anybody would write one; the first argument says what it does, the answer is one line a fact. */
public class FrontClient {
  public static void main(String[] args) throws Exception {
    switch (args[1]) {
      case "produce" -> produce(args[0], args[2], Integer.parseInt(args[3]), args[4]);
      case "consume" -> consume(args[0], args[2], args[3], Integer.parseInt(args[4]));
      case "transact" -> transact(args[0], args[2], args[3]);
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  /** With every codec once, idempotent, as is the default; prints how many were acknowledged. */
  static void produce(String brokers, String topic, int count, String codecs) throws Exception {
    int acknowledged = 0;
    for (String codec : codecs.split(",")) {
      Properties own = properties(brokers);
      own.put("compression.type", codec);
      own.put("linger.ms", "5");
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      try (var producer = new KafkaProducer<>(own, new StringSerializer(), new StringSerializer())) {
        for (int index = 0; index < count; index++)
          sent.add(producer.send(new ProducerRecord<>(topic, "key-" + index, codec + "-" + index)));
        for (var one : sent) one.get();
      }
      acknowledged += sent.size();
    }
    System.out.println("acknowledged " + acknowledged);
  }

  /** Two members of one group in two threads; prints how many distinct values they saw, and how many records each. */
  static void consume(String brokers, String topic, String group, int count) throws Exception {
    Set<String> values = Collections.synchronizedSet(new HashSet<>());
    int[] records = new int[2];
    long deadline = System.currentTimeMillis() + 60_000;
    Thread[] members = new Thread[2];
    for (int member = 0; member < 2; member++) {
      int number = member;
      members[member] = new Thread(() -> {
        Properties own = properties(brokers);
        own.put("group.id", group);
        own.put("auto.offset.reset", "earliest");
        own.put("enable.auto.commit", "false");
        own.put("isolation.level", "read_committed");
        // Small polls, so that both members get to work.
        own.put("max.poll.records", "50");
        try (var consumer = new KafkaConsumer<>(own, new StringDeserializer(), new StringDeserializer())) {
          consumer.subscribe(List.of(topic));
          while (values.size() < count && System.currentTimeMillis() < deadline) {
            for (var record : consumer.poll(Duration.ofMillis(200))) {
              values.add(record.value());
              records[number]++;
            }
            consumer.commitSync();
          }
        }
      });
      members[member].start();
    }
    for (var member : members) member.join();
    System.out.println("values " + values.size());
    System.out.println("records " + records[0] + " " + records[1]);
  }

  /** One transaction that is aborted, one that is committed. */
  static void transact(String brokers, String topic, String id) throws Exception {
    Properties own = properties(brokers);
    own.put("transactional.id", id);
    try (var producer = new KafkaProducer<>(own, new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, "aborted", "aborted")).get();
      producer.abortTransaction();
      producer.beginTransaction();
      for (int index = 0; index < 5; index++)
        producer.send(new ProducerRecord<>(topic, "committed-" + index, "committed-" + index));
      producer.commitTransaction();
    }
    System.out.println("committed 5");
  }

  static Properties properties(String brokers) {
    Properties own = new Properties();
    own.put("bootstrap.servers", brokers);
    return own;
  }
}
