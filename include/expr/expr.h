/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h - typed expressions and their evaluation over columns.
 *
 * The binder (lib/sql) makes trees of struct fl_expr with every type decided;
 * fl_expr_eval() computes one over the selected rows of a batch, a column at a
 * time.  AND, OR, CASE, COALESCE evaluate their branches only on the rows that
 * reach them, so an error in a branch not taken does not happen.
 *
 * A row whose evaluation fails (CAST, division by zero) is reported, not
 * raised: its code goes into errors[] and the caller makes it a dead letter.
 *
 * Memory:  results come from ctx->arena (or borrow the batch's arrays).  Trees
 *	    and their literals live in the arena they were made in.
 * Thread:  evaluation writes ctx only.
 */
#ifndef FL_EXPR_EXPR_H
#define FL_EXPR_EXPR_H

#include "column/batch.h"

enum fl_expr_kind {
	FL_EXPR_COLUMN,	 /* column: index in the input batch */
	FL_EXPR_LITERAL, /* value */
	FL_EXPR_CALL,	 /* fn(args) */
	FL_EXPR_CAST,	 /* args[0] to type; try_cast: NULL instead of an error */
	FL_EXPR_AND,	 /* args[0..n): three-valued, left to right */
	FL_EXPR_OR,
	FL_EXPR_CASE,	 /* when1, then1, when2, then2, ..., else (always present) */
	FL_EXPR_COALESCE,
};

struct fl_value {
	bool is_null;
	union {
		bool boolean;
		int64_t i64;	/* integers, DATE, TIMESTAMP*, INTERVAL */
		double f64;	/* FLOAT, DOUBLE */
		fl_i128 i128;	/* DECIMAL, unscaled */
		struct {
			const char *p;
			uint32_t size;
		} str;
	};
};

struct fl_function;

struct fl_expr {
	enum fl_expr_kind kind;
	struct fl_type type;
	uint32_t arg_count;
	struct fl_expr **args;
	uint32_t column;	      /* COLUMN */
	struct fl_value value;	      /* LITERAL */
	const struct fl_function *fn; /* CALL */
	bool try_cast;
	uint32_t line, col;	      /* where it stands in the SQL text */
};

struct fl_eval {
	struct fl_arena *arena;
	int64_t clock_ms;     /* the step's clock: PROCTIME(), CURRENT_TIMESTAMP */
	const char *zone;     /* table.local-time-zone, e.g. "UTC" */
	uint8_t *errors;      /* batch rows; 0 or enum fl_code of the first failure; or NULL */
	uint32_t error_count; /* rows that got one */
	const struct fl_col *watermarks; /* CURRENT_WATERMARK, or NULL */
	uint32_t row_count;   /* of the batch; set by fl_expr_eval() for kernels */
};

/*
 * Computes expr over rows sel[0..sel_count) (sel NULL: rows 0..sel_count).
 * out has arrays of batch->row_count rows.  Rows with errors[row] != 0 already
 * set are still computed; their result does not matter.
 */
void fl_expr_eval(const struct fl_expr *expr, const struct fl_batch *batch,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out);
/* Keeps the rows for which a BOOLEAN expr is TRUE and no error happened; writes
 * them to sel_out (may be sel), returns the count. */
uint32_t fl_expr_filter(const struct fl_expr *expr, const struct fl_batch *batch,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, uint32_t *sel_out);
/* True if expr reads no column and no clock. */
bool fl_expr_is_const(const struct fl_expr *expr);
/* SQL text, canonical: part of the plan's fingerprint and of EXPLAIN.  Column
 * names come from schema. */
void fl_expr_print(const struct fl_expr *expr, const struct fl_schema *schema, struct fl_buf *out);
/* Evaluates a constant expression.  Errors: CAST_FAILED, DIVISION_BY_ZERO. */
enum fl_code fl_expr_const(const struct fl_expr *expr, const char *zone, struct fl_arena *arena,
    struct fl_value *value, struct fl_err *err);

/* ---- functions: rows of tbl/functions.h ---- */

/* Decides the result type from the argument types (may rewrite args by wrapping
 * them in CASTs: implicit widening).  Errors: SQL_BIND with what was expected. */
typedef enum fl_code fl_type_rule(struct fl_arena *arena, const char *name,
    struct fl_expr **args, uint32_t arg_count, struct fl_type *result, struct fl_err *err);
/* Makes the tree of something that is no kernel: AND, CASE, NULLIF, YEAR(x). */
typedef enum fl_code fl_expand(struct fl_arena *arena, const char *name,
    struct fl_expr **args, uint32_t arg_count, struct fl_expr **out, struct fl_err *err);
/* Computes the selected rows.  out->type is set; out's arrays are allocated for
 * fixed width, its validity is set for a strict function. */
typedef void fl_kernel(const struct fl_expr *call, const struct fl_col *args,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out);

enum fl_function_flags {
	FL_FUNCTION_STRICT = 1, /* NULL in, NULL out: the kernel sees no NULL ... */
	FL_FUNCTION_TOTAL = 2,	/* ... unless it computes garbage without harm */
	FL_FUNCTION_CLOCK = 4,	/* reads the clock or the watermark: no constant */
	FL_FUNCTION_INFIX = 8,	/* printed as (a + b) */
	FL_FUNCTION_ARRAYS = 16, /* an argument may be an ARRAY */
};

struct fl_function {
	const char *name;    /* upper case; operators by their sign: "+", "=" */
	uint32_t arg_min, arg_max;
	fl_type_rule *type_rule; /* NULL iff expand */
	fl_kernel *kernel;	 /* NULL iff expand */
	fl_expand *expand;
	uint32_t flags;
	const char *help;    /* "SUBSTRING(s, from [, count])|one line"; docs/sql-functions.md */
};

const struct fl_function *fl_function_find(const char *name, size_t len); /* case-insensitive, NULL */
const struct fl_function *fl_function_row(uint32_t i);			     /* NULL past the end */
void fl_functions_print_markdown(struct fl_buf *out); /* docs/sql-functions.md */

/*
 * Makes a CALL: finds fn, applies its type rule.  Operators and clauses go by
 * name too: "+", "=", "AND", "NOT", "IS NULL", "IS NOT TRUE", "IS DISTINCT FROM",
 * "LIKE" (s, pattern [, escape]), "CASE" (when, then, ..., else), "COALESCE".
 * Unary minus is "-" with one argument.  EXTRACT takes its unit as a literal
 * string; TRIM(LEADING c FROM s) is LTRIM(s, c).
 *
 * Errors:  SQL_BIND	    no such function, or arguments that do not fit
 */
enum fl_code fl_expr_call(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_expr **out, struct fl_err *err);
/* Makes a CAST if Flink allows it between these types.  Errors: SQL_BIND. */
enum fl_code fl_expr_cast(struct fl_arena *arena, struct fl_expr *arg, const struct fl_type *to,
    bool try_cast, struct fl_expr **out, struct fl_err *err);
/* Makes literals and column references. */
struct fl_expr *fl_expr_literal(
    struct fl_arena *arena, const struct fl_type *type, const struct fl_value *value);
struct fl_expr *fl_expr_column(struct fl_arena *arena, uint32_t column, const struct fl_type *type);
/* The common type of COALESCE, GREATEST and comparisons; false if none. */
bool fl_type_common(const struct fl_type *a, const struct fl_type *b, struct fl_type *out);
/* The common type of arithmetic and CASE branches, as Flink's planner has it: as
 * above, but of FLOAT and DOUBLE the first one, whichever that is. */
bool fl_type_least_restrictive(
    const struct fl_type *a, const struct fl_type *b, struct fl_type *out);
/* Implicit widening on INSERT: INT to BIGINT yes, BIGINT to INT and number to
 * STRING no. */
bool fl_type_can_widen(const struct fl_type *from, const struct fl_type *to);

/* ---- text of values: json, CAST to STRING, print and flightctl share these ---- */
void fl_print_double(struct fl_buf *out, double v);	/* as Java: 1.0E10, 100.0, NaN */
void fl_print_float(struct fl_buf *out, float v);
void fl_print_decimal(struct fl_buf *out, fl_i128 unscaled, uint32_t scale); /* plain */
void fl_print_date(struct fl_buf *out, int32_t days);	/* 2024-01-01 */
/* yyyy-MM-dd<sep>HH:mm:ss[.fraction]; fraction_min digits at least (0..3), no
 * trailing zeros beyond. */
void fl_print_timestamp(struct fl_buf *out, int64_t ms, char sep, uint32_t fraction_min);
/* Rounds HALF_UP to scale; false: not a number, or more than precision digits. */
bool fl_parse_decimal(const char *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out);
bool fl_parse_double(const char *p, size_t size, double *out); /* as Double.parseDouble */
bool fl_parse_float(const char *p, size_t size, float *out);
bool fl_parse_date(const char *p, size_t size, int32_t *days);
/* As DATE and TIMESTAMP literals: one-digit fields, no day past its month's end, of a
 * TIMESTAMP the time may be missing.  *v: days, or milliseconds. */
bool fl_parse_time_literal(const char *p, size_t size, bool is_timestamp, int64_t *v);
/* sep ' ' or 'T'; takes more digits than ms and cuts them. */
bool fl_parse_timestamp(const char *p, size_t size, char sep, int64_t *ms);
/* ms to be added to UTC to get local time at this instant; 0 for "UTC". */
int64_t fl_zone_offset_ms(const char *zone, int64_t utc_ms);
int64_t fl_zone_to_local(const char *zone, int64_t utc_ms);
/* When a local time is reached for certain (ends of windows).  In a gap: its first
 * valid instant; in a repeated hour: the later one. */
int64_t fl_zone_to_utc(const char *zone, int64_t local_ms);
/* The instant of a local time as Java converts it (CAST AS TIMESTAMP_LTZ).  In a
 * gap: shifted by its length; in a repeated hour: the earlier one. */
int64_t fl_zone_from_local(const char *zone, int64_t local_ms);
bool fl_zone_exists(const char *zone); /* "Europe/Berlin", "UTC", "GMT+01:00" */
/* Version of the system's tzdata, "2024a", or "unknown"; returns buf. */
const char *fl_zone_version(char *buf, size_t size);
/* Three-way comparison of two values of one type (DECIMAL: any scales); NULLs are not
 * looked at, NaN is neither less nor greater than anything. */
int fl_col_compare(const struct fl_col *a, uint32_t i, const struct fl_col *b, uint32_t j);
/* Any value of a column as text for people: NULL as "NULL". */
void fl_col_print(const struct fl_col *col, uint32_t i, struct fl_buf *out);
/* A value as JSON, as fl_row_print_json() has it. */
void fl_col_print_json(const struct fl_col *col, uint32_t i, struct fl_buf *out);
/* A row as a JSON object by column name: the value of a dead letter.  Bytes are base64;
 * times, and doubles that are no JSON number, are strings. */
void fl_row_print_json(const struct fl_batch *batch, uint32_t row, struct fl_buf *out);

/* ---- aggregates: rows of tbl/aggregates.h ---- */

/*
 * An accumulator is size bytes (multiple of 8, 8-aligned) inside a state row.
 * Variable-size values (MIN of STRING) keep a struct fl_blob into the table's
 * heap: an accumulator whose agg->result is of variable width begins with its
 * blob, and no other holds one (images move the bytes and set blob.at anew).
 */
struct fl_blob {
	uint32_t at, size; /* bytes heap->data[at .. at+size) */
};
struct fl_heap { /* append-only bytes of one state table; offsets, no pointers */
	char *data;
	uint32_t size, capacity;
	uint32_t dead_size; /* bytes no longer referenced; compacted when they are the half */
	bool is_full;	    /* something had no room: the state that refers to it is worthless */
};
/* Returns the offset.  Beyond 4 GiB: 0, where other bytes are, and is_full; size is at
 * most the 1 GiB that an expression may make. */
uint32_t fl_heap_put(struct fl_heap *heap, const void *p, uint32_t size);

struct fl_agg;
/* Rows of one state table into another of the same stride: from[from_rows[k]] is added to
 * to[to_rows[k]], k = 0, 1 ...; from and to are base addresses as in add(). */
struct fl_merge {
	char *to;
	const char *from;
	uint32_t stride, count;
	const uint32_t *to_rows, *from_rows;
	struct fl_heap *to_heap;
	const struct fl_heap *from_heap;
};
struct fl_agg_fn {
	const char *name;
	uint32_t arg_count; /* 0: COUNT(*) */
	/* Result type and accumulator size for this argument type (NULL for COUNT(*)).
	 * The result is nullable if the argument is: with FILTER or without keys the
	 * binder makes it so. */
	enum fl_code (*type_rule)(const struct fl_type *arg, struct fl_type *result,
	    uint32_t *acc_size, struct fl_err *err);
	/* A fresh accumulator is acc_size zero bytes. */
	/* For k in 0..count: row = sel ? sel[k] : k; the accumulator at
	 * base + (size_t)rows[k] * stride + agg->acc_at takes arg's value of row (NULL
	 * skipped).  rows NULL: all into base + agg->acc_at.  FILTER is the caller's:
	 * sel holds the rows that pass.  arg is NULL for COUNT(*); heap may be NULL
	 * unless agg->result is of variable width. */
	void (*add)(const struct fl_agg *agg, char *base, uint32_t stride, const uint32_t *rows,
	    const struct fl_col *arg, const uint32_t *sel, uint32_t count, struct fl_heap *heap);
	/* Writes result value i of out from the accumulator (acc_at already added).
	 * out comes from fl_col_alloc(): fixed width by value, variable width by
	 * appending to out_bytes and setting offsets[i + 1] (i = 0, 1, 2 ...; the caller
	 * sets out->bytes afterwards); NULL clears valid bit i (out->valid is there
	 * whenever agg->result is nullable). */
	void (*finish)(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
	    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes);
	/* Accumulator's visible parts for snapshot: name suffixes (".sum", ".count")
	 * and a printer; NULL-terminated. */
	const char *const *parts;
	void (*part_print)(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
	    uint32_t part, struct fl_buf *out);
	/* NULL: the function cannot be put together from parts of a window. */
	void (*merge)(const struct fl_agg *agg, const struct fl_merge *merge);
	const char *help;
};

struct fl_agg { /* one aggregate call of a plan */
	const struct fl_agg_fn *fn;
	struct fl_expr *arg;	/* NULL for COUNT(*) */
	struct fl_expr *filter; /* FILTER (WHERE ...), or NULL */
	struct fl_type result;
	uint32_t acc_size, acc_at; /* bytes; absolute offset inside a state row */
	const char *name;	   /* for snapshot: "passengers" of its argument, its output column, or the sink's */
};

const struct fl_agg_fn *fl_agg_find(const char *name, size_t len, bool star); /* NULL */
const struct fl_agg_fn *fl_agg_row(uint32_t i);

#endif
