// SPDX-License-Identifier: MIT
// Submit one chat job in JSON and print its result, with Apache Kafka's own client.
//
// usage: BYOK_BROKERS=localhost:9092 java -cp 'KAFKA/libs/*' Submit.java USER PROMPT
import java.time.*;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Submit {
    static String env(String name, String otherwise) {
        return Optional.ofNullable(System.getenv(name)).orElse(otherwise);
    }

    /** Any JSON library does this better; it keeps the example to one jar. */
    static String quote(String text) {
        return '"' + text.codePoints().mapToObj(c -> c < 0x20 || c == '"' || c == '\\'
            ? String.format("\\u%04x", c) : Character.toString(c)).collect(Collectors.joining()) + '"';
    }

    public static void main(String[] args) {
        String prefix = env("BYOK_TOPIC_PREFIX", "byok."), results = prefix + "results";
        String user = args[0], prompt = args[1], id = UUID.randomUUID().toString();
        String job = "{\"id\":%s,\"user\":%s,\"capability\":\"chat\",\"prompt\":%s}"
            .formatted(quote(id), quote(user), quote(prompt));
        Map<String, Object> brokers = Map.of("bootstrap.servers", env("BYOK_BROKERS", "localhost:9092"),
            "isolation.level", "read_committed");
        var text = new StringDeserializer();
        try (var consumer = new KafkaConsumer<>(brokers, text, text);
             var producer = new KafkaProducer<>(brokers, new StringSerializer(), new StringSerializer())) {
            var partitions = consumer.partitionsFor(results).stream()
                .map(p -> new TopicPartition(results, p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToEnd(partitions);
            partitions.forEach(consumer::position); // fixes the end before sending: seeking is lazy
            var request = new ProducerRecord<>(prefix + "requests", user, job);
            request.headers().add("content-type", "application/json".getBytes());
            producer.send(request); // the default partitioner is the right one
            producer.flush();
            for (var end = Instant.now().plusSeconds(60); Instant.now().isBefore(end); ) {
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    var header = record.headers().lastHeader("byok-request-id");
                    if (header != null && new String(header.value()).equals(id)) {
                        System.out.println(record.value());
                        System.exit(record.value().contains("\"status\":\"ok\"") ? 0 : 1);
                    }
                }
            }
        }
        System.err.println("no result in time");
        System.exit(3);
    }
}
