/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what status, lag, offsets and metrics read: the cursors of all stores, copied out.
 *
 * The stores are read downstream first (emit, pipelines, ingest), each in a read
 * transaction of its own that ends before anything is printed.
 */
#ifndef FL_SHM_VIEW_H
#define FL_SHM_VIEW_H

#include "shm/instance.h"
#include "shm/pipeline.h"
#include "shm/step.h"

struct fl_view_sink {
	const char *name;
	bool is_known;
	struct fl_sink_position position;
	struct fl_sink_count count;
};

struct fl_view_pipeline {
	const struct fl_pipeline *pipeline;
	bool has_store, has_cursor;
	struct fl_pipeline_cursor cursor;
	struct fl_partition_time *times; /* cursor.partition_count */
	struct fl_query_count *queries;	 /* cursor.query_count */
	struct fl_view_sink *sinks;	 /* plan->sink_count */
	uint32_t sink_count;
	uint64_t dead;
};

/* Counters of dead letters; code FL_OK: of oddities in records that became rows. */
struct fl_view_tally {
	enum fl_role role;
	const char *pipeline; /* NULL: ingest's */
	const char *of;	      /* source, query or sink */
	uint32_t stream;      /* ingest's */
	enum fl_code code;
	uint64_t count;
};
struct fl_tallies { /* zeroed at first */
	struct fl_view_tally *rows;
	uint32_t count, capacity;
};
/* Adds what a store counts, of ingest and of emit for all pipelines.  Its names are those of
 * the instance's plans: borrowed. */
enum fl_code fl_tallies_add(struct fl_tallies *tallies, const struct fl_instance *instance,
    enum fl_role role, const struct fl_pipeline *pipeline, struct fl_txn *txn, struct fl_err *err);
/* By program, pipeline, of whom, code. */
void fl_tallies_sort(struct fl_tallies *tallies);
void fl_tallies_fini(struct fl_tallies *tallies);

#define FL_VIEW_PROBLEMS_MAX 16
struct fl_view {
	const struct fl_instance *instance;
	struct fl_arena arena;
	bool has_ingest;
	struct fl_ingest_cursor ingest;
	struct fl_partition_cursor *partitions; /* of pipelines; ingest.partition_count */
	uint64_t ingest_dead, emit_dead;
	uint64_t ingest_bytes;
	struct fl_tallies tallies; /* sorted */
	uint32_t pipeline_count;
	struct fl_view_pipeline *pipelines;
	const char *problems[FL_VIEW_PROBLEMS_MAX];
	uint32_t problem_count;
};

/* A store that cannot be read is a line of problems; the rest is there. */
void fl_view_read(const struct fl_instance *instance, struct fl_view *view);
void fl_view_fini(struct fl_view *view);
/* All programs have ended since nothing is left to do: the sources have ended, every step is
 * folded and every result is confirmed. */
bool fl_view_is_finished(const struct fl_instance *instance, const struct fl_view *view);
/* Opens one store of the instance for reading; *store NULL when it does not exist yet. */
enum fl_code fl_view_store_open(const struct fl_instance *instance, enum fl_role role,
    const char *pipeline, struct fl_store **store, struct fl_err *err);
/* Letters that there ever were, of one program; of one pipeline, unless that is NULL. */
uint64_t fl_view_letters(const struct fl_view *view, enum fl_role role, const char *pipeline);
/* The time that a source gave a record, -1 if it gives none as files do; then FL_TIME_MIN. */
int64_t fl_view_record_time(int64_t ms);
/* How many a stream has; *why: the state of a stopped one, NULL: none is. */
uint32_t fl_view_partitions(
    const struct fl_view *view, uint32_t stream, uint32_t *stopped, const char **why);
const char *fl_view_partition_state(const struct fl_partition_cursor *partition);
/* As fl_instance_table(). */
const struct fl_table *fl_view_table(const struct fl_view *view, uint32_t stream);
/* The partition's time in a pipeline; NULL: not in it. */
const struct fl_partition_time *fl_view_time(
    const struct fl_view_pipeline *pipeline, uint32_t stream, int32_t partition);

#endif
