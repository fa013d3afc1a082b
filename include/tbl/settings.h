/*
 * settings.h - what SET understands.
 *
 * FL_SETTING(name, key, kind, choices, help)
 *	name	FL_SETTING_<name>: the case of bind_setting.c that acts on it
 *	key	as written; a key that ends in '*' takes all that begin so
 *	kind	TEXT; BOOL; DURATION (0 or more); COUNT (1 or more); ENUM;
 *		CHECKED (of kind DURATION, accepted, no effect); IGNORED (accepted with
 *		a notice); REFUSED
 *	choices	ENUM: "a|b|c"; IGNORED, CHECKED, REFUSED: why
 *	help	one line for docs/config.md
 *
 * Flink takes unknown keys without a word; so do we, with a notice, except that
 * an unknown 'flight.' key is an error.
 *
 * FL_TABLE_SETTING(name, key, help): 'flight.table.<table>.<key>'.
 * clang-format off
 */
#ifndef FL_TABLE_SETTING
#define FL_TABLE_SETTING(name, key, help)
#endif
#ifndef FL_SETTING
#define FL_SETTING(name, key, kind, choices, help)
#endif
FL_SETTING(ZONE, "table.local-time-zone", TEXT, NULL, "the session's zone: TIMESTAMP_LTZ as text, windows over TIMESTAMP_LTZ; default UTC")
FL_SETTING(NAME, "pipeline.name", TEXT, NULL, "the pipeline's name; default: the file's")
FL_SETTING(IDLE, "table.exec.source.idle-timeout", DURATION, NULL, "a partition that is caught up and silent this long holds no window back; 0: off")
FL_SETTING(NOT_NULL, "table.exec.sink.not-null-enforcer", ENUM, "ERROR|DROP", "a NULL for a NOT NULL column of a sink: a dead letter with either")
FL_SETTING(CHECKPOINT, "execution.checkpointing.interval", CHECKED, "results are committed as windows close", "accepted; results are committed as windows close")
FL_SETTING(WATERMARK_INTERVAL, "pipeline.auto-watermark-interval", CHECKED, "watermarks move with every record", "accepted; watermarks move with every record")
FL_SETTING(ROWTIME_NULL, "table.exec.source.rowtime-null-handling", ENUM, "FAIL|DROP|SKIP_WATERMARK", "accepted; a row without event time becomes a dead letter where a window needs it")
FL_SETTING(MODE, "execution.runtime-mode", ENUM, "streaming|batch|automatic", "streaming only")
FL_SETTING(EARLY_FIRE, "table.exec.emit.early-fire.*", REFUSED, "a window fires once, when it is complete", "refused, as Flink does for window functions")
FL_SETTING(LATE_FIRE, "table.exec.emit.late-fire.*", REFUSED, "a window fires once, when it is complete", "refused, as Flink does for window functions")
FL_SETTING(LATENESS, "table.exec.emit.allow-lateness", IGNORED, "it has no effect on window functions", "no effect on window functions")
FL_SETTING(PARALLELISM, "parallelism.default", IGNORED, "work is divided by key groups", "ignored")
FL_SETTING(TABLE_PARALLELISM, "table.exec.resource.default-parallelism", IGNORED, "work is divided by key groups", "ignored")
FL_SETTING(MINI_BATCH, "table.exec.mini-batch.*", IGNORED, "rows are folded a step at a time", "ignored")
FL_SETTING(TTL, "table.exec.state.ttl", DURATION, NULL, "deduplication forgets a key this long after its first row, by the clock of the steps; 0: never. Windows and GROUP BY without one do not heed it")
FL_SETTING(OPTIMIZER, "table.optimizer.*", IGNORED, "there is one plan", "ignored")
FL_SETTING(STATE_BACKEND, "state.*", IGNORED, "state is kept in the pipeline's store", "ignored")
FL_SETTING(EXECUTION, "execution.*", IGNORED, "it is about a cluster", "ignored")
FL_SETTING(RESTART, "restart-strategy.*", IGNORED, "the supervisor restarts programs", "ignored")
FL_SETTING(CLIENT, "sql-client.*", IGNORED, "it is about the SQL client", "ignored")
FL_SETTING(OBJECT_REUSE, "pipeline.object-reuse", IGNORED, "rows are columns here", "ignored")
FL_SETTING(QUIET, "flight.quiet-close", DURATION, NULL, "when a whole table is silent this long, windows whose end has passed on the clock close; 0: off")
FL_SETTING(FUTURE, "flight.max-future", DURATION, NULL, "rows further ahead of the clock become dead letters; 0: off; default 24 h for up, off for run")
FL_SETTING(DRIFT, "flight.max-drift", DURATION, NULL, "how far a partition may be read ahead of the slowest; default max(1 h, 4 windows)")
FL_SETTING(STATE_LIMIT, "flight.state-limit", COUNT, NULL, "keys in open windows, of GROUP BY without one and of deduplication before the pipeline stops; default 10,000,000")
FL_SETTING(STRICT, "flight.json.strict", BOOL, NULL, "json: equal names, text after the object, raw control characters and numbers out of range make a dead letter")
FL_SETTING(SERVE_PORT, "flight.serve.port", COUNT, NULL, "the instance runs the program serve, which answers HTTP at this port; the instance's serve.port goes before")
FL_SETTING(PUBLISH, "flight.publish.*", TEXT, NULL, "PATH after the dot, as /totals: serve answers there with a JSON array of the rows of the value, a table that the pipeline writes or a SELECT as `flightctl query` takes it")
FL_TABLE_SETTING(AVRO_SCHEMA, "avro-schema", "FILE#NAME: the Avro schema of the writer (source) or to write (sink)")
FL_TABLE_SETTING(CREATE, "create", "true: jdbc: make the table in the database if it is absent")
FL_TABLE_SETTING(UPDATED_LAST, "updated-last", "true: jdbc:sqlite: an updated row moves to the end of the table, so that it begins with the least recently updated")
FL_TABLE_SETTING(PASSWORD_FILE, "password-file", "FILE: jdbc: the password, read at each connection; only its owner may read it (mode 0400)")
FL_TABLE_SETTING(OPTION_FILE, "OPTION-file", "FILE: the value of OPTION, as if it stood in WITH: for secrets; read at each start, from the .sql file's directory unless absolute; a newline at its end does not count")
FL_TABLE_SETTING(CSV_HEADER, "csv-header", "true: csv in files: the first line of each file names the columns")
FL_TABLE_SETTING(HEADERS, "headers", "true: kafka: messages that are written carry headers with the pipeline, the table, the store and the number of the result")
FL_TABLE_SETTING(JSON_SCHEMA, "json-schema", "FILE: the JSON Schema that each record of a json source must obey")
FL_TABLE_SETTING(JSON_SCHEMA_TYPING, "json-schema-typing", "lenient or strict: how the schema's types take numbers; default lenient (3.0 is an integer, 3 a number)")
#undef FL_TABLE_SETTING
#undef FL_SETTING
