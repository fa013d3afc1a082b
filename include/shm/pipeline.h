/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - what aggregate's store holds and others read: cursor and outbox.
 *
 * cursor (value of "cursor" in PIPELINE_META), in each commit:
 *	fl_pipeline_cursor, partition_count x fl_partition_time at R, the same at
 *	replay_from, query_count x fl_query_count, sink_count x fl_sink_count
 */
#ifndef FL_SHM_PIPELINE_H
#define FL_SHM_PIPELINE_H

#include "shm/store.h"

struct fl_pipeline_cursor {
	uint64_t r;		/* R: last step whose results are durable */
	uint64_t r_hash;	/* chain hash of step R */
	uint64_t replay_from;	/* oldest step that state images need; <= R */
	uint64_t replay_hash;	/* chain hash of step replay_from */
	int64_t clock_ms;	/* of step R */
	int64_t replay_clock_ms;
	int64_t watermark;	/* W at R, min over streams */
	uint64_t fired_hash;	/* sum over groups of the hash of rows they fired */
	uint64_t command;	/* last catalog command applied */
	uint32_t partition_count, query_count, sink_count;
	uint32_t wants_time;	/* 1: some window is open, ingest shall tick */
	uint32_t finished;	/* 1: all partitions ended and all windows fired */
	uint32_t reserved;
	uint64_t late_size;	/* bytes of late rows kept */
	uint64_t late_dropped;	/* values of late rows that went when the quota was full */
	uint64_t dead_size;	/* bytes of dead letters */
	uint64_t returns;	/* last command whose letters of emit are in the outbox again */
};

struct fl_partition_time {
	uint32_t stream;
	int32_t partition;
	int64_t watermark;	/* w_p; FL_TIME_MIN: none yet */
	int64_t floor;		/* floor_p */
	int64_t caught_since;	/* FL_TIME_MAX: not caught up */
	int64_t offset;		/* last offset folded, or -1 */
	uint32_t ended, idle;
	/* Index in plan->tables: time belongs to a table's partition.  From 2^31 on: an
	 * operator's over several tables, with its watermark and table_end; no partition. */
	uint32_t table;
	uint32_t reserved;
	int64_t table_watermark; /* W of that table; never goes back */
	int64_t table_end;	/* latest end of a window its rows went into; open iff > W + 1 */
};

/* Provenance of a window that fired: PIPELINE_WINDOWS, key operator u32, end i64
 * (sign bit flipped, big-endian); kept as long as its rows are in the outbox. */
struct fl_window_closed {
	int64_t start, end;	/* as window_start and window_end print them */
	uint64_t step;		/* the step after which it fired */
	uint64_t first, row_count; /* its rows in the outbox */
	uint64_t key_count;
	uint32_t sink, reserved;
};

/* Late rows: PIPELINE_LATE, key step u64, block in step u32, query u32,
 * number u32 (its upper half: the part of a UNION ALL) -> a block
 * of the stream's columns (partition and offsets in its head), kind = query. */

struct fl_query_count { /* conservation: seen = used + filtered + duplicates + late + dead */
	uint64_t seen, used, filtered, duplicates, late, dead;
	uint64_t fired_rows, fired_windows;
};

struct fl_sink_count {
	uint64_t next;		/* number of the next result row */
	uint64_t first;		/* oldest row kept in the outbox */
	uint64_t returned;	/* rows that were dead letters of emit: next = fired and passed on + these */
};

/* All parts, borrowed from the transaction.  found false: none yet. */
struct fl_pipeline_cursor_view {
	const struct fl_pipeline_cursor *head;
	const struct fl_partition_time *at_r, *at_replay;
	const struct fl_query_count *queries;
	const struct fl_sink_count *sinks;
};
enum fl_code fl_pipeline_cursor_get(
    struct fl_txn *txn, bool *found, struct fl_pipeline_cursor_view *view, struct fl_err *err);

/* What emit keeps per sink in EMIT_SINKS, key "<pipeline>\0<sink>". */
struct fl_sink_position {
	struct fl_uuid store;	/* of the pipeline store that the rows came from */
	uint64_t generation;
	uint64_t next;		/* number of the next row to deliver: confirmed by the sink */
	uint32_t settled;	/* 1: no transaction with an unknown outcome */
	uint32_t state;		/* 0 running, 1 waiting, 2 stopped for a person */
	int64_t confirmed_ms;
	uint64_t commits, dead, retries;
	char error[256];
	uint64_t chain;		/* hash over all rows delivered up to next */
	uint64_t reserved[2];
	uint64_t unopened;	/* 1: never open so far; only state, error, retries mean something */
};
enum fl_code fl_sink_position_get(struct fl_txn *txn, const char *pipeline, const char *sink,
    bool *found, struct fl_sink_position *position, struct fl_err *err);
size_t fl_sink_key(const char *pipeline, const char *sink, uint8_t key[64]);
/* "<pipeline>\0<sink>\0": with a row number behind it the key of a dead letter. */
size_t fl_sink_owner(const char *pipeline, const char *sink, uint8_t owner[64]);
/* Is that the key of a letter of the sink? */
bool fl_sink_has_letter(const char *pipeline, const char *sink, const void *key, size_t key_size);

/*
 * A dead letter of emit on its way back: EMIT_RETURNS, under the letter's own key, then a
 * block with its row.  emit writes it by a command; aggregate appends the row to the outbox,
 * as a new one, in the transaction that moves `returns`; then emit delivers it, and deletes both.
 */
#define FL_RETURN_SIZE_MAX (512u << 10) /* of the block */
struct fl_return {
	struct fl_uuid store;	/* of the pipeline's store that the row came from */
	uint64_t command;
};

#endif
