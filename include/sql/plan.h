/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a .sql file means: tables, streams and queries, fully bound.
 *
 * fl_sql_compile() turns text into a read-only plan.  Everything a program
 * needs is in it: ingest takes the streams, aggregate the queries, emit the
 * sinks.  The same text gives the same plan in every process; `text` is its
 * canonical form and `fingerprint` the hash of that.
 *
 *	SCAN    rows of one stream (physical + metadata columns), then the table's
 *		computed columns: output columns = the table's columns in order
 *	CALC	filter (may be NULL) then projection
 *	WINDOW  adds window_start, window_end, window_time to its input
 *	AGG	window aggregate: output = keys..., aggs..., window_start, window_end,
 *		window_time; without a WINDOW below it, updating: keys..., aggs...
 *	DEDUP	the first row of each key, by arrival: input columns
 *	TOPN	window Top-N: input columns plus the rank (BIGINT, last)
 *	SINK    output columns = the sink table's physical columns
 *
 * Every query has one of three shapes, bottom to top ("CALC*": none or some; the
 * binder merges neighbours unless the merged expressions would grow too large):
 *
 *	ROWS SINK
 *	ROWS AGG CALC* SINK
 *	ROWS WINDOW CALC* AGG CALC* [TOPN CALC*] SINK
 *
 * where ROWS is SCAN CALC*, and any number of times DEDUP CALC*.
 *
 * A UNION ALL is no node: what stands above it is put on each of its parts.  Below a
 * SINK each part is a query of its own; an AGG takes the rows of all parts (`input`
 * and `also`, each ROWS [WINDOW CALC*], the columns and windows the same).  DEDUPs of one
 * fl_dedup have their keys in common: a row of one part is a duplicate of another's.
 *
 * The second shape is updating: AGG gives the changes of each key's value, row by row, and
 * the CALCs above it take both sides of a change.
 *
 * From WINDOW upwards each row belongs to one window, and keeps belonging to it
 * through every CALC, AGG and TOPN whatever those project: the window travels
 * beside the rows (by row index), the columns window_start, window_end and
 * window_time are only its values, for expressions.  A predicate stays on the
 * side of WINDOW where it was written.  TOPN ranks among the rows of one window.
 *
 * The time column of WINDOW is the table's rowtime column or a PROCTIME() column,
 * passed through the CALCs below.  Watermarks come from the table (watermark over
 * the SCAN's output), for all rows of the SCAN whatever a CALC filters.
 *
 * Memory:  a plan owns an arena; fl_plan_free() frees all of it.
 */
#ifndef FL_SQL_PLAN_H
#define FL_SQL_PLAN_H

#include "codec/codec.h"
#include "expr/expr.h"

enum fl_col_kind { FL_COLUMN_PHYSICAL, FL_COLUMN_METADATA, FL_COLUMN_COMPUTED };

enum fl_time_attr { FL_TIME_NONE, FL_TIME_EVENT, FL_TIME_PROC };

struct fl_column {
	const char *name;
	struct fl_type type;
	const struct fl_row_type *in; /* a field of a ROW: PHYSICAL, a column of its own */
	enum fl_col_kind kind;
	const char *metadata_key; /* METADATA: "offset", "timestamp", ... */
	bool is_virtual;
	struct fl_expr *computed; /* COMPUTED: over the table's physical and metadata columns */
	enum fl_time_attr time;
	int32_t stream_column;	  /* PHYSICAL, METADATA: index in the stream's schema; else -1 */
};

struct fl_option {
	const char *key, *value;
	uint32_t line, col;
};

enum fl_window_kind {
#define FL_WINDOW(name, ident, step, help) FL_WINDOW_##name,
#include "tbl/windows.h"
#undef FL_WINDOW
};
enum fl_connector {
#define FL_CONNECTOR(name, text, letter, format, source, sink) FL_CONNECTOR_##name,
#include "tbl/connectors.h"
#undef FL_CONNECTOR
};
enum fl_jdbc_scheme {
#define FL_JDBC_SCHEME(name, prefix, sink) FL_JDBC_##name,
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME
};
enum fl_startup {
	FL_STARTUP_GROUP_OFFSETS, FL_STARTUP_EARLIEST, FL_STARTUP_LATEST,
	FL_STARTUP_TIMESTAMP, FL_STARTUP_SPECIFIC,
};
enum fl_bounded {
	FL_BOUNDED_NO, FL_BOUNDED_LATEST, FL_BOUNDED_GROUP, FL_BOUNDED_TIMESTAMP, FL_BOUNDED_SPECIFIC,
};

struct fl_partition_offset {
	int32_t partition;
	int64_t offset;
};

struct fl_json_options {
	bool ignore_parse_errors, fail_on_missing_field, iso8601, decimal_as_plain, strict;
	bool ignore_null_fields;
	const char *schema;	/* what records must obey: a JSON Schema's text, or NULL */
	bool schema_strict;	/* a number's type is as it is written */
};

struct fl_param {
	const char *key, *value;
};

/* JDBC: where the table is.  No message shows param values but host, port and dbname. */
struct fl_jdbc {
	enum fl_jdbc_scheme scheme;
	const char *where;		/* "host:port/database" or the file, for messages */
	const char *database;		/* SQLITE: the file, absolute */
	uint32_t param_count;
	struct fl_param *params;	/* of the client library, in its names */
	const char *table_name;		/* as written */
	const char *password_file;	/* absolute, or NULL */
	bool create;			/* the table, if it is absent */
	bool updated_last;		/* SQLITE: an updated row moves to the table's end */
};

/* Of a sink's transactional.id: its prefix, or "flight." and the pipeline's name, then "." and
 * the table's name. */
#define FL_TXN_ID_MAX 255u

/* What a column of the blocks of a DEAD_LETTERS table holds. */
enum fl_letter_column {
	FL_LETTER_RECORD, /* a field of the record, as far as it can be read */
	FL_LETTER_ERROR, FL_LETTER_FIELD, FL_LETTER_RULE, FL_LETTER_VALUE, FL_LETTER_RAW,
	FL_LETTER_TOPIC, FL_LETTER_PARTITION, FL_LETTER_OFFSET, FL_LETTER_TIMESTAMP,
	FL_LETTER_IS,	  /* the last one: false in a row that only tells how far time has come */
};

/* DEAD_LETTERS: whose, and the columns of its blocks: fields of the record first. */
struct fl_letters {
	struct fl_table *of;
	struct fl_schema record;
	uint8_t *what;			/* enum fl_letter_column, by column of the stream */
};

/* KAFKA: what a message's key holds. */
struct fl_message_key {
	enum fl_format format;
	struct fl_json_options json;
	struct fl_csv_options csv;
	bool raw_little_endian;
	struct fl_schema schema;	/* as its codec sees it: without 'key.fields-prefix' */
	uint32_t *columns;		/* indexes in physical, in the key's order */
	/* value.fields-include: ALL, the value holds every column; else those of `value`. */
	bool is_in_value;
	struct fl_schema value;
	uint32_t *value_columns;	/* indexes in physical, in their order */
};

struct fl_table {
	const char *name;
	uint32_t column_count;
	struct fl_column *columns;
	struct fl_schema schema;	/* all columns, in order: names and types */
	/* Physical columns only, in order: what codecs decode or encode, unless there is a key. */
	struct fl_schema physical;
	struct fl_expr *watermark;	/* over schema; NULL: none */
	int32_t rowtime;		/* column index or -1 */
	/* PRIMARY KEY: indexes in physical, in the key's order; 0 columns: none. */
	uint32_t primary_key_count;
	uint32_t *primary_key;
	/* PARTITIONED BY: indexes in physical, in their order; 0 columns: not. */
	uint32_t partition_count;
	uint32_t *partitions;
	uint32_t option_count;
	struct fl_option *options;	/* as written, for explain and `properties.*` */
	enum fl_connector connector;
	enum fl_format format;
	struct fl_json_options json;
	struct fl_csv_options csv;
	bool csv_header;		/* FILESYSTEM: the first line of a file names the columns */
	bool raw_little_endian;
	struct fl_message_key *key;	/* NULL: messages have none */
	const char *topic;		/* KAFKA: first topic */
	uint32_t topic_count;
	const char *const *topics;
	const char *brokers;		/* properties.bootstrap.servers, after -b */
	enum fl_startup startup;
	int64_t startup_timestamp_ms;
	struct fl_partition_offset *startup_offsets;
	uint32_t startup_offset_count;
	enum fl_bounded bounded;
	int64_t bounded_timestamp_ms;
	struct fl_partition_offset *bounded_offsets;
	uint32_t bounded_offset_count;
	int64_t idle_timeout_ms;	/* 0: off */
	int64_t discovery_ms;		/* partition discovery; 0: off */
	const char *path;		/* FILESYSTEM: absolute */
	const char *place;		/* FILESYSTEM, SQLITE: the path as it was written */
	const char *beside;		/* the directory that place is relative to; NULL: it is not */
	int64_t roll_size;		/* FILESYSTEM: a part ends here, about; 0: by the sink's own rule */
	/* FL_TXN_ID_MAX bytes at most with "." and the table's name */
	const char *txn_prefix;		/* sink.transactional-id-prefix or NULL */
	bool one_partition;		/* sink.partitioner = fixed: all messages into partition 0 */
	bool headers;			/* flight.table.T.headers: of messages that are written */
	const char *print_id;		/* print-identifier or NULL */
	bool print_stderr;
	/* The Avro schema as JSON text, every named type resolved within it: the
	 * writer's for a source, the one to write for a sink. */
	const char *avro_schema;
	struct fl_jdbc *jdbc;		/* NULL unless JDBC */
	struct fl_letters *letters;	/* NULL unless DEAD_LETTERS */
	bool has_option_files;		/* some of options came out of files: flight.table.T.*-file */
	bool is_source, is_sink;
	int32_t stream;			/* index in plan->streams when is_source, else -1 */
	int32_t sink;			/* index in plan->sinks when is_sink, else -1 */
};

/* Decoded once for all pipelines that declare the same. */
struct fl_stream {
	const struct fl_table *table;	/* one table that declares it */
	struct fl_schema schema;	/* columns of its blocks: physical, then metadata */
	const char *identity;		/* text: topic, format + options, columns, isolation, start */
	uint32_t content_size;		/* of identity: what is read; the rest is from where to where */
	uint64_t identity_hash;
	bool needs_time;		/* idle timeout, quiet close or processing time in use */
	int32_t letters_of;		/* DEAD_LETTERS: index of the stream whose they are; else -1 */
};

enum fl_node_kind {
	FL_NODE_SCAN, FL_NODE_CALC, FL_NODE_WINDOW, FL_NODE_AGG, FL_NODE_TOPN, FL_NODE_DEDUP, FL_NODE_SINK,
};

/* ROW_NUMBER() OVER (PARTITION BY keys ORDER BY processing time) = 1. */
struct fl_dedup {
	uint32_t index;			/* in plan->dedups */
	struct fl_schema keys;		/* names and types of partition_columns */
	const char *query;		/* the first that has it */
};

struct fl_sort_key {
	uint32_t column;
	bool descending, nulls_first;
};

/* An updating AGG keeps at the end of each key's accumulators the number, in the log, of the
 * row that changed it last: the order in which its rows were updated. */
#define FL_AGG_CHANGED_SIZE 8u

struct fl_node {
	enum fl_node_kind kind;
	struct fl_node *input;		/* NULL for SCAN */
	struct fl_schema schema;	/* output */
	/* SCAN */
	const struct fl_table *table;	/* SINK too */
	/* CALC */
	struct fl_expr *filter;		/* NULL: all rows */
	struct fl_expr **exprs;		/* schema.count; over input columns */
	/* WINDOW */
	enum fl_window_kind window_kind;
	uint32_t time_column;		/* of the input */
	enum fl_time_attr time;
	int64_t size_ms, offset_ms;
	int64_t slide_ms;		/* from one start to the next; size_ms: no overlap */
	/* AGG; its input is the WINDOW node or a CALC above it; window bounds are
	 * carried beside the rows, not looked up by name */
	uint32_t key_count;
	struct fl_expr **keys;		/* over input columns */
	uint32_t agg_count;
	struct fl_agg *aggs;		/* arg and filter over input columns */
	uint32_t row_size;		/* sum of acc_size; updating: and FL_AGG_CHANGED_SIZE */
	uint32_t also_count;
	struct fl_node **also;		/* UNION ALL: inputs beside `input`, with the same columns */
	/* DEDUP: its keys are partition_columns */
	struct fl_dedup *dedup;
	/* TOPN over an AGG (or CALC above it): per window and partition_columns */
	uint32_t partition_count;
	uint32_t *partition_columns;	/* without the window bounds */
	uint32_t sort_count;
	struct fl_sort_key *sort;
	int64_t rank_from, rank_to;	/* 1-based, inclusive */
};

/* One INSERT, or one part of an INSERT of a UNION ALL. */
struct fl_query {
	const char *name;		/* its target table, unique within the plan ("t", "t_2") */
	struct fl_node *root;		/* SINK */
	struct fl_node *scan;		/* SCAN at the bottom of root's inputs (not of `also`) */
	struct fl_node *window;		/* NULL: stateless, or updating */
	struct fl_node *agg;		/* NULL: stateless */
	uint32_t sink;			/* index in plan->sinks */
};

/* GROUP BY without a window: its sink gets changes of keys, not rows that stay. */
static inline bool
fl_query_is_updating(const struct fl_query *query)
{
	return query->agg != NULL && query->window == NULL;
}

/* 'flight.publish.<path>': what serve answers at a path. */
struct fl_publish {
	const char *path;		/* "/aggregated" */
	const struct fl_table *table;	/* all of it; NULL: select */
	const char *select;		/* not looked into here: SQLite's language */
	uint32_t line, col;		/* of the SET */
};

struct fl_plan {
	struct fl_arena arena;
	const char *name;		/* pipeline.name, else the file's */
	uint32_t table_count;
	struct fl_table **tables;
	uint32_t stream_count;
	struct fl_stream *streams;
	uint32_t query_count;
	struct fl_query *queries;	/* query i is operator i in state keys */
	uint32_t dedup_count;
	const struct fl_dedup **dedups;	/* dedup i is operator query_count + i in state keys */
	int64_t state_ttl_ms;		/* a dedup forgets a key so long after its first row; 0: never */
	uint32_t sink_count;
	const struct fl_table **sinks;	/* sink i */
	const char *zone;
	int64_t quiet_close_ms;		/* 0: off */
	int64_t max_future_ms;		/* 0: off; -1: not set (24 h for up, off for run) */
	int64_t max_drift_ms;		/* -1: default */
	int64_t state_limit_keys;
	uint16_t serve_port;		/* 0: not set */
	uint32_t publish_count;
	struct fl_publish *publishes;	/* paths differ */
	bool not_null_drop;		/* table.exec.sink.not-null-enforcer = DROP */
	bool bounded;			/* every source ends by itself */
	bool scans;			/* reads a table of a database: first, its other streams after it */
	bool has_checkpoint_interval;	/* for check --flink */
	bool has_bare_tvf;		/* a window function without TABLE(...) */
	bool has_union_tvf;		/* a window function whose argument is a UNION ALL */
	const char *text;		/* canonical; fingerprint is its hash */
	uint64_t fingerprint;
	uint32_t notice_count;
	const char **notices;		/* ignored settings and the like: for check and logs */
};

/* Where files named in the SQL come from: the disk for check and up, the catalog
 * for the programs.  Returns NULL with err set; bytes live in the arena. */
typedef const char *fl_sql_read_file(
    void *ctx, const char *path, struct fl_arena *arena, struct fl_err *err);

struct fl_sql_env {
	const char *file;	    /* for messages and the pipeline's name; may be NULL */
	const char *dir;	    /* relative paths start here */
	fl_sql_read_file *read_file; /* NULL: from disk */
	void *ctx;
	const char *brokers;	    /* -b: overrides every table's; or NULL */
	bool allow_test;	    /* connector 'test' */
	bool require_insert;	    /* a script without INSERT is an error */
};

/*
 * Compiles a script.
 *
 * Errors:  SQL_SYNTAX, SQL_BIND, SQL_UNSUPPORTED, BAD_OPTION, BAD_SCHEMA,
 *	    NO_SUCH_FILE: err->text is "file:line:col: message", and detail (may be
 *	    NULL) gets the whole thing for a terminal: the line, a caret, a hint.
 */
enum fl_code fl_sql_compile(const char *text, size_t size, const struct fl_sql_env *env,
    struct fl_plan **plan, struct fl_buf *detail, struct fl_err *err);
void fl_plan_free(struct fl_plan **plan);
static inline bool
fl_table_is_kafka(const struct fl_table *table)
{
	return table->connector == FL_CONNECTOR_KAFKA || table->connector == FL_CONNECTOR_UPSERT_KAFKA;
}

/* What changes a table takes as a sink: none; by PRIMARY KEY, so that a new value needs no
 * word on the old one; all four kinds, as Flink's print does. */
enum fl_takes_changes { FL_TAKES_NO_CHANGES, FL_TAKES_UPSERTS, FL_TAKES_ALL_CHANGES };
enum fl_takes_changes fl_table_takes_changes(const struct fl_table *table);
/* The value of an option as written, or NULL. */
const char *fl_table_option(const struct fl_table *table, const char *key);
/* What a decoder or encoder of the table has to know; borrows from it. */
struct fl_codec_options fl_table_codec(const struct fl_table *table);
/* Rows as fl_row_print_json() writes them, each column there, back to rows: exactly. */
struct fl_codec_options fl_table_row_codec(const struct fl_table *table);
/*
 * Why a row that the sink refused cannot be given to it later; NULL: it can.  A sink with a
 * PRIMARY KEY shows the last row of a key, so none of its rows may have the key of another: a
 * window's results with the window and all keys of GROUP BY in it, or what a DEDUP by a part of
 * it lets through.
 */
const char *fl_plan_no_replay(const struct fl_plan *plan, uint32_t sink, bool is_mended);
/* The same of its messages' keys; table->key is not NULL. */
struct fl_codec_options fl_table_key_codec(const struct fl_table *table);
/* EXPLAIN for people: tables, streams, the tree of each query, time settings. */
void fl_plan_explain(const struct fl_plan *plan, struct fl_buf *out);
/* What check --flink says: one line per thing that is not portable. */
void fl_plan_portability(const struct fl_plan *plan, struct fl_buf *out, uint32_t *count);

#endif
