/*
 * dbis.h - the named databases of each store.
 *
 * FL_DBI(role, name): key -> value
 * clang-format off
 */
FL_DBI(CATALOG,  META)       /* "meta" -> fl_store_meta; "instance" -> JSON settings */
FL_DBI(CATALOG,  PIPELINES)  /* name -> JSON: sql, files, brokers, uuid, streams, created */
FL_DBI(CATALOG,  STREAMS)    /* stream id (u32) -> JSON: identity, pipelines */
FL_DBI(CATALOG,  COMMANDS)   /* number (u64) -> JSON: program, verb, arguments */
FL_DBI(INGEST,   META)       /* "meta"; "cursor" -> ingest cursor (shm/step.h) */
FL_DBI(INGEST,   STEPS)      /* step (u64) -> fl_step_head, marks, blocks */
FL_DBI(INGEST,   DEAD)       /* stream, partition, offset -> dead letter (shm/dead.h) */
FL_DBI(INGEST,   COUNTS)     /* stream u32, code u32 -> letters ever, u64; code 0: oddities */
FL_DBI(PIPELINE, META)       /* "meta"; "cursor"; "plan" -> canonical text; "sql"; "build" -> text */
FL_DBI(PIPELINE, STATE)      /* operator u32, group u32, chunk u32 -> p_g, image */
FL_DBI(PIPELINE, OUT)        /* sink u32, first row u64 -> result block */
FL_DBI(PIPELINE, WINDOWS)    /* operator u32, end i64 -> provenance of a closed window */
FL_DBI(PIPELINE, LATE)       /* step u64, block u32, query u32, number u32 -> late rows */
FL_DBI(PIPELINE, DEAD)       /* step u64, block u32, row u32, query u32 -> dead letter */
FL_DBI(PIPELINE, COUNTS)     /* query u32, code u32 -> letters ever, u64 */
FL_DBI(EMIT,     META)       /* "meta"; "dead_size", "command" -> u64 */
FL_DBI(EMIT,     SINKS)      /* pipeline name \0 sink name -> position, settled, state, error */
FL_DBI(EMIT,     DEAD)       /* pipeline \0 sink \0 row number u64 -> dead letter */
FL_DBI(EMIT,     RETURNS)    /* pipeline \0 sink \0 row number u64 -> store, command, block: letters on their way back */
FL_DBI(EMIT,     COUNTS)     /* pipeline \0 sink \0 code u32 -> letters ever, u64 */
