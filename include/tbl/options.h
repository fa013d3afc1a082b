/*
 * options.h - what may stand in WITH (...).
 *
 * FL_OPTION(name, key, connectors, kind, choices)
 *	name	    FL_OPTION_<name>: the case of bind_option.c that acts on it
 *	key	    as written; "properties.*" takes any key that begins so; of format
 *		    options the key after 'format'; after 'value.format' "value." stands in front
 *	connectors  letters of connectors.h and formats.h; * any, + any that takes a format
 *	kind	    TEXT; BOOL; DURATION; INTEGER; ENUM; IGNORED (accepted with a
 *		    notice); REFUSED (Flink has it, we have not)
 *	choices	    ENUM: "a|b|c"; REFUSED: what to write instead, or NULL
 *
 * A new option is one row, and a case if it does something.  clang-format off
 */
FL_OPTION(CONNECTOR, "connector", "*", TEXT, NULL)
FL_OPTION(FORMAT, "format", "+", TEXT, NULL)
FL_OPTION(VALUE_FORMAT, "value.format", "K", TEXT, NULL)
FL_OPTION(TOPIC, "topic", "K", TEXT, NULL)
FL_OPTION(PROPERTIES, "properties.*", "K", TEXT, NULL)
FL_OPTION(STARTUP_MODE, "scan.startup.mode", "K", ENUM, "group-offsets|earliest-offset|latest-offset|timestamp|specific-offsets")
FL_OPTION(STARTUP_OFFSETS, "scan.startup.specific-offsets", "K", TEXT, NULL)
FL_OPTION(STARTUP_TIMESTAMP, "scan.startup.timestamp-millis", "K", INTEGER, NULL)
FL_OPTION(BOUNDED_MODE, "scan.bounded.mode", "K", ENUM, "unbounded|latest-offset|group-offsets|timestamp|specific-offsets")
FL_OPTION(BOUNDED_OFFSETS, "scan.bounded.specific-offsets", "K", TEXT, NULL)
FL_OPTION(BOUNDED_TIMESTAMP, "scan.bounded.timestamp-millis", "K", INTEGER, NULL)
FL_OPTION(DISCOVERY, "scan.topic-partition-discovery.interval", "K", DURATION, NULL)
FL_OPTION(EMIT_STRATEGY, "scan.watermark.emit.strategy", "KT", ENUM, "on-event|on-periodic")
FL_OPTION(EMIT_GAP, "scan.watermark.emit.on-event.gap", "KT", IGNORED, "watermarks move with every record")
FL_OPTION(IDLE_TIMEOUT, "scan.watermark.idle-timeout", "KT", DURATION, NULL)
FL_OPTION(ALIGN_GROUP, "scan.watermark.alignment.group", "KT", TEXT, NULL)
FL_OPTION(ALIGN_DRIFT, "scan.watermark.alignment.max-drift", "KT", DURATION, NULL)
FL_OPTION(ALIGN_INTERVAL, "scan.watermark.alignment.update-interval", "KT", IGNORED, "alignment is by reading order")
FL_OPTION(SCAN_PARALLELISM, "scan.parallelism", "KT", IGNORED, "one machine, one reader")
FL_OPTION(SINK_PARALLELISM, "sink.parallelism", "KFPT", IGNORED, "one machine, one writer for each sink")
FL_OPTION(PARTITIONER, "sink.partitioner", "K", ENUM, "default")
FL_OPTION(GUARANTEE, "sink.delivery-guarantee", "K", ENUM, "none|at-least-once|exactly-once")
FL_OPTION(TXN_PREFIX, "sink.transactional-id-prefix", "K", TEXT, NULL)
FL_OPTION(TXN_NAMING, "sink.transaction-naming-strategy", "K", IGNORED, "one transactional.id for each sink")
FL_OPTION(TOPIC_PATTERN, "topic-pattern", "K", REFUSED, "list the topics: 'topic' = 'a;b'")
FL_OPTION(KEY_FORMAT, "key.format", "K", REFUSED, NULL)
FL_OPTION(KEY_FIELDS, "key.fields", "K", REFUSED, NULL)
FL_OPTION(KEY_PREFIX, "key.fields-prefix", "K", REFUSED, NULL)
FL_OPTION(VALUE_INCLUDE, "value.fields-include", "K", ENUM, "ALL")
FL_OPTION(PATH, "path", "F", TEXT, NULL)
FL_OPTION(MONITOR, "source.monitor-interval", "F", REFUSED, "a directory is read once")
FL_OPTION(PATH_PATTERN, "source.path.regex-pattern", "F", REFUSED, "name the file or its directory in 'path'")
FL_OPTION(ROLL_SIZE, "sink.rolling-policy.file-size", "F", IGNORED, "rows are visible as soon as they are committed")
FL_OPTION(ROLL_INTERVAL, "sink.rolling-policy.rollover-interval", "F", IGNORED, "rows are visible as soon as they are committed")
FL_OPTION(ROLL_CHECK, "sink.rolling-policy.check-interval", "F", IGNORED, "rows are visible as soon as they are committed")
FL_OPTION(COMPACTION, "auto-compaction", "F", REFUSED, NULL)
FL_OPTION(PRINT_ID, "print-identifier", "P", TEXT, NULL)
FL_OPTION(PRINT_ERR, "standard-error", "P", BOOL, NULL)
FL_OPTION(JSON_IGNORE, "json.ignore-parse-errors", "J", BOOL, NULL)
FL_OPTION(JSON_MISSING, "json.fail-on-missing-field", "J", BOOL, NULL)
FL_OPTION(JSON_TIMESTAMP, "json.timestamp-format.standard", "J", ENUM, "SQL|ISO-8601")
FL_OPTION(JSON_PLAIN, "json.encode.decimal-as-plain-number", "J", BOOL, NULL)
FL_OPTION(JSON_NULLS, "json.encode.ignore-null-fields", "J", BOOL, NULL)
FL_OPTION(JSON_PARSER, "json.decode.json-parser.enabled", "J", IGNORED, "there is one parser")
FL_OPTION(JSON_MAP_MODE, "json.map-null-key.mode", "J", IGNORED, "there are no MAP columns")
FL_OPTION(JSON_MAP_LITERAL, "json.map-null-key.literal", "J", IGNORED, "there are no MAP columns")
FL_OPTION(AVRO_ENCODING, "avro.encoding", "A", ENUM, "binary")
FL_OPTION(AVRO_LEGACY, "avro.timestamp_mapping.legacy", "A", ENUM, "true")
