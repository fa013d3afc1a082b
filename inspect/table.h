/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - what the files of inspect share: the picture, its tables, scans over them.
 *
 *	table	name, columns, and the kind whose functions walk it
 *	kind	how the rows of a table are found
 *	scan	one walk over a table: a cursor of SQLite's
 *	sheet	rows that are few: written down whole when a scan begins
 */
#ifndef INSPECT_TABLE_H
#define INSPECT_TABLE_H

#include <sqlite3.h>

#include "aggregate/aggregate.h"
#include "inspect/inspect.h"
#include "shm/dead.h"
#include "shm/view.h"

/* One pipeline in the picture. */
struct view {
	const struct fl_pipeline *info;
	struct fl_store *store; /* NULL: not there yet */
	struct fl_txn *txn;
	bool has_cursor;
	struct fl_pipeline_cursor_view cursor;
	struct fl_sink_position *positions; /* plan->sink_count */
	bool *is_known;			    /* emit has a position of it */
	struct aggregate_shot *shot;
	bool is_folded, is_listed; /* in this picture */
};

struct inspect {
	const struct fl_instance *instance;
	struct inspect_options options;
	sqlite3 *db;
	struct fl_arena arena; /* tables */
	uint32_t table_count, table_max;
	struct table *tables;
	struct fl_store *emit, *ingest;
	struct fl_txn *emit_txn, *ingest_txn;
	bool is_begun, has_ingest;
	const struct fl_ingest_cursor *ingest_cursor;
	const struct fl_partition_cursor *partitions;
	uint32_t view_count;
	struct view *views;
	struct inspect_statement *statements; /* a list */
	struct fl_err failed;  /* what a scan met; FL_OK: nothing */
	int64_t deadline_us;   /* of the statement that runs; 0: none */
	char denied[128];      /* what the statement that is compiled may not do; "": nothing */
};

struct column {
	const char *name;
	const char *sql_type; /* "BIGINT" */
	struct fl_type type;
	bool is_hidden;
};

struct kind;
struct table {
	const char *name, *about;
	const struct kind *kind;
	struct inspect *inspect;
	uint32_t view, query, sink, dedup; /* UINT32_MAX: of none */
	uint32_t column_count, column_max;
	struct column *columns;
};

struct sheet {
	struct fl_arena arena;
	uint32_t column_count, row_count, row_max;
	struct inspect_value *cells;
};

struct scan {
	sqlite3_vtab_cursor base; /* first: SQLite knows it by this */
	const struct table *table;
	bool is_end, is_open;
	sqlite3_int64 row_number;
	struct fl_buf text; /* of the value given last */
	union {
		struct sheet sheet;
		struct letters {
			uint32_t store; /* 0: ingest, then the views, then emit */
			struct fl_cursor *cursor;
			struct fl_item item;
			struct fl_dead *dead; /* of item */
		} letters;
		struct blocks {
			uint32_t view;
			struct fl_cursor *cursor;
			struct fl_arena *arena;
			struct fl_item item;
			struct fl_block_view block;
			bool has_block;
		} blocks;
		struct current {
			uint32_t query, entry;
			struct fl_builder *rows;
			struct fl_arena *arena;
			struct fl_batch batch;
			struct fl_buf changed;
			bool has_rows;
		} current;
	} at;
	uint32_t row; /* in the sheet, block, batch or list */
};

struct kind {
	enum fl_code (*open)(struct scan *scan, struct fl_err *err);
	/* To the first row, then the next.  has_row false: the end. */
	enum fl_code (*next)(struct scan *scan, bool *has_row, struct fl_err *err);
	void (*value)(struct scan *scan, uint32_t column, struct inspect_value *value);
	void (*close)(struct scan *scan);
	double rows; /* about how many, for SQLite's planner */
};

/* ---- picture.c ---- */
enum fl_code picture_begin(struct inspect *inspect, struct fl_err *err);
void picture_end(struct inspect *inspect);
void picture_close(struct inspect *inspect);
/* The state of a pipeline; with_list its windows and keys as texts too.  has false: it has
 * stored nothing yet. */
enum fl_code picture_fold(
    struct inspect *inspect, uint32_t view, bool with_list, bool *has, struct fl_err *err);
/* The number of the first row that the sink has not confirmed. */
uint64_t picture_confirmed(const struct view *view, uint32_t sink);

/* ---- tables.c ---- */
/* Makes the tables of the instance's pipelines, by rows of their own. */
void tables_make(struct inspect *inspect);
/* The statement that tells SQLite of a table's columns. */
void table_declare(const struct table *table, struct fl_buf *sql);

/* ---- module.c: tables as SQLite sees them ---- */
int module_register(struct inspect *inspect);

/* ---- functions.c ---- */
int functions_register(struct inspect *inspect);

/* ---- values.c ---- */
void value_null(struct inspect_value *value);
void value_i64(struct inspect_value *value, int64_t integer);
/* borrowed */
void value_text(struct inspect_value *value, const char *bytes, size_t size);
/* "2024-01-01T00:00:00.000Z" into text; NULL for FL_TIME_MIN and MAX. */
void value_instant(struct inspect_value *value, int64_t ms, struct fl_buf *text);
/* Value i of a column; what must be made is put into text. */
void value_col(struct inspect_value *value, const struct fl_col *col, uint32_t i, struct fl_buf *text);
/* A text of fl_col_print() of this type. */
void value_printed(struct inspect_value *value, const struct fl_type *type, bool is_number,
    const struct aggregate_value *printed, struct fl_buf *text);
/* Any form of time with a date and a time of day; "Z" and offsets are heeded. */
bool value_parse_time(const char *p, size_t size, int64_t *ms);

/* ---- sheets.c, rows.c: the kinds ---- */
extern const struct kind kind_tables, kind_pipelines, kind_queries, kind_sinks, kind_offsets,
    kind_metrics, kind_windows, kind_letters_total;
extern const struct kind kind_letters, kind_late, kind_results, kind_outbox, kind_current, kind_keys, kind_seen;

#endif
