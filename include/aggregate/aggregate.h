/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate.h - steps to window state to result blocks.
 */
#ifndef FL_AGGREGATE_AGGREGATE_H
#define FL_AGGREGATE_AGGREGATE_H

#include "shm/instance.h"
#include "shm/pipeline.h"

struct aggregate;
extern const struct fl_program aggregate_program;

enum fl_code aggregate_open(
    struct fl_instance *instance, struct aggregate **aggregate, struct fl_err *err);
/* One turn over all pipelines: folds what is there (bounded) and commits once per
 * pipeline.  done: sources finished, all fired, all durable. */
enum fl_code aggregate_step(
    struct aggregate *aggregate, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
void aggregate_wait(struct aggregate *aggregate, int wait_ms);
void aggregate_close(struct aggregate **aggregate);

/* Tests: images that a commit writes, in bytes (0: none, so that a restart replays). */
void aggregate_test_flush(struct aggregate *aggregate, uint32_t bytes);

/* ---- reading from outside (snapshot, verify): the same fold, no writing ---- */

/* Columns of a query: keys, then parts of accumulators ("passengers.sum"), then those of
 * its results. */
struct aggregate_columns {
	uint32_t key_count, part_count, result_count;
	const char *const *names;
	const bool *is_number;
};
struct aggregate_row { /* one (query, window, key) */
	const char *query;
	int64_t window_start, window_end; /* ms UTC */
	bool is_open;	    /* false: fired, still in the outbox */
	uint64_t row_count; /* rows in it; not known of closed ones */
	const struct aggregate_columns *columns;
	const char *const *values; /* keys and parts; of a closed one: results.  NULL: NULL */
};
struct aggregate_head {
	uint64_t r, ingest_last;
	int64_t clock_ms, watermark;
	uint32_t partition_count;
	const struct fl_partition_time *partitions;
	uint32_t row_count; /* so many calls of on_row with a row follow */
};
/*
 * Opens the stores downstream first, cuts upstream at R, loads the state, folds
 * (replay_from, R], and calls on_head once, then on_row sorted by query, window, closed
 * before open, key, and at last on_row with NULL: until that returns, the texts of all
 * rows stay.  No transaction is open while the callbacks run.
 *
 *	query	 name of one query, or NULL for all
 *
 * Errors:  NO_SUCH_OBJECT   no such pipeline or query, or nothing stored yet
 */
enum fl_code aggregate_snapshot(struct fl_instance *instance, const char *pipeline,
    const char *query, void (*on_head)(void *ctx, const struct aggregate_head *head),
    void (*on_row)(void *ctx, const struct aggregate_row *row), void *ctx, struct fl_err *err);

#endif
