import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The peer: Kafka Streams that sums up what was sold of each SKU at each store, in RocksDB with a changelog.
 *
 * <p>Run as {@code java PoolCounter FILE}: a properties file with Kafka Streams' own settings, and ours under
 * {@code bench.}. With {@code bench.journal} it also writes the pool's journal there, one page for each sale.
 */
public final class PoolCounter {
    private static final String STORE = "sold";

    public static void main(String[] arguments) throws IOException {
        Properties given = new Properties();
        try (InputStream file = Files.newInputStream(Path.of(arguments[0]))) {
            given.load(file);
        }
        KafkaStreams streams = new KafkaStreams(topology(given), given);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        CloseOptions leaving = CloseOptions.timeout(Duration.ofSeconds(10))
                .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();
        endWithParent();
    }

    private static Topology topology(Properties given) throws IOException {
        Schema schema = new Schema.Parser().parse(Path.of(given.getProperty("bench.schema")).toFile());
        Map<Utf8, String> skus = new HashMap<>();
        for (String line : Files.readAllLines(Path.of(given.getProperty("bench.skus")))) {
            String[] pair = line.split("\t");
            skus.put(new Utf8(pair[0]), pair[1]);
        }
        String journal = given.getProperty("bench.journal");
        JournalParts parts = journal == null ? null : JournalParts.of(given);
        Topology topology = new Topology();
        topology.addSource(
                "sales", new ByteArrayDeserializer(), new ByteArrayDeserializer(), given.getProperty("bench.sales"));
        topology.addProcessor("count", () -> new Counter(schema, skus, parts), "sales");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.Long())
                        .withCachingEnabled(),
                "count");
        if (journal != null) {
            topology.addSink("journal", journal, new ByteArraySerializer(), new ByteArraySerializer(), "count");
        }
        return topology;
    }

    /** Our parent holds the write end of our standard input and never writes: when it ends, so do we. */
    private static void endWithParent() throws IOException {
        while (System.in.read() >= 0) {}
        Runtime.getRuntime().halt(1);
    }

    /** What never changes in a page: before its entry, after a line that was taken, after all of these. */
    private record JournalParts(byte[] header, byte[] afterLine, byte[] afterLines) {
        static JournalParts of(Properties given) {
            HexFormat hex = HexFormat.of();
            return new JournalParts(
                    hex.parseHex(given.getProperty("bench.journal.header")),
                    hex.parseHex(given.getProperty("bench.journal.after_line")),
                    hex.parseHex(given.getProperty("bench.journal.after_lines")));
        }
    }

    private static final class Counter extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private static final int HEADER_BYTES = 5;
        private static final int SALE_RECORDED = 0;

        private final GenericDatumReader<GenericRecord> reader;
        private final Map<Utf8, String> skus;
        private final JournalParts journal;
        private final int poolField;
        private final int storeField;
        private final int linesField;
        private final int codeField;
        private final int quantityField;
        private final ByteArrayOutputStream page = new ByteArrayOutputStream(1024);
        private KeyValueStore<String, Long> sold;
        private BinaryDecoder decoder;
        private BinaryEncoder encoder;
        private GenericRecord sale;

        Counter(Schema schema, Map<Utf8, String> skus, JournalParts journal) {
            GenericData data = new GenericData();
            data.setFastReaderEnabled(true);
            this.reader = new GenericDatumReader<>(schema, schema, data);
            this.skus = skus;
            this.journal = journal;
            this.poolField = schema.getField("pool").pos();
            this.storeField = schema.getField("store").pos();
            this.linesField = schema.getField("lines").pos();
            Schema line = schema.getField("lines").schema().getElementType();
            this.codeField = line.getField("code").pos();
            this.quantityField = line.getField("quantity_milli").pos();
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            super.init(context);
            sold = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            byte[] value = record.value();
            decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
            try {
                sale = reader.read(sale, decoder);
                List<?> lines = (List<?>) sale.get(linesField);
                String store = sale.get(storeField).toString() + "/";
                for (Object each : lines) {
                    GenericRecord line = (GenericRecord) each;
                    String key = store + skus.get((Utf8) line.get(codeField));
                    Long before = sold.get(key);
                    sold.put(key, (before == null ? 0 : before) + (Long) line.get(quantityField));
                }
                if (journal != null) {
                    context().forward(record.withValue(journalPage(record, lines)));
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        /** A JournalPage of one entry around the bytes that arrived. */
        private byte[] journalPage(Record<byte[], byte[]> record, List<?> lines) throws IOException {
            RecordMetadata from = context().recordMetadata().orElseThrow();
            Utf8 pool = (Utf8) sale.get(poolField);
            String numberKey = "number/" + pool;
            Long last = sold.get(numberKey);
            long number = last == null ? 1 : last + 1;
            sold.put(numberKey, number);
            page.reset();
            page.write(journal.header());
            encoder = EncoderFactory.get().directBinaryEncoder(page, encoder);
            encoder.writeString(pool);
            encoder.writeInt(from.partition());
            encoder.writeLong(number);
            encoder.writeArrayStart();
            encoder.setItemCount(1);
            encoder.writeString(from.topic());
            encoder.writeLong(from.offset());
            encoder.writeLong(record.timestamp());
            encoder.writeIndex(SALE_RECORDED);
            encoder.writeFixed(record.value(), HEADER_BYTES, record.value().length - HEADER_BYTES);
            encoder.writeArrayStart();
            encoder.setItemCount(lines.size());
            int index = 0;
            for (Object each : lines) {
                GenericRecord line = (GenericRecord) each;
                encoder.writeInt(index++);
                encoder.writeString(skus.get((Utf8) line.get(codeField)));
                encoder.writeLong(-(Long) line.get(quantityField));
                encoder.writeFixed(journal.afterLine());
            }
            encoder.writeFixed(journal.afterLines());
            encoder.writeArrayEnd();
            encoder.flush();
            return page.toByteArray();
        }
    }
}
