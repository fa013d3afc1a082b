/*
 * config.h - every setting.
 *
 * FL_CONFIG(scope, name, value, help)
 *	scope	PIPELINE: SET 'flight.<name>' = '...' in the .sql file
 *		INSTANCE: flightctl up --set <name>=...; kept in the catalog
 *		PROCESS: environment variable
 *	value	default, as text
 * clang-format off
 */
FL_CONFIG(PIPELINE, "flight.quiet-close", "off", "When all partitions of a table have been caught up this long, windows whose end has passed on the clock are closed.")
FL_CONFIG(PIPELINE, "flight.max-future", "24 h; off for `run`", "Rows whose event time is further ahead of the clock become dead letters.")
FL_CONFIG(PIPELINE, "flight.max-drift", "max(1 h, 4 windows)", "In a backfill no partition is read further ahead of the slowest one than this.")
FL_CONFIG(PIPELINE, "flight.state-limit", "10000000", "Keys in open windows; beyond it the pipeline stops with STATE_LIMIT.")
FL_CONFIG(PIPELINE, "flight.json.strict", "false", "JSON numbers and strings are not converted into each other.")
FL_CONFIG(PIPELINE, "flight.table.TABLE.avro-schema", "derived from the columns", "FILE#NAME: the writer's schema of a source, the schema to write of a sink; relative to the .sql file.")
FL_CONFIG(PROCESS, "FLIGHT_HOME", "./flight.d", "Instance directory when -i is absent.")
FL_CONFIG(PROCESS, "FLIGHT_FAULT", "", "Tests only: NAME:N[:kill] makes the N-th pass of a fault seam fail or kill (docs/testing.md).")
