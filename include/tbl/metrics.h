/*
 * metrics.h - every metric, described once.
 *
 * FL_METRIC(program, name, kind, unit, help)
 *	exported as flight_<program>_<name>; COUNTERs end in _total.
 *	Counters live in the commits and are only mirrored here.
 * clang-format off
 */
FL_METRIC(ingest, records_delivered_total, COUNTER, "records", "Records that the source handed over.")
FL_METRIC(ingest, rows_total, COUNTER, "rows", "Rows decoded into columns.")
FL_METRIC(ingest, dead_total, COUNTER, "records", "Records that became dead letters.")
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
FL_METRIC(aggregate, rows_dead_total, COUNTER, "rows", "Rows that became dead letters.")
FL_METRIC(aggregate, conservation, GAUGE, "rows", "Seen minus used, filtered, duplicate, late and dead; must be 0.")
FL_METRIC(aggregate, steps_total, COUNTER, "steps", "Steps folded durably (R, summed over pipelines).")
FL_METRIC(aggregate, results_total, COUNTER, "rows", "Result rows written to the outbox.")
FL_METRIC(aggregate, windows_open, GAUGE, "windows", "Open windows.")
FL_METRIC(aggregate, keys_open, GAUGE, "keys", "Keys in open windows, of GROUP BY without one and of deduplication.")
FL_METRIC(emit, rows_total, COUNTER, "rows", "Rows that sinks confirmed.")
FL_METRIC(emit, commits_total, COUNTER, "commits", "Transactions that sinks confirmed.")
FL_METRIC(emit, dead_total, COUNTER, "rows", "Rows that a sink refused.")
FL_METRIC(emit, retries_total, COUNTER, "attempts", "Transactions tried again.")
