/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h - from what was written to what it means.
 *
 *	bind_setting.c	SET
 *	bind_option.c	WITH (...)
 *	bind_jdbc.c	the url of a database
 *	bind_key.c	the key of a Kafka message
 *	bind_table.c	CREATE TABLE: columns, rowtime; at the end: streams, sinks, schemas
 *	bind_expr.c	expressions and types
 *	bind_from.c	FROM: scans, views, window functions
 *	bind_query.c	SELECT to a tree of nodes
 *	bind_insert.c	INSERT: conversion to the sink's columns, changes into it
 *	plan.c		the order of it all, the canonical text
 *
 * A relation (struct rel) is a node with what the node does not know: qualifiers,
 * which columns are time attributes, window bounds or a rank.
 */
#ifndef FL_LIB_SQL_BIND_H
#define FL_LIB_SQL_BIND_H

#include <inttypes.h>

#include "ast.h"

#define BIND_EXPRS_MAX 50000u	 /* expression nodes of one script */
#define BIND_MERGE_MAX 4096u	 /* nodes of a CALC that merging may make */
#define BIND_STATE_LIMIT 10000000

struct setting {
	const char *key, *value;
	uint32_t line, col;
};

/* A declared table: the plan's, and what its text said. */
struct bind_table {
	struct fl_table *table;
	const struct ast_create *ast;
	int64_t idle_timeout_ms; /* -1: the pipeline's */
	bool has_group_id;
	const struct ast_option *key_fields, *key_prefix; /* KAFKA; NULL: not given */
	bool except_key;	 /* value.fields-include */
	struct bind_table *next;
	bool dropped;
	uint32_t line, col;
};

struct bind_view {
	const char *name;
	const struct ast_query *query;
	const struct ast_list *columns;
	struct bind_view *next; /* declared before; what its query may see */
	bool dropped;
};

struct bind {
	struct fl_source *src;
	struct fl_arena *arena;
	const struct fl_sql_env *env;
	struct fl_plan *plan;
	struct bind_table *tables; /* newest first */
	uint32_t table_count;
	struct bind_view *views;   /* newest first */
	struct setting *settings;
	uint32_t setting_count;
	struct ast_list *inserts;  /* struct fl_query */
	struct ast_list *notices;  /* char * */
	uint32_t expr_count;
	uint32_t depth;
	int64_t idle_timeout_ms;
	bool json_strict;
	uint32_t ttl_line;	   /* of SET 'table.exec.state.ttl' */
	int64_t align_drift_ms;	   /* smallest alignment.max-drift, -1 */
};

/* ---- relations ---- */

enum win_role { WIN_NONE, WIN_START, WIN_END, WIN_TIME };
/* UPDATING: what GROUP BY without a window gives, the changes of keys. */
enum rel_stage { REL_ROWS, REL_WINDOWED, REL_AGGREGATED, REL_RANKED, REL_UPDATING };

struct rel_col {
	const char *qualifier, *name;
	struct fl_type type;
	const struct fl_row_type *in; /* name is the path of a field of this ROW */
	enum fl_time_attr time;	 /* usable as the time column of a window */
	bool is_rowtime;	 /* counts as a rowtime attribute for a sink */
	bool is_spent;		 /* was a time attribute before its window function */
	enum win_role role;
	bool is_rank;
};

struct rel {
	struct fl_node *node;
	uint32_t count;
	struct rel_col *cols;
	enum rel_stage stage;
	struct fl_node *scan, *window, *agg;
	struct fl_node *rank; /* TOPN or DEDUP whose limit is not known yet */
	/* The other parts of a UNION ALL, one after the other: what is put on one is put
	 * on all.  Of them only nodes count; columns and stage are the first one's. */
	struct rel *also;
};

/* ---- expressions ---- */

/* The aggregates of one SELECT while its clauses are bound. */
struct agg_scope {
	uint32_t key_count;
	struct fl_expr **keys;	/* over the input */
	const char **key_names;
	struct ast_list *aggs;	/* struct fl_agg */
	bool has_time;		/* window_time may be used: it is grouped by, or free */
};

/* Columns of an aggregate before their places are known. */
#define AGG_COLUMN_AGG 0x10000000u
#define AGG_COLUMN_WINDOW 0x20000000u

struct scope {
	const struct rel *rel;
	struct agg_scope *agg;	   /* NULL: no aggregates here */
	const char *clause;	   /* "WHERE", for messages */
	const struct ast_list *aliases; /* ast_item: for a hint on GROUP BY */
};

enum fl_code bind_type(struct bind *b, const struct ast_type *ast, struct fl_type *type);
/* Of a physical column or a field of a ROW: may be an ARRAY, too. */
enum fl_code bind_column_type(struct bind *b, const struct ast_type *ast, struct fl_type *type);
enum fl_code bind_expr(
    struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out);
/* As bind_expr, and it must be BOOLEAN. */
enum fl_code bind_condition(
    struct bind *b, const struct scope *scope, const struct ast_expr *ast, struct fl_expr **out);
bool bind_has_aggregate(const struct ast_expr *ast);
bool bind_is_rank(const struct ast_expr *ast); /* ROW_NUMBER() OVER (...) */
enum fl_code bind_find(struct bind *b, const struct scope *scope, const struct ast_expr *name,
    uint32_t *index);
/* The table's column that a ROW is, or lies in: "data" of "data.a". */
const char *bind_row_column(const struct fl_row_type *row);
/* "the column 'data' is a ROW" of what only json can read. */
const char *bind_nested_text(struct bind *b, const struct fl_field *field);
enum fl_code bind_cast(struct bind *b, struct fl_expr *arg, const struct fl_type *to,
    uint32_t line, uint32_t col, struct fl_expr **out);
enum fl_code bind_call(struct bind *b, const char *name, struct fl_expr **args, uint32_t count,
    uint32_t line, uint32_t col, struct fl_expr **out);
bool bind_expr_equal(const struct fl_expr *a, const struct fl_expr *b); /* NULL is equal to NULL */
/* Index of the first that is equal to expr, or count. */
uint32_t bind_expr_find(
    struct fl_expr *const *list, uint32_t count, const struct fl_expr *expr);
uint32_t bind_expr_size(const struct fl_expr *expr, uint32_t max);
/* A copy whose columns are replaced: exprs[column], where exprs is given, else
 * columns renumbered by map(column). */
struct fl_expr *bind_expr_replace(struct bind *b, const struct fl_expr *expr,
    struct fl_expr *const *exprs, uint32_t (*map)(uint32_t column, void *ctx), void *ctx);
enum fl_code bind_and(struct bind *b, struct fl_expr *x, struct fl_expr *y, struct fl_expr **out);

/* ---- queries ---- */

/* views: what a query may name beside tables, views and CTEs, newest first. */
enum fl_code bind_query(struct bind *b, const struct ast_query *ast, struct bind_view *views,
    struct rel *rel);
enum fl_code bind_from(struct bind *b, const struct ast_query *ast, struct bind_view *views,
    struct rel *rel);
struct fl_node *bind_node(struct bind *b, enum fl_node_kind kind, struct fl_node *input);
void bind_set_schema(struct bind *b, struct fl_node *node, const struct rel_col *cols, uint32_t count);
struct rel_col bind_window_column(const char *name, struct fl_type type, enum win_role role);
/* Filters (filter not NULL) and projects each part of rel; cols are the columns that come out. */
enum fl_code bind_calcs(struct bind *b, struct rel *rel, struct fl_expr *filter,
    struct fl_expr **exprs, const struct rel_col *cols, uint32_t count);
/* A rank without its limit is refused. */
enum fl_code bind_rank_is_used(struct bind *b, uint32_t line, uint32_t col, const struct rel *rel);
enum fl_code bind_insert(struct bind *b, const struct ast_statement *statement);

/* ---- the rest ---- */

enum fl_code bind_settings(struct bind *b, const struct ast_list *statements);
enum fl_code bind_publishes(struct bind *b); /* once the sinks are known */
enum fl_code bind_table(struct bind *b, const struct ast_statement *statement);
enum fl_code bind_options(struct bind *b, struct bind_table *bt);
/* Once the columns are known: which of them a message's key holds, and which its value. */
enum fl_code bind_key(struct bind *b, struct bind_table *bt);
/* The key's part of a stream's identity and of a plan's text. */
void fl_table_print_key(const struct fl_table *t, struct fl_buf *out);
/* The csv options as a part of a stream's identity and of a plan's text. */
void fl_csv_options_print(const struct fl_csv_options *csv, bool has_header, struct fl_buf *out);
/* The url of t->jdbc and what else it takes to connect; url is not shown, it may hold a password. */
enum fl_code bind_jdbc_url(
    struct bind *b, struct fl_table *t, const char *url, uint32_t line, uint32_t col);
void bind_jdbc_param(struct bind *b, struct fl_table *t, const char *key, const char *value);
enum fl_code bind_view(struct bind *b, const struct ast_statement *statement);
enum fl_code bind_view_check(struct bind *b, const struct bind_view *view, const struct fl_token *at);
enum fl_code bind_drop(struct bind *b, const struct ast_statement *statement);
/* After all statements: streams, sinks, Avro schemas. */
enum fl_code bind_finish(struct bind *b);
struct bind_table *bind_table_find(const struct bind *b, const char *name);
struct bind_view *bind_view_find(struct bind_view *views, const char *name);
enum fl_code bind_table_missing(struct bind *b, const struct fl_token *name);
/* 'flight.table.<table>.<option>-file' */
#define BIND_FILE_SUFFIX "-file"
#define BIND_SECRET_MAX (64u << 10)
bool bind_is_file_key(const char *key);
/* A row of FL_TABLE_SETTING: <key> of flight.table.<table>.<key>. */
bool bind_is_table_key(const char *key);
/* Absolute: a relative one is beside the .sql file.  Without a file it stays as it is. */
const char *bind_path(const struct bind *b, const char *path);
void bind_notice(struct bind *b, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "did you mean "x"", in the arena, or NULL. */
const char *bind_did_you_mean(
    struct bind *b, const char *word, const char *const *candidates, size_t count);
enum bind_refused {
	BIND_REFUSED_FUNCTION, BIND_REFUSED_AGGREGATE, BIND_REFUSED_CONNECTOR, BIND_REFUSED_FORMAT,
	BIND_REFUSED_METADATA,
};
/* Has Flink one of this name that we have not? */
bool bind_is_refused(enum bind_refused kind, const char *name);
/* The kinds of tbl/options.h and tbl/settings.h.  CHECKED is a DURATION without effect. */
enum bind_kind { TEXT, BOOL, DURATION, MEMORY, INTEGER, COUNT, ENUM, CHECKED, IGNORED, REFUSED };
/* Reads a value of BOOL, DURATION (ms), MEMORY (bytes), INTEGER (from 0), COUNT (from 1) or ENUM (its
 * index); NULL, or what was expected. */
const char *bind_value(struct bind *b, enum bind_kind kind, const char *choices,
    const char *value, int64_t *number);
/* Index of value in "a|b|c", -1. */
int bind_choice(const char *choices, const char *value, bool any_case);
void fl_plan_make_text(struct fl_plan *plan);
enum fl_connector_format {
	FL_CONNECTOR_FORMAT_NEEDED, FL_CONNECTOR_FORMAT_LINES, FL_CONNECTOR_FORMAT_FREE,
	FL_CONNECTOR_FORMAT_PARTS, FL_CONNECTOR_FORMAT_NONE,
};
struct fl_connector_info {
	const char *name;
	char letter; /* in tbl/options.h */
	enum fl_connector_format format;
	const char *source, *sink; /* "none": cannot be one */
};
const struct fl_connector_info *fl_connector_info(uint32_t connector); /* NULL past the end */
/* One node without its input: "AGG keys=[..] aggs=[..]". */
void fl_node_print(const struct fl_node *node, struct fl_buf *out);

/* For rules that stop at the first mistake: "return BIND_FAIL(...)". */
#define BIND_FAIL(b, code, line, col, hint, ...) \
	fl_source_fail((b)->src, (code), (line), (col), (hint), __VA_ARGS__)

#endif
