/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - what kernels and type rules share.
 *
 * A kernel is one loop per type over the selected rows; FL_ROWS writes the loop
 * twice, dense and selected, so that the dense one vectorises.  Where a row is
 * real work FL_EACH_ROW is one ordinary loop.
 */
#ifndef FL_EXPR_KERNEL_H
#define FL_EXPR_KERNEL_H

#include "base/util.h"
#include "expr/expr.h"

/* Both use sel and sel_count of the kernel. */
#define FL_EACH_ROW(row)                                                                           \
	for (uint32_t k_ = 0, row; k_ < sel_count && ((row = sel == NULL ? k_ : sel[k_]), true);   \
	     k_++)
#define FL_ROWS(...)                                                                               \
	do {                                                                                       \
		if (sel == NULL) {                                                                 \
			for (uint32_t row = 0; row < sel_count; row++) {                           \
				__VA_ARGS__;                                                       \
			}                                                                          \
		} else {                                                                           \
			for (uint32_t k_ = 0; k_ < sel_count; k_++) {                              \
				const uint32_t row = sel[k_];                                      \
				__VA_ARGS__;                                                       \
			}                                                                          \
		}                                                                                  \
	} while (0)

/* ---- results ---- */

/* The row fails: reported once, first code wins. */
void fl_eval_error(struct fl_eval *ctx, uint32_t row, enum fl_code code);
/* Makes value row of out NULL; gives out validity bits of its own first. */
void fl_out_null(struct fl_eval *ctx, struct fl_col *out, uint32_t row);

/* Writes a variable-width column row by row, ascending. */
struct fl_strings {
	struct fl_eval *ctx;
	struct fl_col *out;
	uint32_t *offsets;
	char *data;
	size_t size, capacity;
	uint32_t next; /* offsets below are set */
};
void fl_strings_begin(struct fl_strings *s, struct fl_eval *ctx, struct fl_col *out);
void fl_strings_row(struct fl_strings *s, uint32_t row); /* starts the value of row */
void fl_strings_add(struct fl_strings *s, const char *p, size_t size);
/* Is there room for so many bytes more?  Else the row is ROW_TOO_LARGE: for a kernel whose
 * output is much larger than its input, before it makes it. */
bool fl_strings_room(struct fl_strings *s, uint64_t size);
void fl_strings_end(struct fl_strings *s);

static inline bool
fl_is_time(uint8_t id)
{
	return id == FL_TYPE_DATE || id == FL_TYPE_TIMESTAMP || id == FL_TYPE_TIMESTAMP_LTZ;
}

static inline bool
fl_is_approximate(uint8_t id)
{
	return id == FL_TYPE_FLOAT || id == FL_TYPE_DOUBLE;
}

/* By bytes, a text before what it begins. */
static inline int
fl_compare_bytes(const char *p, uint32_t p_size, const char *q, uint32_t q_size)
{
	int c = memcmp(p, q, p_size < q_size ? p_size : q_size);

	return c != 0 ? c : (p_size > q_size) - (p_size < q_size);
}

/* Bytes of the character at p; a byte that begins none counts as one. */
static inline uint32_t
fl_char_size(const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;
	uint32_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 1;

	return FL_MIN(n, (uint32_t)(end - p));
}
uint32_t fl_count_chars(const char *p, uint32_t size);
/* Where character n (from 0) begins; end if there are fewer. */
const char *fl_skip_chars(const char *p, const char *end, uint32_t n);

/* CAST: arg's selected rows are valid. */
void fl_cast_kernel(const struct fl_expr *cast, const struct fl_col *arg, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out);

/* ---- type rules ---- */

/* Raises SQL_BIND in Flink's words: Cannot apply '+' to arguments of type ... */
enum fl_code fl_refuse(
    const char *name, struct fl_expr **args, uint32_t arg_count, struct fl_err *err);
/* Wraps *arg in a CAST unless it has that type; folds literals.  Cannot fail for the
 * widening that rules ask for. */
void fl_widen(struct fl_arena *arena, struct fl_expr **arg, const struct fl_type *to);
/* DECIMAL wide enough for an integer type. */
struct fl_type fl_decimal_of(const struct fl_type *type);
/* Precision and scale cut to 38 digits as Flink cuts them. */
struct fl_type fl_decimal_type(uint32_t precision, uint32_t scale, bool nullable);
/* Arguments of type NULL become strings; false if one is of another type. */
bool fl_all_strings(struct fl_arena *arena, struct fl_expr **args, uint32_t arg_count);
bool fl_any_nullable(struct fl_expr **args, uint32_t arg_count);
struct fl_expr *fl_expr_make(struct fl_arena *arena, enum fl_expr_kind kind,
    const struct fl_type *type, struct fl_expr **args, uint32_t arg_count);
/* The text of a literal string argument; false if it is none. */
bool fl_literal_str(const struct fl_expr *arg, const char **p, uint32_t *size);

/* ---- rows of tbl/functions.h ---- */

#define FL_FUNCTION(name, min, max, rule, kernel, flags, help)                                     \
	fl_type_rule rule;                                                                         \
	fl_kernel kernel;
#define FL_EXPAND(name, min, max, expand, help) fl_expand expand;
#include "tbl/functions.h"
#undef FL_FUNCTION
#undef FL_EXPAND

#endif
