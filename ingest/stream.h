/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - the working state of ingest: streams, their partitions, the step that
 * is being filled, the thread that commits, and what pipelines want.
 *
 * Life of a partition:
 *
 *	NEW -> ANNOUNCED -> READY -> READING -> OUT
 *	 |	  |	       |
 *	 |	  |	       may be assigned, from assign_from
 *	 |	  its ADDED mark is in step announced_step, not known to be durable
 *	 its ADDED mark waits for the next step
 *
 *	KNOWN: in the store from an earlier run; the source looks whether its position
 *	still exists, then READY.  OUT: ended or stopped.
 */
#ifndef INGEST_STREAM_H
#define INGEST_STREAM_H

#include <pthread.h>

#include "codec/codec.h"
#include "ingest/ingest.h"
#include "shm/dead.h"
#include "shm/pipeline.h"
#include "source.h"

#define RUN_MAX 512u			/* records taken at a time: they stay in the cache */
#define PARTITIONS_MAX 2500u		/* the cursor is one value */
static_assert(sizeof(struct fl_ingest_cursor) + PARTITIONS_MAX * sizeof(struct fl_partition_cursor) <=
    FL_VALUE_SIZE_MAX - sizeof(struct fl_value_head), "the cursor is one value");
#define BLOCK_HEAD_MAX(cols) (96u + 64u + (size_t)(cols) * (64 + 48))
#define DEAD_STEP_MAX (4u << 20)	/* bytes of dead letters one commit takes */
#define COMMIT_INTERVAL_US 2000
#define BACKLOG_INTERVAL_US 20000	/* of old records: a step fills, whoever waits has waited */
#define TIME_INTERVAL_MS 1000		/* between steps made of time only */

enum part_state { PART_NEW, PART_ANNOUNCED, PART_KNOWN, PART_READY, PART_READING, PART_OUT };

struct stream;

struct narrow_column {
	uint32_t column, width;
};

struct range {
	int64_t min, max;
	uint32_t size; /* bytes in which sealing stores each value; all of them: final */
};

struct part {
	struct fl_partition_cursor c;	/* as it will be when all taken records are committed */
	struct stream *stream;
	enum part_state state;
	uint64_t announced_step;
	uint64_t end_step;	/* with its END mark; 0: of an earlier life */
	int64_t assign_from;
	bool verify;		/* the next record at c.last_offset is compared, not taken */
	bool at_end;		/* an end of partition came and nothing after it */
	bool held;		/* too far ahead of the others, or over its share: not polled now */
	bool caught_waits;	/* a CAUGHT mark with caught_since waits for a step */
	int64_t caught_since;	/* as confirmed; FL_TIME_MAX: not */
	int64_t watched;	/* position that the source watches, or -1 */
	/* Rows of the step being filled. */
	struct fl_builder builder;
	bool has_builder;
	uint32_t *deltas, delta_max;
	int64_t first_offset, ts_min, ts_max;
	size_t row_size;	/* bytes of each row so far, beside strings' own */
	struct range *ranges;	/* of the narrow columns so far */
	size_t *lengths;	/* of all values of a variable-width column so far, or */
#define LENGTHS_DIFFER SIZE_MAX
	bool has_gaps;		/* its offsets are not consecutive */
	/* Of dead letters (source_letters.c): for each stream of them, the partition there; */
	struct part **twins;
	/* and there, how far the timestamps of records have come, and what rows tell of it. */
	int64_t seen_ms, seen_offset, told_ms; /* -1: none yet */
	struct part *replay;	/* rows of letters that came back: a block of their own */
	bool is_reserved;	/* the step has room for its block */
	bool is_broken;		/* the step ends what was known of its end */
};

struct meta_column {
	uint32_t column;
	enum { META_NULL, META_TOPIC, META_PARTITION, META_OFFSET, META_TIMESTAMP } what;
};

struct stream {
	struct ingest *ingest;
	uint32_t id;
	const struct fl_stream *plan;
	const struct fl_table *table;
	const struct source_ops *ops;
	struct source *source;
	struct fl_decoder *decoder;
	uint64_t odd_seen;	/* oddities of the decoder before the record at hand */
	struct fl_decoder *key_decoder; /* NULL: messages have no key that is read */
	struct fl_builder key;	/* one row: what the key of the record holds */
	struct part **parts;
	uint32_t part_count;
	struct part **reading;	/* in the source's order */
	uint32_t reading_count, turn;
	bool assign_due, complete, bounded;
	bool waits;		/* for the scans of its pipelines */
	size_t row_fixed;	/* bytes a row needs beside values and offsets */
	uint32_t *var_columns, var_count;
	struct narrow_column *narrow_columns; /* integers and times */
	uint32_t narrow_count;
	struct meta_column *metas;
	uint32_t meta_count;
	struct source_run run;	/* taken, not yet all decoded */
	struct part *run_part;
	struct stream **letters; /* streams of its dead letters */
	uint32_t letter_count;
	struct stream *letters_of; /* it is one; else NULL */
};

/* One commit, handed to the committing thread. */
struct job {
	bool has_step;
	char *bytes;		/* FL_STEP_SIZE_MAX */
	struct fl_ingest_cursor cursor;
	struct fl_partition_cursor *parts;
	uint32_t part_max;
	struct fl_buf dead;	/* entries of struct dead_entry, key, value */
	struct fl_dead_tally tally; /* what it adds to the counters of them, and of oddities */
	uint64_t dead_size;	/* bytes of dead letters in the store after this */
	uint64_t trim_to;	/* steps before it may go */
};

struct committer {
	struct fl_store *store;
	struct fl_bells *bells;
	int wake_fd;
	bool threaded, started, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job jobs[4];	/* number n lies in [n % 4] */
	uint64_t submitted, done; /* jobs so far */
	struct fl_err failed;	/* of the commit being tried again, or the end */
	uint64_t last_hash, durable_step, first_step;
	bool durable_finished;
	uint64_t commit_count;
	bool has_said_first; /* rows were committed in this life */
};

struct pipeline_view {
	struct fl_pipeline *pipeline;
	struct fl_store *store;
	bool known, wants_time;
	uint64_t replay_from;
	struct fl_partition_time *times; /* at R, then at replay_from */
	uint32_t time_count;
	int64_t drift_ms;
};

struct ingest {
	struct fl_instance *instance;
	struct fl_store *store;
	struct fl_bells *bells;
	struct fl_metrics *metrics;
	int wake_fd;
	bool sync;		/* test source: commit within the step */
	struct stream **streams;
	uint32_t stream_count;
	struct fl_partition_cursor *orphans; /* of streams that no pipeline has now */
	uint32_t orphan_count;
	struct committer committer;
	struct pipeline_view *pipelines;
	bool wants_time;
	uint64_t trim_to;
	int64_t looked_ms, commands_ms, beat_ms, noted_ms;
	/* The step being filled. */
	struct fl_ingest_cursor cursor;
	struct fl_buf marks;	/* struct fl_mark */
	bool marks_urgent;	/* ADDED, END, HOLE: not only time */
	size_t step_size;	/* upper bound of its bytes so far */
	uint32_t step_rows, row_max;
	struct fl_buf dead;
	struct fl_dead_tally tally;
	bool dirty;		/* positions moved without rows */
	uint64_t commands_seen;	/* the newest of any program that was looked at */
	bool commands_wait;	/* one goes on once what it did so far is durable */
	bool is_replaying;	/* the step holds what a command did to dead letters */
	bool full;
	bool is_behind;		/* more was queued than the last turn took */
	struct fl_arena arena;
	int64_t now_ms, submitted_us, time_step_ms, committed_ms;
	uint64_t dead_size, dead_quota, store_quota;
	uint64_t unused_size;	/* bytes of steps that some pipeline has to use yet */
	bool over_quota;	/* shown as the state: some partition is held for it */
	bool is_full;		/* the store nears the end of its map: nothing is taken */
	char state[128];
};

struct dead_entry {
	uint8_t key[16];
	uint32_t size; /* of the dead letter that follows, padded to 8; 0: it goes */
	uint32_t pad;
};

/* ingest.c */
struct stream *stream_by_id(const struct ingest *ingest, uint32_t id);
/* stream.c */
enum fl_code stream_open(struct ingest *ingest, struct stream *stream, struct fl_err *err);
void stream_close(struct stream *stream);
struct part *stream_find(struct stream *stream, int32_t partition);
struct part *stream_add(struct stream *stream, int32_t partition, const char *topic);
/* Takes what is queued until nothing is left or the step is full. */
enum fl_code stream_take(struct stream *stream, bool *worked, struct fl_err *err);
/* A dead letter's record once more, into a block of its own.  FULL: the step is; DEAD: why. */
enum replay_result { REPLAY_FULL, REPLAY_DEAD, REPLAY_SKIPPED, REPLAY_ROW };
enum replay_result stream_replay(
    struct part *part, const struct source_record *record, struct fl_err *why);
void stream_drop_rows(struct part *part);
/* Nobody needs to know whether its end is the end. */
void stream_unwatch(struct part *part);
/* It is not, or no longer, known to be at its end. */
void stream_break_caught(struct part *part);
/* partition.c */
enum fl_code stream_events(struct stream *stream, int64_t now_ms, bool *worked, struct fl_err *err);
enum fl_code stream_assign(struct stream *stream, struct fl_err *err);
void part_stop(struct part *part, enum fl_code reason, const char *text);
/* Takes it from the reader; the source looks what is there, and says how to go on. */
void part_check(struct part *part);
void part_end(struct part *part);
/* source_letters.c: nothing happens for a stream whose letters nobody reads */
void letters_link(struct stream *stream, struct stream *of);
void letters_announce(struct part *part);
void letters_end(struct part *part);
void letters_stop(struct part *part);
/* Offsets up to this one were given up; is_anew: they begin anew. */
void letters_move(struct part *part, int64_t offset, uint32_t reason, bool is_anew);
/* part->caught_since was confirmed, or denied. */
void letters_caught(struct part *part, bool is_caught);
void letters_break_caught(struct part *part);
/* Before a record is taken.  False: the step is full. */
bool letters_reserve(struct part *part);
/* A record became a row of part. */
void letters_seen(struct part *part, const struct source_record *record);
/* A record becomes a dead letter.  False: the step is full; is_alone: nothing else is in it. */
bool letters_add(struct part *part, const struct source_record *record, const struct fl_err *why,
    bool is_alone);
/* Before the blocks of a step are sealed; and when the next one begins. */
void letters_step_end(struct ingest *ingest);
void letters_step_begin(struct ingest *ingest);
/* marks.c */
void marks_add(struct ingest *ingest, enum fl_mark_kind kind, const struct part *part, int64_t a,
    int64_t b, uint32_t reason);
/* Adds waiting CAUGHT marks and, when due, a TICK; *due: they want a step now. */
void marks_time(struct ingest *ingest, int64_t now_ms, bool *due);
/* step_writer.c */
void step_write(struct ingest *ingest, struct job *job, int64_t now_ms);
void dead_add(struct part *part, const struct source_record *record, const struct fl_err *why);
/* The highest number among the streams if all are at their end, else 0. */
uint32_t step_find_finished(const struct ingest *ingest);
/* committer.c */
enum fl_code committer_open(struct committer *committer, struct fl_err *err);
void committer_close(struct committer *committer);
/* A job to fill, or NULL while none is free. */
struct job *committer_take(struct committer *committer);
bool committer_is_idle(struct committer *committer);
/* The job that was taken last. */
enum fl_code committer_submit(struct committer *committer, struct fl_err *err);
/* What happened to earlier jobs. */
enum fl_code committer_check(struct committer *committer, struct fl_err *err);
/* retention.c */
void retention_open(struct ingest *ingest);
void retention_close(struct ingest *ingest);
enum fl_code retention_look(struct ingest *ingest, struct fl_err *err);
/* replay.c: dead-replay, dead-drop.  Errors: INTERRUPTED: to be given again. */
struct json_t;
enum fl_code replay_command(struct ingest *ingest, uint64_t number, const struct json_t *arguments,
    bool is_drop, struct fl_err *err);
/* command.c */
enum fl_code ingest_commands(struct ingest *ingest, struct fl_err *err);

#endif
