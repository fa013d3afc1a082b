/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - what a way out has to do, and the life of one sink.
 *
 *	                  encode             deliver
 *	outbox -> rows -----------> run -------------------> sink + its position
 *	              \ refused: dead letter, synced before the run is delivered
 *
 * The life of a sink:
 *
 *	closed --open, position adopted--> open --deliver--> open ...
 *	   ^---- trouble: wait, try again ---'
 *	stopped: needs a person; ends only with the process
 *
 * Thread:  one thread works for a sink; `view` is shared under the emit's mutex.
 */
#ifndef FL_EMIT_SINK_H
#define FL_EMIT_SINK_H

#include <pthread.h>

#include "codec/codec.h"
#include "column/block.h"
#include "emit/emit.h"

#define EMIT_RUN_ROWS 10000u
#define EMIT_RUN_SIZE (1u << 20)
#define EMIT_STREAM_SIZE (128u << 10)
#define EMIT_RETRY_MIN_MS 100
#define EMIT_RETRY_MAX_MS 2000 /* a broker that is back is found within it */
#define EMIT_REFRESH_MS (24 * 3600 * 1000LL)

struct emit_row {
	uint64_t number;
	uint32_t at;	/* in the run's bytes */
	uint32_t size;
};

/* latest.c: the row of a run that holds the last change of a key. */
struct emit_key {
	uint64_t hash;
	uint32_t at, size;	/* in bytes; size 0: no key */
	uint32_t row;		/* index in the run's rows */
};

struct emit_latest {
	struct emit_key *slots;
	uint32_t slot_count, count;
	struct fl_buf bytes;
};

struct emit_run {
	uint64_t first, next;	  /* row numbers: the position moves from first to next */
	uint64_t chain;		  /* hash over all rows delivered up to next */
	struct emit_row *rows;	  /* fewer than next - first when some were refused */
	uint32_t count, capacity;
	struct fl_buf bytes;
	size_t size;		  /* of all encoded rows; ops->stream may have taken bytes away */
	uint64_t window_end;	  /* keeps_windows: number of the row after the window it is in */
	size_t offered;		  /* of the bytes, to ops->stream */
	bool is_streamed;	  /* by ops->stream: the sink has taken some of it already */
	int64_t refused;	  /* out of deliver with SINK_REFUSED: index in rows, -1: unknown */
};

struct emit_sink;
struct emit_sink_ops {
	const char *name;
	/* The largest run; 0: EMIT_RUN_ROWS, EMIT_RUN_SIZE. */
	uint32_t run_rows;
	size_t run_size;
	/* True: a run is as long as fl_table.roll_size says, and does not end inside the results of
	 * a window. */
	bool keeps_windows;
	/* True: of the rows of a run with one PRIMARY KEY the last alone has bytes. */
	bool takes_latest;
	/* True: a position in the sink can be lost without an error, so emit's store
	 * is told before a transaction that the outcome is going to be open. */
	bool expires;
	/* True: the position moves by compare-and-set, so whatever is there is right, also
	 * after an unknown outcome; and open() fails when it is gone, so emit's store need
	 * not follow each run. */
	bool compares;
	/*
	 * Connects and finds the position: *known false when the sink has none; then
	 * emit's store decides, and refresh() writes what it decided.  Sets
	 * sink->keeps_no_position for a way out that can never tell.
	 */
	enum fl_code (*open)(struct emit_sink *sink, bool *known,
	    struct fl_sink_position *position, struct fl_err *err);
	/* Appends row i to out.  Errors: INPUT ones refuse the row. */
	enum fl_code (*encode)(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i,
	    uint8_t kind, struct fl_buf *out, struct fl_err *err);
	/* While a run grows: may send what it holds so far and must not wait; may take the rows
	 * out of it.  What fails then is deliver()'s to say; a run that is not delivered ends with
	 * close().  May be NULL. */
	void (*stream)(struct emit_sink *sink, struct emit_run *run);
	/*
	 * Delivers the rows of run and moves the position to run->next, all or nothing.
	 * *open_again: the outcome is unknown or the connection is gone; emit closes and
	 * opens, and the position must then be run->first or run->next.
	 */
	enum fl_code (*deliver)(struct emit_sink *sink, struct emit_run *run, bool *open_again,
	    struct fl_err *err);
	/* Writes sink->position into the sink without rows.  NULL: nothing to write. */
	enum fl_code (*refresh)(struct emit_sink *sink, bool *open_again, struct fl_err *err);
	void (*close)(struct emit_sink *sink);
	/* At the very end, after close: what outlived reconnections.  May be NULL. */
	void (*fini)(struct emit_sink *sink);
};

#define FL_CONNECTOR(name, text, letter, format, source, sink) \
	extern const struct emit_sink_ops emit_sink_##sink;
#include "tbl/connectors.h"
#undef FL_CONNECTOR
#define FL_JDBC_SCHEME(name, prefix, sink) extern const struct emit_sink_ops emit_sink_##sink;
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME

enum emit_state { EMIT_RUNNING, EMIT_WAITING, EMIT_STOPPED };

struct emit_sink {
	/* for the ops */
	const struct emit_sink_ops *ops;
	const struct fl_pipeline *pipeline;
	const struct fl_table *table;
	struct fl_encoder *encoder;	/* NULL for formats without one */
	void *impl;			/* of the ops */
	bool keeps_no_position;
	struct fl_sink_position position; /* next, store uuid, generation; chain: below */
	uint64_t chain;
	/* of the life */
	struct emit *emit;
	uint32_t index;			/* in plan->sinks and in the outbox's keys */
	struct fl_store *store;		/* the pipeline's; NULL until it exists */
	bool is_open;
	bool is_loaded;			/* position is what emit's store holds, or newer */
	bool has_record;		/* ... and it was open at some time */
	bool is_dirty;			/* position confirmed, not yet in emit's store */
	bool is_pending;		/* outcome of [pending_from, pending_to) unknown */
	uint64_t pending_from, pending_to, pending_chain;
	uint64_t refuse_number;		/* the sink itself refused this row ... */
	struct fl_err refuse_err;	/* ... for this; code 0: none */
	uint32_t row_limit;		/* of a run; halved to find a refused row */
	uint64_t returns;		/* letters of commands up to this one go when the sink ... */
	uint64_t returns_end;		/* ... has passed this row; 0: they are gone */
	int64_t retry_at_ms, retry_ms;
	int64_t written_ms, refreshed_ms;
	int64_t fence_since_ms;
	uint32_t fence_count;
	bool has_delivered;
	bool is_drained;		/* the last run was all that the outbox held */
	struct emit_run run;
	struct fl_txn *reading;		/* of the pipeline's store, while the run is read */
	struct emit_latest latest;	/* of ops with takes_latest */
	struct fl_arena arena;		/* reset per run */
	struct fl_buf dead;
	int wait_ms;			/* how long this sink may sleep when idle */
	/* thread */
	pthread_t thread;
	bool has_thread;
	struct {			/* what the main thread sees; emit->lock */
		enum emit_state state;
		bool is_done;
		uint64_t next, commits, dead, retries;
		struct fl_err err;	/* unless running: why */
		bool is_fatal;
	} view;
};

struct emit {
	struct fl_instance *instance;
	struct fl_store *store;		/* emit's own */
	struct fl_bells *bells;
	struct fl_metrics *metrics;
	struct emit_sink *sinks;
	uint32_t sink_count;
	bool has_threads;
	bool is_stopping;		/* __atomic */
	int64_t tended_ms;
	uint64_t command; /* last one of the catalog that was applied */
	uint64_t commands_seen; /* the newest of any program that was looked at */
	char state[128];		/* as status shows it */
	uint64_t dead_quota;
	pthread_mutex_t lock;		/* views, and opening of stores */
	pthread_cond_t changed;		/* some view changed */
	pthread_mutex_t store_lock;	/* one write transaction at a time */
};

/* ---- emit.c ---- */
/* Bytes of dead letters in emit's store; total NULL: nobody asks. */
enum fl_code emit_dead_size_add(struct fl_txn *txn, int64_t more, uint64_t *total, struct fl_err *err);

/* ---- replay.c ---- */
struct json_t;
struct emit_outbox;
/* dead-replay: rows of letters on their way to aggregate, in the transaction of the command. */
enum fl_code emit_return_letters(struct emit *emit, struct fl_txn *txn, uint64_t number,
    const struct json_t *arguments, struct fl_err *err);
/* Deletes the letters that are rows of the outbox again, once the sink has passed those. */
enum fl_code emit_forget_returns(
    struct emit_sink *sink, const struct emit_outbox *outbox, struct fl_err *err);
/* Is any on its way? */
enum fl_code emit_has_returns(const struct emit_sink *sink, bool *has, struct fl_err *err);

/* ---- life.c ---- */
void emit_sink_init(struct emit_sink *sink, struct emit *emit, const struct fl_pipeline *pipeline,
    uint32_t index);
void emit_sink_fini(struct emit_sink *sink);
/* One bounded turn.  Errors: FATAL ones only; everything else becomes a state. */
enum fl_code emit_sink_turn(struct emit_sink *sink, int64_t now_ms, bool *worked, struct fl_err *err);
/* A last write of the confirmed position, at an orderly end. */
void emit_sink_settle(struct emit_sink *sink, int64_t now_ms);

/* ---- outbox.c ---- */
struct emit_outbox {
	uint64_t first, next;	/* rows kept: [first, next) */
	uint64_t returns;	/* the last command whose letters came back as rows */
	bool is_finished;
};
enum fl_code emit_outbox_state(struct emit_sink *sink, struct fl_txn *txn,
    struct emit_outbox *outbox, struct fl_err *err);
/*
 * Calls fn for the rows from number `from` on, block by block, until fn says stop or
 * there are no more.  row is the index in view of the first row wanted.
 *
 * Errors:  STORE_DAMAGED   a gap or an overlap in the row numbers
 */
typedef enum fl_code emit_block_fn(struct emit_sink *sink, const struct fl_block_view *view,
    uint32_t row, bool *stop, struct fl_err *err);
/* *end: the number after the last result of the window whose results row `row` is among and
 * does not begin; row itself if there is none. */
enum fl_code emit_outbox_window_end(struct emit_sink *sink, struct fl_txn *txn, uint64_t row,
    uint64_t *end, struct fl_err *err);
/* Takes bytes from the row of the run that has the key of the last one, row i of the batch. */
void emit_latest_add(struct emit_latest *latest, const struct fl_table *table,
    const struct fl_batch *batch, uint32_t i, struct emit_run *run);
void emit_latest_reset(struct emit_latest *latest);
void emit_latest_fini(struct emit_latest *latest);

enum fl_code emit_outbox_read(struct emit_sink *sink, struct fl_txn *txn, uint64_t from,
    const struct emit_outbox *outbox, emit_block_fn *fn, struct fl_err *err);

/* ---- text.c ---- */
/* "+I[a, 1, null, 2024-01-01T00:00]" as Flink's print shows rows; no line end. */
void emit_text_row(const struct fl_batch *batch, uint32_t i, uint8_t kind, struct fl_buf *out);
/* encode() of sinks that want text, and of those that want the table's format. */
enum fl_code emit_encode_text(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i,
    uint8_t kind, struct fl_buf *out, struct fl_err *err);
/* Errors: SINK_REFUSED: the row is a change of another. */
enum fl_code emit_check_insert(const struct emit_sink *sink, uint8_t kind, struct fl_err *err);
enum fl_code emit_encode_format(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i,
    uint8_t kind, struct fl_buf *out, struct fl_err *err);

#endif
