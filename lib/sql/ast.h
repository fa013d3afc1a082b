/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ast.h - a script as it was written: tokens, statements, expressions.
 *
 * The lexer makes tokens, the grammar trees; nothing here knows what a name
 * means.  All of it lives in the plan's arena.  Positions are 1-based and count
 * characters, so that a caret stands under what it complains of.
 */
#ifndef FL_LIB_SQL_AST_H
#define FL_LIB_SQL_AST_H

#include "base/util.h"
#include "sql/plan.h"

#define AST_DEPTH_MAX 400u	    /* nested expressions and queries */
#define AST_TEXT_MAX (1u << 20)	    /* bytes of a script */

struct fl_token {
	int code;	   /* TK_* */
	uint32_t line, col;
	const char *text;  /* value: without quotes and escapes; NUL-terminated */
	uint32_t size;
	uint32_t raw_size; /* bytes in the script */
	const char *raw;
	bool is_word;	   /* a bare word, upper-cased in word */
	const char *word;
};

/* ---- where an error goes: the first one wins ---- */

struct fl_source {
	const char *file, *text;
	size_t size;
	struct fl_arena *arena;
	struct fl_buf *detail; /* NULL: not wanted */
	struct fl_err *err;
	enum fl_code code;     /* FL_OK until the first error */
};

/* Reports; hint may be NULL.  Returns code. */
enum fl_code fl_source_fail(struct fl_source *src, enum fl_code code, uint32_t line, uint32_t col,
    const char *hint, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* ---- lists ---- */

struct ast_list {
	uint32_t count, capacity;
	void **items;
};

struct ast_list *fl_ast_list(struct fl_arena *arena);
void fl_ast_append(struct fl_arena *arena, struct ast_list *list, void *item);

/* ---- expressions ---- */

enum ast_kind {
	AST_NAME,      /* parts: tokens */
	AST_NUMBER, AST_STRING, AST_TRUE, AST_FALSE,
	AST_NULL,      /* flag: UNKNOWN, a BOOLEAN */
	AST_INTERVAL,  /* text, unit [TO unit_to] */
	AST_TIMESTAMP, AST_DATE,
	AST_OP,	       /* text: the sign; one or two args */
	AST_AND, AST_OR, AST_NOT,
	AST_IS,	       /* test */
	AST_BETWEEN,   /* x, low, high; flag: SYMMETRIC */
	AST_IN,	       /* x, values... */
	AST_LIKE,      /* x, pattern[, escape] */
	AST_CASE,      /* flag: first arg is the operand; when, then, ..., else */
	AST_CAST,      /* flag: TRY_CAST; type */
	AST_EXTRACT,   /* text: unit */
	AST_CALL,      /* text: name; flag: star; distinct; filter; over */
	AST_UNIT,      /* a time unit as an argument; a word of AST_JSON, DEFAULT with its value */
	AST_JSON,      /* JSON_VALUE: text, path, words (flag: ON EMPTY); type.  flag: JSON_EXISTS */
	AST_INDEX,     /* x[i] */
	AST_ROW, AST_SUBQUERY, /* parsed to be refused, or for a window function */
	AST_TABLE, AST_DESCRIPTOR, AST_NAMED, /* arguments of a window function */
	AST_STAR,      /* select item: * or name.* */
};

enum ast_test { AST_IS_NULL, AST_IS_TRUE, AST_IS_FALSE, AST_IS_UNKNOWN, AST_IS_DISTINCT };

struct ast_type {
	const char *name;	/* upper case */
	uint32_t line, col;
	bool has_length, has_scale, nullable;
	int64_t length, scale;
	bool local_zone;	/* TIMESTAMP ... WITH LOCAL TIME ZONE */
	struct ast_list *fields; /* ROW: ast_type_field; else NULL */
	struct ast_type *element; /* ARRAY; else NULL */
};

struct ast_type_field {
	struct fl_token *name;
	struct ast_type *type;
};

struct ast_over {
	struct ast_list *partition; /* ast_expr */
	struct ast_list *order;	    /* ast_sort */
	uint32_t line, col;
};

struct ast_expr {
	enum ast_kind kind;
	uint32_t line, col, depth;
	const char *text;
	uint32_t size;
	struct ast_list *args;	/* ast_expr; NAME and DESCRIPTOR: fl_token */
	bool negated, flag, distinct;
	enum ast_test test;
	const char *unit, *unit_to; /* upper case, singular */
	uint32_t precision;	    /* INTERVAL: digits of the first field; 0: not given */
	struct ast_type *type;
	struct ast_expr *filter;
	struct ast_over *over;
	struct ast_query *query;
};

enum ast_nulls { AST_NULLS_DEFAULT, AST_NULLS_FIRST, AST_NULLS_LAST };
struct ast_sort {
	struct ast_expr *expr;
	bool descending;
	enum ast_nulls nulls;
};

/* ---- queries ---- */

struct ast_item {
	struct ast_expr *expr;
	struct fl_token *alias; /* NULL: none */
};

enum ast_from_kind { AST_FROM_NAME, AST_FROM_QUERY, AST_FROM_TVF };

struct ast_from {
	enum ast_from_kind kind;
	uint32_t line, col;
	struct fl_token *name;	/* NAME */
	struct ast_query *query;
	struct ast_expr *call;	/* TVF */
	bool wrapped;		/* TABLE(tvf): the portable form */
	struct fl_token *alias;
	struct ast_list *alias_columns; /* fl_token; NULL: none */
};

struct ast_query {
	uint32_t line, col, depth;
	struct ast_list *ctes;	/* ast_cte */
	struct ast_list *items; /* ast_item */
	struct ast_from *from;
	struct ast_expr *where, *having;
	struct ast_list *group; /* ast_expr; NULL: no GROUP BY */
	struct ast_list *parts; /* ast_query: a UNION ALL of these, and no SELECT; else NULL */
};

struct ast_cte {
	struct fl_token *name;
	struct ast_query *query;
};

/* ---- statements ---- */

struct ast_option {
	struct fl_token *key, *value;
};

enum ast_column_kind { AST_COLUMN_PHYSICAL, AST_COLUMN_METADATA, AST_COLUMN_COMPUTED };

struct ast_column {
	enum ast_column_kind kind;
	struct fl_token *name;
	struct ast_type *type;
	struct fl_token *metadata_key;
	bool is_virtual, is_primary;
	struct ast_expr *computed;
};

struct ast_watermark {
	struct fl_token *column;
	struct ast_expr *expr;
};

struct ast_create {
	struct fl_token *name;
	bool if_not_exists, temporary;
	struct ast_list *columns;    /* ast_column */
	struct ast_watermark *watermark;
	struct ast_list *primary;    /* fl_token */
	uint32_t primary_line, primary_col;
	struct ast_list *partitioned; /* fl_token; NULL: not */
	struct ast_list *options;    /* ast_option; NULL: no WITH */
	struct ast_query *query;     /* view */
	struct ast_list *view_columns; /* fl_token; NULL */
};

struct ast_insert {
	struct fl_token *table;
	struct ast_list *columns; /* fl_token; NULL: all */
	struct ast_query *query;
};

enum ast_statement_kind {
	AST_SET, AST_CREATE_TABLE, AST_CREATE_VIEW, AST_DROP_TABLE, AST_DROP_VIEW, AST_INSERT,
};

struct ast_statement {
	enum ast_statement_kind kind;
	uint32_t line, col;
	struct ast_option *set;
	struct ast_create *create;
	struct fl_token *name; /* DROP */
	bool if_exists;
	struct ast_insert *insert;
};

/* What the grammar's actions work on. */
struct fl_parse {
	struct fl_source *src;
	struct fl_arena *arena;
	struct ast_list *statements; /* ast_statement */
	/* the table being declared */
	struct ast_create *create;
	uint32_t depth;
};

/* Text to tokens, the last one TK 0. */
enum fl_code fl_lex(struct fl_source *src, struct fl_token **tokens, uint32_t *count);
/* Text to statements. */
enum fl_code fl_parse(struct fl_source *src, struct ast_list **statements);

/* ---- used by the grammar's actions (parse.c) ---- */

struct ast_expr *fl_ast_expr(struct fl_parse *ps, enum ast_kind kind, const struct fl_token *at);
struct ast_expr *fl_ast_op(struct fl_parse *ps, enum ast_kind kind, const char *op,
    struct ast_expr *a, struct ast_expr *b);
/* a AND b, flat: (a AND b) AND c has three arguments. */
struct ast_expr *fl_ast_chain(
    struct fl_parse *ps, enum ast_kind kind, struct ast_expr *a, struct ast_expr *b);
/* A keyword as an argument. */
struct ast_expr *fl_ast_word(struct fl_parse *ps, const struct fl_token *tok);
void fl_ast_arg(struct fl_parse *ps, struct ast_expr *expr, struct ast_expr *arg);
void fl_ast_args(struct fl_parse *ps, struct ast_expr *expr, struct ast_list *args);
/* The last part of a table's name; refuses other catalogs and databases than Flink's
 * default ones. */
struct fl_token *fl_ast_object(struct fl_parse *ps, const struct ast_expr *path);
struct fl_token *fl_ast_token(struct fl_parse *ps, const struct fl_token *tok);
const char *fl_ast_unit(struct fl_parse *ps, const struct fl_token *tok);
struct ast_type *fl_ast_type(struct fl_parse *ps, const struct fl_token *name);
int64_t fl_ast_number(struct fl_parse *ps, const struct fl_token *tok);
/* a UNION ALL b, flat where a is one without a WITH of its own. */
struct ast_query *fl_ast_union(
    struct fl_parse *ps, const struct fl_token *at, struct ast_query *a, struct ast_query *b);
struct ast_statement *fl_ast_statement(
    struct fl_parse *ps, enum ast_statement_kind kind, uint32_t line, uint32_t col);
void fl_parse_refuse(
    struct fl_parse *ps, const struct fl_token *at, const char *feature, const char *hint);
void fl_parse_syntax_error(struct fl_parse *ps, const struct fl_token *tok, const int *expected,
    int expected_count, bool name_fits);
void fl_parse_overflow(struct fl_parse *ps);
/* PRIMARY KEY without NOT ENFORCED. */
void fl_parse_enforced(struct fl_parse *ps, uint32_t line, uint32_t col);

#endif
