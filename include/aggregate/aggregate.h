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
	const struct fl_type *types; /* of a part: that of the aggregate's result */
};
struct aggregate_window { /* of one query */
	const char *query;
	int64_t start, end; /* ms UTC */
	bool is_open;	    /* false: fired, its results are still in the outbox */
	bool is_dedup;	    /* the keys of a deduplication, open for good; one part, first_seen */
	uint32_t dedup;	    /* which one of the plan's */
	const struct aggregate_columns *columns;
};
struct aggregate_value { /* size bytes and a 0; NULL: NULL */
	const char *text;
	uint32_t size;
};
struct aggregate_row { /* one (query, window, key) */
	const struct aggregate_window *window; /* of a run of rows the same pointer */
	struct aggregate_value row_count; /* rows in it; NULL for closed ones, not known */
	const struct aggregate_value *values; /* keys and parts; of a closed one: results */
};
struct aggregate_head {
	uint64_t r, ingest_last;
	int64_t clock_ms, watermark;
	uint32_t partition_count;
	const struct fl_partition_time *partitions;
	uint32_t row_count;
};
struct aggregate_shot;
/*
 * Opens the stores downstream first, cuts upstream at R, loads the state, folds
 * (replay_from, R], and keeps what is there as texts.  Neither store is open afterwards.
 *
 *	query	 name of one query, or NULL for all
 *	shot	 out: the caller owns it; end it with aggregate_shot_free(), before the instance
 *
 * Errors:  NO_SUCH_OBJECT   no such pipeline or query, or nothing stored yet
 */
enum fl_code aggregate_shot_take(struct fl_instance *instance, const char *pipeline,
    const char *query, struct aggregate_shot **shot, struct fl_err *err);
const struct aggregate_head *aggregate_shot_head(const struct aggregate_shot *shot);
/* Row i by query, window, closed before open, key; good until the next call.  NULL: no more. */
const struct aggregate_row *aggregate_shot_row(struct aggregate_shot *shot, uint32_t i);
void aggregate_shot_free(struct aggregate_shot **shot);

/*
 * The same in parts, for a reader that has other stores open as well, or looks again and
 * again: new, then fold and list inside the caller's transactions, which were begun
 * downstream first.  pipeline is borrowed.
 */
struct aggregate_shot *aggregate_shot_new(
    const struct fl_instance *instance, const struct fl_pipeline *pipeline);
/*
 * State at R.  The fold is kept: the next time only the steps since are folded, or all anew
 * where these are gone or the store is another.  found false: nothing stored yet.
 *
 *	meta	of the store that own reads
 */
enum fl_code aggregate_shot_fold(struct aggregate_shot *shot, const struct fl_store_meta *meta,
    struct fl_txn *own, struct fl_txn *ingest, bool *found, struct fl_err *err);
/* After fold: head and rows, of one query or, UINT32_MAX, of all; those of before are gone.
 * ingest_last is 0. */
enum fl_code aggregate_shot_list(
    struct aggregate_shot *shot, struct fl_txn *own, uint32_t query, struct fl_err *err);
/*
 * After fold: the rows that the sink of an updating query has, some at a time, as the outbox
 * makes them: HAVING holds, no NOT NULL column is NULL.  *at: 0 first.
 *
 *	rows	  of the sink's physical columns; rows are appended
 *	changed	  a uint64_t is appended for each: the number, in the log, of the row that
 *		  changed it last; the smaller, the longer ago
 *
 * False: no keys are left, and nothing was appended.  True with nothing appended is possible.
 */
bool aggregate_shot_current(struct aggregate_shot *shot, uint32_t query, uint32_t *at,
    struct fl_builder *rows, struct fl_buf *changed);

#endif
