/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.h - the one function that turns a step into state, and what it works on.
 *
 *	fold	 one pipeline: its sources, operators, time, and what came out
 *	source	 a table that queries scan: its rowtime, watermark, W
 *	oper	 one query: the nodes below its aggregate, windows, nodes above
 *	branch	 the nodes below, from one table; several below a UNION ALL
 *	stage	 a node at work on one batch; columns are computed when first needed
 *	pass	 one batch on its way up: which rows are left, which failed
 *	window	 open window of an operator: its table
 *	pane	 of windows that overlap: the rows of one slide; a struct window as well
 *	run	 rows of one batch that fall into one window or pane
 *	change	 what a row makes of its key's value where there is no window (update.c)
 *	dedup	 the keys that were seen, of a query or of the parts of a UNION ALL (dedup.c)
 *	unit	 what has state of its own in key groups: an operator, or a dedup behind them
 *
 * fold_step() handles a step completely: its rows, then time, then fires in the
 * order (window end, operator, key group, first seen).  It reads neither clock nor
 * store.  aggregate, restart, snapshot and tests call it and nothing else.
 *
 * Memory:  a fold owns everything in it; what came out stays until fold_out_reset().
 * Thread:  one thread per fold.
 */
#ifndef FL_AGGREGATE_FOLD_H
#define FL_AGGREGATE_FOLD_H

#include "aggregate/table.h"
#include "shm/dead.h"
#include "shm/pipeline.h"
#include "shm/step.h"
#include "sql/plan.h"

/* Of an updating query there is one, from FL_TIME_MIN to FL_TIME_MAX, which never fires. */
struct window {
	int64_t start, end; /* as window_start and window_end print them */
	int64_t first_end;  /* end; of a pane that of the first window its rows count in */
	int64_t fire_at;    /* end as an instant */
	struct table table;
};

/* What the state store has of one (operator, key group). */
struct group {
	uint64_t p_g;	     /* the stored image contains the steps up to this one */
	uint64_t dirty_from; /* last commit before the first change after p_g; or CLEAN */
	uint64_t hash;	     /* of the rows it fired, running */
	uint32_t chunk_count; /* stored */
};
#define GROUP_CLEAN UINT64_MAX

struct stage {
	const struct fl_node *node; /* NULL: the columns are given */
	struct stage *below;
	struct fl_batch batch;
	bool *have;		    /* batch.schema->count */
	uint32_t *stream_columns;   /* SCAN: block column of a physical column */
};

struct pass {
	struct fold *fold;
	struct oper *oper;
	struct fl_eval ev;
	uint32_t row_count;	/* of the batch */
	const uint32_t *sel;	/* NULL: all */
	uint32_t sel_count;
	const struct fl_block_view *view; /* input rows; NULL: fired rows */
	struct source *source;		  /* input rows only */
	const struct branch *branch;	  /* input rows of a query only */
	uint32_t block;		/* index in the step */
	int64_t base;		/* number of row 0 in the log */
	const struct fl_batch *rows; /* what a dead letter shows of a row */
	bool is_changes;	/* row 2i is a key's value before an input row, 2i + 1 after it */
};

/* What an aggregate reads of a batch. */
struct agg_input {
	struct fl_col col;
	const uint8_t *passes; /* FILTER: per row 1 if it counts; NULL: all */
};

/* What one block says about time; shared by all queries over the table. */
struct block_time {
	const int64_t *ts;    /* rowtime */
	const int64_t *local; /* wall clock by which windows are cut: ts, or shifted */
	const int64_t *cand;  /* watermark candidates; FL_TIME_MIN where none */
	const uint8_t *bad;   /* NULL, or per row 0 or the code that keeps it out of windows */
	int64_t min, max;     /* of local over good rows */
	bool sorted;	      /* local never goes back */
	bool cand_sorted;
	int64_t w0;	      /* max(w_p, floor_p) before the block */
	int64_t w_max;	      /* after it */
	int64_t *before;      /* max(w_p, floor_p) before each row; made when needed */
	int64_t own0;	      /* w_p alone before the block */
	struct fl_col *current; /* CURRENT_WATERMARK: w_p before each row; made when needed */
};

struct source {
	const struct fl_table *table;
	uint32_t index;		/* in plan->tables */
	uint32_t stream;	/* number of the stream in the instance */
	const struct fl_schema *schema; /* of its blocks */
	int64_t watermark;	/* W */
	int64_t end;		/* latest end of a window that rows went into */
	struct stage scan;
	bool has_event_window, is_ltz;
	struct block_time time;
};

/* One way from a table to the aggregate or, without one, to the sink. */
struct branch {
	uint32_t index;
	struct source *source;
	uint32_t stage_count;
	struct stage *stages; /* SCAN and what stands below AGG, or below SINK and it */
};

struct oper {
	uint32_t index;
	const struct fl_query *query;
	uint32_t branch_count; /* more than one: an aggregate over UNION ALL */
	struct branch *branches;
	uint32_t sink;
	uint32_t upper_count;
	struct stage *upper;  /* fired rows, and what stands above AGG */
	const struct fl_node *window; /* NULL: rows are passed on, or change keys */
	const struct fl_node *agg;    /* NULL: rows are passed on */
	int64_t watermark, end; /* over several tables: time of its own, latest end of a window */
	bool is_proc, is_ltz;
	bool is_updating;	/* agg without window: each row comes out as a change */
	bool has_topn;
	bool reads_watermark;	/* some expression over its rows is CURRENT_WATERMARK */
	bool has_panes;		/* windows overlap */
	int64_t next_end, next_at; /* panes: the first window that has not fired, its instant */
	struct window **windows; /* by end, first_end */
	uint32_t window_count, window_capacity;
	struct group groups[TABLE_GROUPS];
	uint64_t p_g_max;	/* rows of steps up to here may be in a group already */
	uint64_t key_count;	/* live entries */
	struct fl_query_count count;
};

/* The keys whose first row was let through. */
struct dedup {
	const struct fl_dedup *plan;
	struct table table; /* entries: when the first row came, ms of the steps' clock */
	struct group groups[TABLE_GROUPS];
};

/* ---- what came out of the steps since the last reset ---- */

struct out_block {
	uint32_t sink, row_count;
	uint64_t first;
	size_t at, size; /* in out.bytes */
};
struct out_value { /* of DEAD, LATE or WINDOWS */
	enum fl_dbi dbi;
	uint16_t kind;
	uint8_t key[24];
	uint32_t key_size;
	size_t at, size;
};
struct out {
	struct fl_buf bytes;
	struct out_block *blocks;
	uint32_t block_count, block_capacity;
	struct out_value *values;
	uint32_t value_count, value_capacity;
	struct fl_dead_tally tally; /* by query and code */
};

struct out_sink {
	const struct fl_table *table;
	uint64_t next, first, returned; /* as fl_sink_count */
	struct fl_builder rows; /* of this step, not sealed yet */
	size_t rows_size;	/* their bytes, about */
	bool has_changes;	/* some query of it is updating: ... */
	bool wants_before;	/* ... -U goes with +U */
	struct fl_buf kinds;	/* ... and rows have kinds: enum fl_change, a byte a row */
};

struct fold {
	const struct fl_plan *plan;
	int64_t max_future_ms; /* 0: off */
	uint32_t source_count, oper_count, dedup_count, sink_count;
	struct source *sources;
	struct oper *opers;
	struct dedup *dedups;
	struct out_sink *sinks;
	struct fl_partition_time *parts;
	uint32_t part_count, part_capacity;
	uint64_t step, hash; /* last step folded */
	int64_t clock_ms;
	uint64_t commit;     /* R: what dirty_from is set to */
	uint64_t row_total;  /* rows in the steps folded ever, by the log */
	uint32_t fired_index; /* in this step: numbers dead letters of fired rows */
	uint64_t dead_size;  /* bytes of dead letters by the cursor and since */
	uint64_t dead_quota; /* beyond it they keep no row */
	const struct oper *overfull; /* a window of it has no room for strings; NULL: none */
	bool other_build;    /* the state was made by another version of Flight or tzdata */
	bool discard;	     /* a replay: nothing comes out, nothing is counted */
	struct out out;
	struct fl_arena arena;	    /* step */
	struct fl_arena fire_arena; /* one batch of fired rows */
	struct table_keys keys;
	uint32_t *identity;	    /* 0, 1, 2 ... FL_BATCH_ROWS_MAX - 1 */
};

/*
 * Makes the fold of a plan with no state, at step 0.
 *
 *	stream_ids     plan->stream_count numbers of its streams in the instance
 *	max_future_ms  0: off
 */
void fold_init(struct fold *fold, const struct fl_plan *plan, const uint32_t *stream_ids,
    int64_t max_future_ms);
void fold_fini(struct fold *fold);
/*
 * Folds the next step.
 *
 * Errors:  STORE_MISMATCH  it is not the step after fold->step by number and hash
 *	    STORE_DAMAGED   a block in it is wrong
 *	    STATE_LIMIT	    the pipeline holds too many keys, or a window too long ones
 */
enum fl_code fold_step(struct fold *fold, const struct fl_step_view *step, struct fl_err *err);
void fold_out_reset(struct fold *fold);
/* Sum of the groups' hashes of fired rows. */
uint64_t fold_fired_hash(const struct fold *fold);
uint64_t fold_key_count(const struct fold *fold);
/* Units: operators, then dedups; and the groups of one. */
uint32_t fold_unit_count(const struct fold *fold);
struct group *fold_groups(const struct fold *fold, uint32_t unit);
/* A unit that rows let through by this one reach, or something above it: it is stored with it. */
bool fold_is_above(const struct fold *fold, uint32_t unit, uint32_t above);
uint32_t fold_window_count(const struct fold *fold);
/* A window is open that only time can close. */
bool fold_wants_time(const struct fold *fold);
/* Everything that the end of bounded sources closes is closed. */
bool fold_is_drained(const struct fold *fold);

/* ---- calc.c: stages and passes ---- */
void stage_init(struct stage *stage, const struct fl_node *node, struct stage *below);
void stage_fini(struct stage *stage);
void stage_reset(struct stage *stage, uint32_t row_count);
/* A stage of this pass's batch computes column c if it has not yet. */
void stage_need(struct stage *stage, uint32_t c, struct pass *pass);
/* All columns that an expression over stage's rows reads. */
void stage_need_expr(struct stage *stage, const struct fl_expr *expr, struct pass *pass);
void pass_init(struct pass *pass, struct fold *fold, struct oper *oper, struct fl_arena *arena,
    uint32_t row_count);
/* Applies the filter of a CALC stage; counts what it drops. */
void pass_filter(struct pass *pass, struct stage *stage);
/* Rows with an error leave as dead letters. */
void pass_drop_errors(struct pass *pass);
/* Rows for which bad[row] holds a code leave as dead letters. */
void pass_drop_bad(struct pass *pass, const uint8_t *bad);
/* The last row of a selection, and row k of it. */
static inline uint32_t
pass_row(const struct pass *pass, uint32_t k)
{
	return pass->sel == NULL ? k : pass->sel[k];
}

/* ---- window.c ---- */
int64_t window_start(int64_t t, int64_t offset, int64_t size);
/* The rows left in the pass go into their windows; some are late. */
void window_add(struct pass *pass, struct stage *below);
/* Index of the first window that is not before these. */
uint32_t window_find(const struct oper *oper, int64_t end, int64_t first_end);
struct window *window_open(
    struct oper *oper, int64_t start, int64_t end, int64_t first_end, int64_t fire_at);
void window_free(struct oper *oper, uint32_t i);
/* Keys and what the aggregates read of the rows left; rows with errors are still in. */
void window_inputs(struct pass *pass, struct stage *below, struct fl_col *keys, struct agg_input *inputs);
void window_mark(struct fold *fold, struct oper *oper, uint64_t groups);
/* The end of a window cut on the wall clock of the session, as an instant. */
int64_t window_instant(const struct fold *fold, const struct oper *oper, int64_t local);
/* window_time of a window with this end: its last millisecond as an instant. */
int64_t window_last_instant(const struct fold *fold, const struct oper *oper, int64_t end);
/* Values of window_start, window_end or window_time (which: 0, 1, 2). */
void window_bounds(struct pass *pass, const struct fl_node *node, uint32_t which, struct fl_col *out);

/* ---- pane.c ---- */
/* End of the last window that a pane with this end is part of. */
int64_t pane_last_end(const struct oper *oper, int64_t end);
/* The first end of a window that time has not reached; FL_TIME_MIN before all time. */
int64_t pane_next_end(const struct fold *fold, const struct oper *oper, int64_t reached);
/* How far time is: windows that end a millisecond later fire. */
int64_t pane_reached(const struct fold *fold, const struct oper *oper);
void pane_set_next(const struct fold *fold, struct oper *oper, int64_t end);
/* All windows up to the present time have fired. */
void pane_rest(struct fold *fold);
/* Ends in [lo, hi] of the windows that panes are part of, ascending, as an array that the
 * caller frees (*ends is NULL before; ends NULL: they are only counted). */
uint32_t pane_ends(const struct oper *oper, int64_t lo, int64_t hi, int64_t **ends);
/* The window with this end: its table is the caller's. */
void pane_merge(struct fold *fold, struct oper *oper, int64_t end, struct window *window);
/* Ends panes that no window after this one needs. */
void pane_free(struct oper *oper, int64_t fired);

/* ---- fire.c ---- */
/* Everything due after the step, in order. */
void fire_due(struct fold *fold);

/* Row i of AGG's columns from an entry: keys, then aggregates; rows in order. */
void fire_row(const struct oper *oper, const struct table *table, uint32_t entry,
    struct fl_batch *batch, uint32_t i, struct fl_buf *bufs);
/* Row i, of a key of this hash, came out: its group's hash goes on. */
void fire_hash(struct oper *oper, uint64_t hash, int64_t end, const struct fl_batch *batch, uint32_t i);

/* ---- update.c ---- */
/* The rows left in the pass change their keys' values; the changes go to the sink. */
void update_add(struct pass *pass, struct stage *below);
/*
 * Appends the rows that the sink has of the next keys from *at on, and moves it; changed gets
 * a uint64_t for each, the number of the row in the log that changed it last.  A function of
 * the clock above AGG says the clock of the last step.  False: no keys are left.
 */
bool update_current(struct fold *fold, struct oper *oper, uint32_t *at, struct fl_builder *rows,
    struct fl_buf *changed);

/* ---- dedup.c ---- */
void dedup_init(struct dedup *dedup, const struct fl_dedup *plan);
void dedup_fini(struct dedup *dedup);
/* Of the rows left in the pass the first of each key stay. */
void dedup_rows(struct pass *pass, struct stage *stage);
/* At the begin of a step, and of a replay: keys whose time is over are forgotten. */
void dedup_expire(struct fold *fold);
uint64_t dedup_key_count(const struct dedup *dedup);
/* When the first row of an entry came. */
int64_t dedup_first_ms(const struct dedup *dedup, uint32_t entry);

/* ---- topn.c ---- */
/* Ranks the rows left in the pass and makes them the rows of stage's batch; seen:
 * first_seen per row, replaced likewise. */
void topn_rank(struct pass *pass, struct stage *stage, const uint64_t **seen);

/* ---- time.c ---- */
/* Once the operators are made. */
void time_init(struct fold *fold);
struct fl_partition_time *time_part(struct fold *fold, struct source *source, int32_t partition);
/* Rowtime and watermark of a block; part is its partition. */
void time_block(struct fold *fold, struct source *source, struct fl_partition_time *part,
    const struct fl_block_view *view, uint32_t block);
/* After the rows: marks, idleness, W, quiet close. */
void time_marks(struct fold *fold, const struct fl_step_view *step);
void time_added(struct fold *fold, const struct fl_step_view *step);
void time_advance(struct fold *fold);
/* The time by which oper's windows fire: W of its table or, over several, a time of its own. */
int64_t time_of_oper(const struct oper *oper);
/* What fired in an aggregate over several tables is late for each, however far behind
 * its own time is; FL_TIME_MIN of others. */
int64_t time_floor_of_oper(const struct oper *oper);
/* An entry of time_save() that is no partition's, but an operator's over several tables. */
bool time_is_of_oper(const struct fl_partition_time *part);
/* Max(w_p, floor_p) before row i of the block. */
int64_t time_before(struct fold *fold, struct source *source, uint32_t i, uint32_t row_count);
/* CURRENT_WATERMARK of each row of the block: w_p, NULL before the first. */
const struct fl_col *time_current(struct fold *fold, struct source *source, uint32_t row_count);
/* The time state as the cursor keeps it, and back. */
void time_save(const struct fold *fold, struct fl_partition_time *parts);
void time_load(struct fold *fold, const struct fl_partition_time *parts, uint32_t count);

/* ---- results.c: what comes out ---- */
/* Rows of a stage go to the query's sink; returns how many it took (the others
 * became dead letters). */
uint32_t results_put(struct pass *pass, struct stage *stage);
/* The same for changes: a pass of pairs. */
void results_put_changes(struct pass *pass, struct stage *stage);
/* The rows that the sink may have go into a builder instead, and are those left in the pass. */
void results_take(struct pass *pass, struct stage *stage, struct fl_builder *rows);
/* Seals the step's rows into result blocks. */
void results_seal(struct fold *fold);
/* Rows that a sink refused once, to be given to it again; results_seal() follows. */
void results_return(struct fold *fold, uint32_t sink, const struct fl_batch *batch);
void results_dead(struct pass *pass, uint32_t row, enum fl_code code, const char *what);
void results_late(struct pass *pass, const uint32_t *rows, uint32_t count);
void results_closed(struct fold *fold, const struct oper *oper, const struct window *window,
    uint64_t first, uint64_t row_count);

/* ---- state.c: images ---- */
struct state_flush { /* one group written in a commit */
	uint32_t unit, group, chunk_count;
};
/* Bytes of the image of one group, about. */
size_t state_size(const struct fold *fold, uint32_t unit, uint32_t group);
/* Writes the image of one group at fold->step; returns its bytes. */
enum fl_code state_put(struct fold *fold, struct fl_txn *txn, uint32_t unit, uint32_t group,
    struct state_flush *flush, size_t *size, struct fl_err *err);
/* Loads all images.  Errors: STORE_DAMAGED. */
enum fl_code state_load(struct fold *fold, struct fl_txn *txn, struct fl_err *err);
/* Version of Flight, and of tzdata where the session has a zone: what results may
 * depend on beside the plan. */
const char *state_build(const struct fold *fold, char *buf, size_t size);
/*
 * State of the store: images, time and counters at replay_from, ready to fold
 * (replay_from, R]; view is the cursor to end at.
 */
enum fl_code state_restore(struct fold *fold, struct fl_txn *txn,
    const struct fl_pipeline_cursor_view *view, struct fl_err *err);
/*
 * Folds (replay_from, R] out of ingest's store with output discarded, and checks
 * that it ends where the cursor says.
 *
 * Errors:  STORE_MISMATCH   a step is missing, or hashes differ
 *	    REPLAY_DIVERGED  the replay fired other rows, or ended at another time; by
 *			     another build it is a warning, and the replay's state holds
 */
enum fl_code state_replay(struct fold *fold, struct fl_txn *ingest,
    const struct fl_pipeline_cursor *cursor, const struct fl_partition_time *at_r,
    const struct fl_query_count *counts, struct fl_err *err);

#endif
