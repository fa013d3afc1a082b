/*
 * metrics.h - every metric, described once.
 *
 * FL_METRIC(program, name, kind, unit, help)
 *	exported as flight_<program>_<name>; COUNTERs end in _total.
 *	Counters live in the commits and are only mirrored here.
 *
 * FL_SERIES(name, kind, unit, scope, help)
 *	exported as flight_<name>, once for each program, partition, pipeline, sink or
 *	counter of letters; read from the stores when somebody asks (shm/exposition.c), not
 *	mirrored.
 *	scope	PROGRAM, PARTITION, PIPELINE, SINK, LETTERS, SOURCE: which labels it has
 * clang-format off
 */
#ifndef FL_METRIC
#define FL_METRIC(program, name, kind, unit, help)
#endif
#ifndef FL_SERIES
#define FL_SERIES(name, kind, unit, scope, help)
#endif
FL_METRIC(ingest, records_delivered_total, COUNTER, "records", "Records that the source handed over.")
FL_METRIC(ingest, rows_total, COUNTER, "rows", "Rows decoded into columns.")
FL_METRIC(ingest, dead_total, COUNTER, "records", "Records that became dead letters, those included that came back as rows.")
FL_METRIC(ingest, replayed_total, COUNTER, "records", "Dead letters that came back as rows: flightctl dlq replay.")
FL_METRIC(ingest, skipped_total, COUNTER, "records", "Records skipped by a rule of their format.")
FL_METRIC(ingest, repeated_total, COUNTER, "records", "Records delivered again below the position, and dropped.")
FL_METRIC(ingest, steps_total, COUNTER, "steps", "Steps committed.")
FL_METRIC(ingest, skipped_errors_total, COUNTER, "records", "Of the skipped ones: dropped by ignore-parse-errors; the others were null or empty.")
FL_METRIC(ingest, conservation, GAUGE, "partitions", "Partitions where delivered is not rows, dead and skipped, or offsets passed are not records and gaps; must be 0.")
FL_METRIC(ingest, clock_seconds, GAUGE, "seconds", "Clock of the last step.")
FL_METRIC(ingest, store_bytes, GAUGE, "bytes", "Size of the ingest store's file.")
FL_METRIC(aggregate, rows_seen_total, COUNTER, "rows", "Rows seen, summed over queries.")
FL_METRIC(aggregate, rows_used_total, COUNTER, "rows", "Rows in at least one window, or passed on.")
FL_METRIC(aggregate, rows_filtered_total, COUNTER, "rows", "Rows dropped by WHERE.")
FL_METRIC(aggregate, rows_duplicate_total, COUNTER, "rows", "Rows dropped by deduplication.")
FL_METRIC(aggregate, rows_late_total, COUNTER, "rows", "Rows late for all their windows.")
FL_METRIC(aggregate, rows_dead_total, COUNTER, "rows", "Input rows that became dead letters.")
FL_METRIC(aggregate, conservation, GAUGE, "rows", "Seen minus used, filtered, duplicate, late and dead; must be 0.")
FL_METRIC(aggregate, steps_total, COUNTER, "steps", "Steps folded durably (R, summed over pipelines).")
FL_METRIC(aggregate, results_total, COUNTER, "rows", "Result rows written to the outbox.")
FL_METRIC(aggregate, returned_total, COUNTER, "rows", "Rows written to the outbox again: they were dead letters of emit.")
FL_METRIC(aggregate, windows_open, GAUGE, "windows", "Open windows.")
FL_METRIC(aggregate, keys_open, GAUGE, "keys", "Keys in open windows, of GROUP BY without one and of deduplication.")
FL_METRIC(emit, rows_total, COUNTER, "rows", "Rows that sinks confirmed.")
FL_METRIC(emit, commits_total, COUNTER, "commits", "Transactions that sinks confirmed.")
FL_METRIC(emit, dead_total, COUNTER, "rows", "Rows that a sink refused.")
FL_METRIC(emit, retries_total, COUNTER, "attempts", "Transactions tried again.")
FL_METRIC(serve, requests_total, COUNTER, "requests", "HTTP requests answered since serve started.")
FL_METRIC(serve, refused_total, COUNTER, "requests", "Of those: answered with a status of 400 or more.")
FL_METRIC(serve, cut_total, COUNTER, "connections", "Connections of clients that were too slow, ended.")
FL_METRIC(serve, connections, GAUGE, "connections", "Connections open.")
FL_SERIES(up, GAUGE, "", PROGRAM, "1 while the program runs.")
FL_SERIES(beat_timestamp_seconds, GAUGE, "seconds", PROGRAM, "When the program last said that it lives.")
FL_SERIES(partition_position, GAUGE, "records", PARTITION, "Offset that ingest reads next.")
FL_SERIES(partition_end, GAUGE, "records", PARTITION, "Offset at which the partition ends; absent while its broker does not answer; of serve only.")
FL_SERIES(partition_lag, GAUGE, "records", PARTITION, "Records between position and end; absent as the end.")
FL_SERIES(partition_stopped, GAUGE, "", PARTITION, "1 while the partition waits for a person.")
FL_SERIES(partition_records_total, COUNTER, "records", PARTITION, "Records that the source handed over.")
FL_SERIES(partition_dead_total, COUNTER, "records", PARTITION, "Records that became dead letters, those included that came back as rows.")
FL_SERIES(pipeline_steps_behind, GAUGE, "steps", PIPELINE, "Steps of ingest that are not folded durably.")
FL_SERIES(pipeline_watermark_timestamp_seconds, GAUGE, "seconds", PIPELINE, "Watermark; absent while there is none.")
FL_SERIES(pipeline_clock_timestamp_seconds, GAUGE, "seconds", PIPELINE, "Clock of the last step that is folded durably.")
FL_SERIES(pipeline_rows_total, COUNTER, "rows", PIPELINE, "Rows seen, summed over queries.")
FL_SERIES(pipeline_late_total, COUNTER, "rows", PIPELINE, "Rows late for all their windows.")
FL_SERIES(pipeline_dead_total, COUNTER, "letters", PIPELINE, "Dead letters of its queries, of rows read and of results; by query and error in flight_dead_letters_total.")
FL_SERIES(pipeline_results_total, COUNTER, "rows", PIPELINE, "Result rows written to the outbox.")
FL_SERIES(sink_rows_total, COUNTER, "rows", SINK, "Rows that the sink confirmed.")
FL_SERIES(sink_waiting, GAUGE, "rows", SINK, "Result rows that the sink has not confirmed.")
FL_SERIES(sink_state, GAUGE, "", SINK, "0 running, 1 waiting, 2 stopped for a person.")
FL_SERIES(sink_refused_total, COUNTER, "rows", SINK, "Rows that the sink refused.")
FL_SERIES(sink_retries_total, COUNTER, "attempts", SINK, "Transactions tried again.")
FL_SERIES(sink_confirmed_timestamp_seconds, GAUGE, "seconds", SINK, "When the sink last confirmed rows; absent before.")
FL_SERIES(dead_letters_total, COUNTER, "letters", LETTERS, "Dead letters that there ever were, by error (docs/errors.md); replaying and dropping them changes nothing.")
FL_SERIES(oddities_total, COUNTER, "oddities", SOURCE, "Oddities in records that became rows, taken as Flink takes them: equal names, text after the value.")
#undef FL_METRIC
#undef FL_SERIES
