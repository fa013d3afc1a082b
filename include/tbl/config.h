/*
 * config.h - settings that stand in no .sql file; those that do are in settings.h.
 *
 * FL_CONFIG(scope, name, value, help)
 *	scope	INSTANCE: flightctl up --set <name>=...; kept in the catalog
 *		PROCESS: environment variable
 *	value	default, as text; a number takes numbers only
 * clang-format off
 */
FL_CONFIG(INSTANCE, "ingest.dead-quota-bytes", "268435456", "Dead letters of ingest beyond it keep position and reason, not the bytes.")
FL_CONFIG(INSTANCE, "ingest.store-quota-bytes", "4294967296", "Steps that pipelines have not used; beyond it ingest waits for them.")
FL_CONFIG(INSTANCE, "aggregate.outbox-quota-bytes", "268435456", "Results of a pipeline that its sinks have not taken; beyond it the pipeline waits.")
FL_CONFIG(INSTANCE, "aggregate.late-quota-bytes", "268435456", "Late rows that a pipeline keeps; beyond it the oldest go, their count stays.")
FL_CONFIG(INSTANCE, "aggregate.dead-quota-bytes", "268435456", "Dead letters of a pipeline beyond it keep position and reason, not the row.")
FL_CONFIG(INSTANCE, "emit.dead-quota-bytes", "268435456", "Dead letters of emit beyond it keep position and reason, not the row.")
FL_CONFIG(INSTANCE, "serve.port", "0", "Port at which serve answers HTTP; 0: as a pipeline's flight.serve.port says, and where none does, serve does not run.")
FL_CONFIG(INSTANCE, "serve.address", "127.0.0.1", "Address at which serve listens: 0.0.0.0 or :: for all. There is no password: what it shows, everybody who reaches it may see.")
FL_CONFIG(INSTANCE, "serve.hosts", "", "Names, with commas, by which clients may call serve, beside addresses and localhost.")
FL_CONFIG(PROCESS, "FLIGHT_HOME", "./flight.d", "Instance directory when -i is absent.")
FL_CONFIG(PROCESS, "FLIGHT_FAULT", "", "Tests only: NAME:N[:kill] makes the N-th pass of a fault seam fail or kill (docs/testing.md).")
