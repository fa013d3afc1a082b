/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - small trees and batches for the tests of lib/expr. */
#ifndef TESTS_EXPR_FIXTURE_H
#define TESTS_EXPR_FIXTURE_H

#include "../unit.h"

#include "base/util.h"
#include "expr/expr.h"

static struct fl_arena arena;
static const char *zone = "UTC";

static struct fl_type
type_of(enum fl_type_id id, uint32_t a, uint32_t b)
{
	struct fl_type type = fl_type_make(id, true);

	if (id == FL_TYPE_DECIMAL) {
		type.precision = (uint8_t)a;
		type.scale = (uint8_t)b;
	} else if (id == FL_TYPE_TIMESTAMP || id == FL_TYPE_TIMESTAMP_LTZ) {
		type.precision = (uint8_t)(a == 0 ? 3 : a - 1); /* 1 + precision */
	} else if (fl_type_is_var(id) && a != 0) {
		type.length = a;
	}
	return type;
}

static inline struct fl_expr *
integer(enum fl_type_id id, int64_t v)
{
	struct fl_type type = fl_type_make(id, false);
	struct fl_value value = {.i64 = v};

	return fl_expr_literal(&arena, &type, &value);
}

static inline struct fl_expr *
I(int64_t v)
{
	return integer(FL_TYPE_INT, v);
}

static inline struct fl_expr *
L(int64_t v)
{
	return integer(FL_TYPE_BIGINT, v);
}

static inline struct fl_expr *
B(bool v)
{
	struct fl_type type = fl_type_make(FL_TYPE_BOOLEAN, false);
	struct fl_value value = {.boolean = v};

	return fl_expr_literal(&arena, &type, &value);
}

static inline struct fl_expr *
D(double v)
{
	struct fl_type type = fl_type_make(FL_TYPE_DOUBLE, false);
	struct fl_value value = {.f64 = v};

	return fl_expr_literal(&arena, &type, &value);
}

static inline struct fl_expr *
S(const char *s)
{
	struct fl_type type = fl_type_make(FL_TYPE_CHAR, false);
	struct fl_value value = {.is_null = false};

	value.str.p = s;
	value.str.size = (uint32_t)strlen(s);
	type.length = value.str.size;
	return fl_expr_literal(&arena, &type, &value);
}

/* A decimal literal as SQL types it: 2.50 is DECIMAL(3, 2). */
static inline struct fl_expr *
N(const char *s)
{
	const char *point = strchr(s, '.');
	uint32_t digits = 0, scale = point == NULL ? 0 : (uint32_t)strlen(point + 1);
	struct fl_type type;
	struct fl_value value = {.is_null = false};

	for (const char *p = s; *p != '\0'; p++)
		digits += *p >= '0' && *p <= '9';
	type = type_of(FL_TYPE_DECIMAL, digits, scale);
	type.nullable = false;
	assert_true(fl_parse_decimal(s, strlen(s), digits, scale, &value.i128));
	return fl_expr_literal(&arena, &type, &value);
}

static inline struct fl_expr *
null_of(enum fl_type_id id)
{
	struct fl_type type = type_of(id, 0, 0);
	struct fl_value value = {.is_null = true};

	return fl_expr_literal(&arena, &type, &value);
}
#define NIL null_of(FL_TYPE_NULL)

static inline struct fl_expr *
call_n(const char *name, struct fl_expr **args, uint32_t n, struct fl_err *err)
{
	struct fl_expr *out = NULL;

	return fl_expr_call(&arena, name, args, n, &out, err) == FL_OK ? out : NULL;
}
#define ARGS(...) ((struct fl_expr *[]){__VA_ARGS__})
#define C(name, ...)                                                                               \
	call_n(name, ARGS(__VA_ARGS__), sizeof(ARGS(__VA_ARGS__)) / sizeof(struct fl_expr *), NULL)

static inline struct fl_expr *
cast_to(struct fl_expr *arg, enum fl_type_id id, uint32_t a, uint32_t b, bool try_cast)
{
	struct fl_type type = type_of(id, a, b);
	struct fl_expr *out = NULL;

	return fl_expr_cast(&arena, arg, &type, try_cast, &out, NULL) == FL_OK ? out : NULL;
}
#define CAST(arg, id, a, b) cast_to(arg, FL_TYPE_##id, a, b, false)
#define TRY(arg, id, a, b) cast_to(arg, FL_TYPE_##id, a, b, true)
#define TS(text) CAST(S(text), TIMESTAMP, 0, 0)
#define LTZ(ms) C("TO_TIMESTAMP_LTZ", L(ms), I(3))

/* "value TYPE" of a constant tree, or the error's name. */
static inline const char *
value_text(const struct fl_expr *expr)
{
	struct fl_schema none = {.count = 0};
	struct fl_batch batch = {.schema = &none, .row_count = 1};
	uint8_t error = 0;
	struct fl_eval ctx = {.arena = &arena,
	    .zone = zone,
	    .errors = &error,
	    .clock_ms = 1705322096789}; /* 2024-01-15 12:34:56.789 */
	struct fl_col col;
	struct fl_buf text = {.data = NULL};
	char type[64], *copy;

	if (expr == NULL)
		return "refused";
	fl_expr_eval(expr, &batch, NULL, 1, &ctx, &col);
	if (error != 0)
		return fl_code_name((enum fl_code)error);
	col.type = expr->type;
	col.type.nullable = true;
	fl_col_print(&col, 0, &text);
	fl_buf_printf(&text, " %s", fl_type_print(&col.type, type, sizeof(type)));
	copy = fl_arena_strdup(&arena, text.data);
	fl_buf_fini(&text);
	return copy;
}

struct value_case {
	const char *label;
	struct fl_expr *expr;
	const char *want;
};

static inline void
check_cases(const struct value_case *cases, size_t count)
{
	size_t bad = 0;

	for (size_t i = 0; i < count; i++) {
		const char *got = value_text(cases[i].expr);

		if (strcmp(got, cases[i].want) != 0) {
			print_error(
			    "%s: got \"%s\", want \"%s\"\n", cases[i].label, got, cases[i].want);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}
#define ROW(expr, want)                                                                            \
	{                                                                                          \
#expr, expr, want                                                                  \
	}
#define CHECK(cases) check_cases(cases, FL_ARRAY_COUNT(cases))

static inline int
setup(void **state)
{
	(void)state;
	fl_arena_init(&arena);
	zone = "UTC";
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	fl_arena_fini(&arena);
	return 0;
}

#endif
