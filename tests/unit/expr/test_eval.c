/* SPDX-License-Identifier: Apache-2.0 */
/* test_eval.c - a column at a time gives what a row at a time gives. */
#include "fixture.h"

#define ROWS 300u

static struct fl_field fields[] = {
    {"a", {.id = FL_TYPE_INT, .nullable = true}},
    {"b", {.id = FL_TYPE_INT, .nullable = false}},
    {"s", {.id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX}},
    {"d", {.id = FL_TYPE_DECIMAL, .nullable = true, .precision = 10, .scale = 2}},
};
static const struct fl_schema schema = {.count = 4, .fields = fields};

static void
fill_builder(struct fl_builder *builder)
{
	char text[32];

	fl_builder_init(builder, &schema);
	for (uint32_t i = 0; i < ROWS; i++) {
		fl_i128 d = (fl_i128)i * 25 - 1000;

		assert_true(fl_builder_begin(builder));
		if (i % 5 != 1)
			fl_builder_set_i32(builder, 0, (int32_t)i % 17 - 8);
		fl_builder_set_i32(builder, 1, (int32_t)(i % 7));
		(void)snprintf(text, sizeof(text), "%*s-%u", (int)(i % 9), "", i);
		if (i % 4 != 3)
			fl_builder_set_str(builder, 2, text, strlen(text));
		if (i % 11 != 0)
			fl_builder_set_raw(builder, 3, &d);
		fl_builder_commit(builder);
	}
}

static struct fl_expr *
col(uint32_t c)
{
	return fl_expr_column(&arena, c, &fields[c].type);
}

static const char *
cell(const struct fl_expr *expr, const struct fl_col *c, uint32_t row, uint8_t error)
{
	struct fl_buf text = {.data = NULL};
	char *copy;

	(void)expr;
	if (error != 0)
		return fl_code_name((enum fl_code)error);
	fl_col_print(c, row, &text);
	copy = fl_arena_strdup(&arena, text.data != NULL ? text.data : "");
	fl_buf_fini(&text);
	return copy;
}

/* Dense, selected and row by row: the same values and the same errors. */
static void
selections_change_no_value(void **state)
{
	struct fl_expr *a = col(0), *b = col(1), *s = col(2), *d = col(3);
	struct fl_expr *ratio = C("/", a, b);
	const struct {
		const char *label;
		struct fl_expr *expr;
	} cases[] = {
	    {"a", a},
	    {"a / b", ratio},
	    {"b > 0 AND a / b > 1", C("AND", C(">", b, I(0)), C(">", ratio, I(1)))},
	    {"a IS NULL OR a / b = 0", C("OR", C("IS NULL", a), C("=", ratio, I(0)))},
	    {"CASE b WHEN 0", C("CASE", C("=", b, I(0)), I(-1), C(">", b, I(4)), NIL, ratio)},
	    {"COALESCE(a, a / b)", C("COALESCE", a, ratio)},
	    {"COALESCE(s, 'none')", C("COALESCE", s, S("none"))},
	    {"CASE strings",
		C("CASE", C("=", b, I(1)), s, C("=", b, I(2)), S("two"), C("UPPER", s))},
	    {"s || s", C("||", s, C("TRIM", s))},
	    {"d * a", C("*", d, a)},
	    {"CAST(s AS INT)", CAST(s, INT, 0, 0)},
	    {"TRY_CAST(TRIM(s) AS INT)", TRY(C("TRIM", s), INT, 0, 0)},
	    {"CAST(d AS STRING)", CAST(d, VARCHAR, 0, 0)},
	    {"GREATEST(a, b)", C("GREATEST", a, b)},
	    {"a IS DISTINCT FROM b", C("IS DISTINCT FROM", a, b)},
	    {"NULLIF(a, b)", C("NULLIF", a, b)},
	    {"s LIKE '%1'", C("LIKE", s, S("%1"))},
	    {"constant", C("+", I(1), I(2))},
	    {"null string", null_of(FL_TYPE_VARCHAR)},
	};
	struct fl_builder builder;
	struct fl_batch batch;
	uint32_t sel[ROWS], sel_count = 0;

	(void)state;
	fill_builder(&builder);
	fl_builder_view(&builder, &batch, &arena);
	for (uint32_t i = 0; i < ROWS; i += 1 + i % 4)
		sel[sel_count++] = i;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		uint8_t dense_errors[ROWS] = {0}, sel_errors[ROWS] = {0};
		struct fl_eval dense_ctx = {.arena = &arena, .zone = zone, .errors = dense_errors};
		struct fl_eval sel_ctx = {.arena = &arena, .zone = zone, .errors = sel_errors};
		struct fl_col dense, selected;
		uint32_t errors = 0;

		assert_non_null(cases[i].expr);
		fl_expr_eval(cases[i].expr, &batch, NULL, ROWS, &dense_ctx, &dense);
		fl_expr_eval(cases[i].expr, &batch, sel, sel_count, &sel_ctx, &selected);
		for (uint32_t row = 0; row < ROWS; row++) {
			uint8_t error[ROWS] = {0};
			struct fl_eval ctx = {.arena = &arena, .zone = zone, .errors = error};
			struct fl_col one;

			fl_expr_eval(cases[i].expr, &batch, &row, 1, &ctx, &one);
			const char *want = cell(cases[i].expr, &one, row, error[row]);
			const char *got = cell(cases[i].expr, &dense, row, dense_errors[row]);
			if (strcmp(got, want) != 0)
				fail_msg("%s, row %u: dense \"%s\", alone \"%s\"", cases[i].label,
				    row, got, want);
			errors += dense_errors[row] != 0;
		}
		assert_int_equal(errors, dense_ctx.error_count);
		for (uint32_t k = 0; k < sel_count; k++) {
			const char *want =
			    cell(cases[i].expr, &dense, sel[k], dense_errors[sel[k]]);
			const char *got =
			    cell(cases[i].expr, &selected, sel[k], sel_errors[sel[k]]);
			if (strcmp(got, want) != 0)
				fail_msg("%s, row %u: selected \"%s\", dense \"%s\"",
				    cases[i].label, sel[k], got, want);
		}
	}
	fl_builder_fini(&builder);
}

static void
a_filter_keeps_true_rows_without_errors(void **state)
{
	struct fl_expr *filter = C("=", C("/", col(0), col(1)), I(2)); /* b = 0 fails */
	struct fl_builder builder;
	struct fl_batch batch;
	uint8_t errors[ROWS] = {0};
	struct fl_eval ctx = {.arena = &arena, .zone = zone, .errors = errors};
	uint32_t sel[ROWS], kept, n = 0;

	(void)state;
	fill_builder(&builder);
	fl_builder_view(&builder, &batch, &arena);
	kept = fl_expr_filter(filter, &batch, NULL, ROWS, &ctx, sel);
	for (uint32_t i = 0; i < ROWS; i++) {
		bool valid = i % 5 != 1;
		int32_t a = (int32_t)i % 17 - 8, b = (int32_t)(i % 7);

		assert_int_equal(errors[i], valid && b == 0 ? FL_E_DIVISION_BY_ZERO : 0);
		if (valid && b != 0 && a / b == 2)
			assert_int_equal(sel[n++], i);
	}
	assert_int_equal(kept, n);
	assert_true(n > 0);
	/* in place, and on a selection */
	uint32_t left = fl_expr_filter(C(">", col(1), I(1)), &batch, sel, kept, &ctx, sel);
	assert_true(left > 0 && left < kept);
	for (uint32_t k = 0; k < left; k++)
		assert_true(sel[k] % 7 > 1);
	fl_builder_fini(&builder);
}

static void
an_empty_selection_is_no_work(void **state)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_eval ctx = {.arena = &arena, .zone = zone};
	struct fl_col out;
	uint32_t none[1] = {0};

	(void)state;
	fill_builder(&builder);
	fl_builder_view(&builder, &batch, &arena);
	fl_expr_eval(C("COALESCE", col(2), S("x")), &batch, none, 0, &ctx, &out);
	assert_int_equal(fl_expr_filter(C("=", col(1), I(1)), &batch, none, 0, &ctx, none), 0);
	batch.row_count = 0;
	fl_expr_eval(C("UPPER", col(2)), &batch, NULL, 0, &ctx, &out);
	assert_int_equal(ctx.error_count, 0);
	fl_builder_fini(&builder);
}

static void
current_watermark_is_the_row_s(void **state)
{
	struct fl_builder builder;
	struct fl_batch batch;
	int64_t w[ROWS];
	uint64_t valid[FL_VALID_WORDS(ROWS)];
	struct fl_col marks = {
	    .type = fl_type_make(FL_TYPE_TIMESTAMP_LTZ, true), .data = w, .valid = valid};
	struct fl_eval ctx = {.arena = &arena, .zone = zone, .watermarks = &marks};
	struct fl_col out;

	(void)state;
	fill_builder(&builder);
	fl_builder_view(&builder, &batch, &arena);
	memset(valid, 0xff, sizeof(valid));
	valid[0] &= ~UINT64_C(1);
	for (uint32_t i = 0; i < ROWS; i++)
		w[i] = 1000 * i;
	fl_expr_eval(C("CURRENT_WATERMARK", LTZ(0)), &batch, NULL, ROWS, &ctx, &out);
	assert_false(fl_col_is_valid(&out, 0));
	assert_int_equal(FL_COL_AT(&out, int64_t, 5), 5000);
	fl_builder_fini(&builder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(selections_change_no_value),
	    TEST(a_filter_keeps_true_rows_without_errors),
	    TEST(an_empty_selection_is_no_work),
	    TEST(current_watermark_is_the_row_s),
	};

	return cmocka_run_group_tests_name("expr/eval", tests, NULL, NULL);
}
