/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what status, lag and offsets read: the cursors of all stores, copied out.
 *
 * The stores are read downstream first (emit, pipelines, ingest), each in a read
 * transaction of its own that ends before anything is printed.
 */
#ifndef FL_FLIGHTCTL_VIEW_H
#define FL_FLIGHTCTL_VIEW_H

#include "flightctl/ctl.h"
#include "kafka/client.h"
#include "shm/pipeline.h"
#include "shm/step.h"

struct view_sink {
	const char *name;
	bool is_known;
	struct fl_sink_position position;
	struct fl_sink_count count;
};

struct view_pipeline {
	const struct fl_pipeline *pipeline;
	bool has_store, has_cursor;
	struct fl_pipeline_cursor cursor;
	struct fl_partition_time *times; /* cursor.partition_count */
	struct fl_query_count *queries;	 /* cursor.query_count */
	struct view_sink *sinks;	 /* plan->sink_count */
	uint32_t sink_count;
	uint64_t dead;
};

#define VIEW_PROBLEMS_MAX 16
struct view {
	struct fl_arena arena;
	bool has_ingest;
	struct fl_ingest_cursor ingest;
	struct fl_partition_cursor *partitions; /* of pipelines; ingest.partition_count */
	uint64_t ingest_dead, emit_dead;
	uint64_t ingest_bytes;
	uint32_t pipeline_count;
	struct view_pipeline *pipelines;
	const char *problems[VIEW_PROBLEMS_MAX];
	uint32_t problem_count;
};

/* Asks brokers for the ends of partitions; one that does not answer is asked once. */
struct view_asker {
	int timeout_ms;
	bool is_silent;		      /* nobody answers, or nobody is to be asked */
	const struct fl_table *asked; /* the table that consumer belongs to */
	struct fl_kafka_consumer *consumer;
};
/* False: unknown.  The end is the last stable offset, what a reader can come to. */
bool view_ask_range(struct view_asker *asker, const struct view *view,
    const struct fl_partition_cursor *partition, int64_t *low, int64_t *end);
void view_asker_fini(struct view_asker *asker);

/* A store that cannot be read is a line of problems; the rest is there. */
void view_read(const struct fl_instance *instance, struct view *view);
void view_fini(struct view *view);
/* All programs have ended since nothing is left to do: the sources have ended, every step is
 * folded and every result is confirmed. */
bool view_is_finished(const struct fl_instance *instance, const struct view *view);
/* To stderr.  CTL_FAILED if there are any. */
int view_say_problems(const struct ctl *ctl, const struct view *view);
/* Opens one store of the instance for reading; *store NULL when it does not exist yet. */
enum fl_code view_store_open(const struct fl_instance *instance, enum fl_role role,
    const char *pipeline, struct fl_store **store, struct fl_err *err);
/* The time that a source gave a record, -1 if it gives none as files do; then FL_TIME_MIN. */
int64_t view_record_time(int64_t ms);
const char *view_partition_state(const struct fl_partition_cursor *partition);
/* The partition's time in a pipeline; NULL: not in it. */
const struct fl_partition_time *view_time(
    const struct view_pipeline *pipeline, uint32_t stream, int32_t partition);

#endif
