/*
 * connectors.h - every way in and every way out.
 *
 * FL_CONNECTOR(name, text, letter, format, source, sink)
 *	name	FL_CONNECTOR_<name>
 *	text	'connector' = 'text'
 *	letter	stands for it in tbl/options.h
 *	format	NEEDED; LINES (needed, of one line a value); PARTS ('key.format' and
 *		'value.format' needed); FREE (may be absent); NONE
 *	source	struct source_ops source_<source> in ingest/source_<source>.c, or none
 *	sink	struct emit_sink_ops emit_sink_<sink> in emit/sink_<sink>.c, or none
 *		or of several, by the url's scheme: tbl/jdbc_schemes.h
 *
 * A new one is one row and its functions; what it takes in WITH (...) are rows of
 * options.h.  TEST, in memory for flow tests, stands last.  clang-format off
 */
FL_CONNECTOR(KAFKA,      "kafka",      'K', NEEDED, kafka, kafka)
FL_CONNECTOR(FILESYSTEM, "filesystem", 'F', LINES,  file,  file)
FL_CONNECTOR(PRINT,      "print",      'P', NONE,   none,  print)
FL_CONNECTOR(BLACKHOLE,  "blackhole",  'B', NONE,   none,  blackhole)
FL_CONNECTOR(JDBC,       "jdbc",       'D', NONE,   scan,  postgres)
FL_CONNECTOR(UPSERT_KAFKA, "upsert-kafka", 'U', PARTS, none, kafka)
FL_CONNECTOR(DEAD_LETTERS, "dead-letters", 'L', NONE, letters, none)
FL_CONNECTOR(TEST,       "test",       'T', FREE,   test,  test)
