/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - one pipeline at work: its store, its fold, its commits.
 *
 * A turn folds what is there, within bounds, and commits once: result blocks, late
 * rows, dead letters, images that are due, and the cursor.  A commit that failed
 * for a passing reason is tried again with the same bytes; nothing is folded twice.
 */
#ifndef FL_AGGREGATE_PIPELINE_H
#define FL_AGGREGATE_PIPELINE_H

#include "aggregate/fold.h"
#include "shm/instance.h"

/* Bounds of one turn. */
#define PIPELINE_TURN_BYTES (16u << 20)
#define PIPELINE_TURN_US 50000
/* Result rows kept behind the sink's position, while the outbox is less than half full:
 * what readers call closed windows. */
#define PIPELINE_KEEP_ROWS 1000u
/* Replay distance, and commits remembered, at which more than 1 MiB is flushed. */
#define PIPELINE_REPLAY_ROWS 1000000u
#define PIPELINE_POINTS_MAX 4096u
#define PIPELINE_FLUSH_BYTES (1u << 20)
/* Result blocks that one commit drops at most. */
#define PIPELINE_TRIM_MAX 512u

struct time_point { /* the time state after a commit that replay may start from */
	uint64_t step, hash, row_total;
	int64_t clock_ms;
	uint32_t part_count;
	struct fl_partition_time *parts;
};

struct pipeline {
	struct fl_instance *instance;
	const struct fl_pipeline *info;
	struct fl_store *store, *ingest, *emit;
	struct fold fold;
	bool is_open;
	bool is_pending; /* a commit failed; its bytes are still in fold.out */
	bool is_finished, finished_stored;
	bool has_committed;	/* in this process: logged once, for recovery times */
	struct time_point *points; /* oldest first; the first is replay_from */
	uint32_t point_count, point_capacity;
	struct state_flush *flushes; /* of the commit under way */
	uint32_t flush_count, flush_capacity;
	uint32_t flush_bytes; /* PIPELINE_FLUSH_BYTES, but in tests */
	uint64_t replay_from;
	uint64_t outbox_size;	/* bytes in PIPELINE_OUT */
	uint64_t outbox_quota, late_quota;
	uint64_t late_size, late_dropped; /* as in the cursor */
	uint64_t *confirmed;	/* per sink: emit's position */
	uint64_t steps_total;
	uint64_t command;	/* last one of the catalog that was applied */
	uint64_t commands_seen;	/* the newest of any program that was looked at */
	int64_t emit_read_ms;
	uint64_t returns, returns_stored; /* commands whose letters are in the outbox again */
	uint64_t replays_seen;	/* up to this command none of emit's waits to be applied */
	bool waits_for_emit;	/* one does: rows may come back */
	struct fl_err stopped;	/* code FL_OK: it runs */
};

/* Opens pipeline store and, once there, ingest's; restores and replays. */
enum fl_code pipeline_open(struct pipeline *p, struct fl_err *err);
/* One turn.  Errors: OUTBOX_FULL, STATE_LIMIT, and those of stores and folds. */
enum fl_code pipeline_turn(struct pipeline *p, int64_t now_ms, bool *worked, struct fl_err *err);
/* Commands of the catalog for this pipeline: dead-drop.  Each is a transaction of its own. */
enum fl_code pipeline_commands(struct pipeline *p, struct fl_err *err);
/* Sources at their end, all fired, all durable. */
bool pipeline_is_done(const struct pipeline *p);
void pipeline_close(struct pipeline *p);

#endif
