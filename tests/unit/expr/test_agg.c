/* SPDX-License-Identifier: Apache-2.0 */
/* test_agg.c - accumulators give Flink's results, whichever loop adds. */
#include <float.h>

#include "fixture.h"

#define ROWS 6

/* One column of each kind; row 3 is NULL in every column. */
static struct fl_col
make_col(struct fl_expr *const *values, uint32_t count)
{
	struct fl_field field = {"x", values[0]->type};
	struct fl_schema schema = {.count = 1, .fields = &field};
	struct fl_builder b;
	struct fl_batch batch, copy;
	uint8_t error = 0;

	fl_builder_init(&b, &schema);
	for (uint32_t i = 0; i < count; i++) {
		struct fl_schema none = {.count = 0};
		struct fl_batch one = {.schema = &none, .row_count = 1};
		struct fl_eval ctx = {.arena = &arena, .zone = zone, .errors = &error};
		struct fl_col col;

		assert_true(fl_builder_begin(&b));
		fl_expr_eval(values[i], &one, NULL, 1, &ctx, &col);
		fl_builder_set_from(&b, 0, &col, 0);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	copy = batch;
	struct fl_col col = copy.cols[0];
	uint32_t width = fl_type_width((enum fl_type_id)col.type.id);
	if (width != 0)
		col.data = fl_arena_dup(&arena, col.data, (size_t)width * count);
	else {
		col.bytes = fl_arena_dup(&arena, col.bytes, col.offsets[count]);
		col.offsets = fl_arena_dup(&arena, col.offsets, sizeof(uint32_t) * (count + 1));
	}
	if (col.valid != NULL)
		col.valid =
		    fl_arena_dup(&arena, col.valid, sizeof(uint64_t) * FL_VALID_WORDS(count));
	fl_builder_fini(&b);
	return col;
}

/* Result and parts of one accumulator: "value TYPE .sum=... .count=..." */
static const char *
result_text(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap)
{
	struct fl_col out;
	struct fl_buf bytes = {.data = NULL}, text = {.data = NULL};
	struct fl_type nullable = agg->result;
	char type[64], *copy;

	fl_col_alloc(&out, &agg->result, 1, true, &arena);
	agg->fn->finish(agg, acc, heap, &out, 0, &bytes);
	if (out.offsets != NULL)
		out.bytes = bytes.data != NULL ? bytes.data : "";
	fl_col_print(&out, 0, &text);
	nullable.nullable = true;
	fl_buf_printf(&text, " %s", fl_type_print(&nullable, type, sizeof(type)));
	for (uint32_t p = 0; agg->fn->parts[p] != NULL; p++) {
		fl_buf_printf(&text, " %s=", agg->fn->parts[p]);
		agg->fn->part_print(agg, acc, heap, p, &text);
	}
	copy = fl_arena_strdup(&arena, text.data);
	fl_buf_fini(&text);
	fl_buf_fini(&bytes);
	return copy;
}

static struct fl_agg
make_agg(const char *name, struct fl_expr *arg, uint32_t at)
{
	struct fl_agg agg = {.fn = fl_agg_find(name, strlen(name), arg == NULL), .arg = arg};
	struct fl_err err = {.code = FL_OK};

	assert_non_null(agg.fn);
	if (agg.fn->type_rule(arg != NULL ? &arg->type : NULL, &agg.result, &agg.acc_size, &err) !=
	    FL_OK)
		fail_msg("%s", err.text);
	assert_int_equal(agg.acc_size % 8, 0);
	agg.acc_at = at;
	return agg;
}

/* Adds the values to one accumulator and prints it. */
static const char *
total(const char *name, struct fl_expr *const *values, uint32_t count)
{
	struct fl_col col = make_col(values, count);
	struct fl_agg agg = make_agg(name, values[0], 16);
	char row[96] __attribute__((aligned(8))) = {0};
	struct fl_heap heap = {.data = NULL};
	const char *text;

	agg.fn->add(&agg, row, 0, NULL, &col, NULL, count, &heap);
	text = result_text(&agg, row + 16, &heap);
	free(heap.data);
	return text;
}
#define TOTAL(name, ...)                                                                           \
	total(name, ARGS(__VA_ARGS__), sizeof(ARGS(__VA_ARGS__)) / sizeof(struct fl_expr *))

static void
results_are_flink_s(void **state)
{
#define NI null_of(FL_TYPE_INT)
#define ND null_of(FL_TYPE_DOUBLE)
#define NINES N("99999999999999999999999999999999999999")
	const struct {
		const char *got, *want;
	} cases[] = {
	    {TOTAL("COUNT", NI, I(1), I(2)), "2 BIGINT .count=2"},
	    {TOTAL("SUM", NI, I(1), I(2)), "3 INT .sum=3 .count=2"},
	    {TOTAL("SUM", NI), "NULL INT .sum=NULL .count=0"},
	    {TOTAL("SUM", I(2147483647), I(1)), "-2147483648 INT .sum=2147483648 .count=2"},
	    {TOTAL("SUM", integer(FL_TYPE_TINYINT, 100), integer(FL_TYPE_TINYINT, 100)),
		"-56 TINYINT .sum=200 .count=2"},
	    {TOTAL("SUM", L(INT64_MAX), L(1)),
		"-9223372036854775808 BIGINT .sum=-9223372036854775808 .count=2"},
	    {TOTAL("AVG", I(-3), I(-4)), "-3 INT .sum=-7 .count=2"},
	    {TOTAL("AVG", NI, I(7)), "7 INT .sum=7 .count=1"},
	    {TOTAL("AVG", NI), "NULL INT .sum=NULL .count=0"},
	    {TOTAL("SUM", D(0.1), D(0.2), D(0.3)),
		"0.6000000000000001 DOUBLE .sum=0.6000000000000001 .count=3"},
	    {TOTAL("AVG", D(1), ND, D(2)), "1.5 DOUBLE .sum=3.0 .count=2"},
	    {TOTAL("SUM", N("1.50"), N("2.75")), "4.25 DECIMAL(38, 2) .sum=4.25 .count=2"},
	    {TOTAL("AVG", N("1.00"), N("0.00"), N("1.00")),
		"0.666667 DECIMAL(38, 6) .sum=2.00 .count=3"},
	    {TOTAL("AVG", N("-1.00"), N("0.00"), N("-1.00")),
		"-0.666667 DECIMAL(38, 6) .sum=-2.00 .count=3"},
	    {TOTAL("SUM", NINES, NINES), "NULL DECIMAL(38, 0) .sum=OVERFLOW .count=2"},
	    {TOTAL("MIN", I(5), I(-2), I(3)), "-2 INT .min=-2"},
	    {TOTAL("MAX", NI, I(-5), I(-2)), "-2 INT .max=-2"},
	    {TOTAL("MAX", NI), "NULL INT .max=NULL"},
	    {TOTAL("FIRST_VALUE", NI, I(5), I(-2), NI), "5 INT .first=5"},
	    {TOTAL("LAST_VALUE", NI, I(5), I(-2), NI), "-2 INT .last=-2"},
	    {TOTAL("LAST_VALUE", NI), "NULL INT .last=NULL"},
	    {TOTAL("FIRST_VALUE", N("1.50"), N("9.75")), "1.50 DECIMAL(3, 2) .first=1.50"},
	    {TOTAL("LAST_VALUE", D(2), ND, D(-0.5)), "-0.5 DOUBLE .last=-0.5"},
	    {TOTAL("MIN", D(2), D(-0.5)), "-0.5 DOUBLE .min=-0.5"},
	    {TOTAL("MAX", N("1.50"), N("9.75")), "9.75 DECIMAL(3, 2) .max=9.75"},
	    {TOTAL("MAX", B(false), B(true)), "TRUE BOOLEAN .max=TRUE"},
	    {TOTAL("MIN", S("b"), S("a"), S("c")), "a CHAR(1) .min=a"},
	    {TOTAL("MAX", S("z"), S("\xc3\xa9")), "\xc3\xa9 CHAR(1) .max=\xc3\xa9"},
	    {TOTAL("MAX", S("ab"), S("abc"), S("")), "abc CHAR(2) .max=abc"},
	    {TOTAL("MIN", S("a"), S("")), " CHAR(1) .min="},
	    {TOTAL("MAX", null_of(FL_TYPE_VARCHAR)), "NULL STRING .max=NULL"},
	    {TOTAL("MAX", TS("2024-01-01 00:00:00"), TS("2024-01-02 00:00:00")),
		"2024-01-02 00:00:00.000 TIMESTAMP(3) .max=2024-01-02 00:00:00.000"},
	    {TOTAL("MIN", CAST(S("2024-01-01"), DATE, 0, 0), CAST(S("1969-01-01"), DATE, 0, 0)),
		"1969-01-01 DATE .min=1969-01-01"},
	};
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		if (strcmp(cases[i].got, cases[i].want) != 0) {
			print_error(
			    "%zu: got \"%s\", want \"%s\"\n", i, cases[i].got, cases[i].want);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void
float_sums_in_float_and_averages_in_double(void **state)
{
	struct fl_type type = fl_type_make(FL_TYPE_FLOAT, false);
	struct fl_value big = {.f64 = 16777216}, one = {.f64 = 1};
	struct fl_expr *b = fl_expr_literal(&arena, &type, &big),
		       *o = fl_expr_literal(&arena, &type, &one);

	(void)state;
	assert_string_equal(TOTAL("SUM", b, o, o), "1.6777216E7 FLOAT .sum=1.6777216E7 .count=3");
	assert_string_equal(TOTAL("AVG", b, o, o), "5592406.0 FLOAT .sum=1.6777218E7 .count=3");
}

/* Every combination of selection, NULLs and slots gives the same as row by row. */
static void
all_loops_add_the_same(void **state)
{
	static const char *const names[] = {"COUNT", "SUM", "AVG", "MIN", "MAX", "FIRST_VALUE",
	    "LAST_VALUE"};
	static const enum fl_type_id ids[] = {FL_TYPE_TINYINT, FL_TYPE_SMALLINT, FL_TYPE_INT,
	    FL_TYPE_BIGINT, FL_TYPE_FLOAT, FL_TYPE_DOUBLE, FL_TYPE_DECIMAL, FL_TYPE_VARCHAR};
	enum { COUNT = 200, SLOTS = 7, STRIDE = 64, AT = 24 };
	uint32_t seed = 7;

	(void)state;
	for (size_t t = 0; t < FL_ARRAY_COUNT(ids); t++) {
		struct fl_expr *values[COUNT];
		uint32_t sel[COUNT], sel_count = 0, slots[COUNT];

		for (int nulls = 0; nulls < 2; nulls++) {
			for (uint32_t i = 0; i < COUNT; i++) {
				seed = seed * 1664525 + 1013904223;
				values[i] = nulls && (seed >> 20) % 5 == 0 && i > 0
						? null_of(ids[t])
						: cast_to(I((int32_t)(seed >> 8) % 100), ids[t], 10,
						      0, false);
				slots[i] = (seed >> 11) % SLOTS;
			}
			struct fl_col col = make_col(values, COUNT);
			assert_int_equal(col.valid != NULL, nulls);
			sel_count = 0;
			for (uint32_t i = 0; i < COUNT; i += 1 + i % 3)
				sel[sel_count++] = i;
			for (size_t a = 0; a < FL_ARRAY_COUNT(names); a++) {
				if (ids[t] == FL_TYPE_VARCHAR && (a == 1 || a == 2))
					continue;
				struct fl_agg agg = make_agg(names[a], values[0], AT);
				for (int mode = 0; mode < 4; mode++) {
					const uint32_t *s = mode & 1 ? sel : NULL;
					const uint32_t *r = mode & 2 ? slots : NULL;
					uint32_t n = s != NULL ? sel_count : COUNT;
					char fast[SLOTS * STRIDE] __attribute__((aligned(8))) = {0};
					char slow[SLOTS * STRIDE] __attribute__((aligned(8))) = {0};
					struct fl_heap fh = {.data = NULL}, sh = {.data = NULL};

					agg.fn->add(&agg, fast, STRIDE, r, &col, s, n, &fh);
					for (uint32_t k = 0; k < n; k++) {
						uint32_t row = s != NULL ? s[k] : k;

						agg.fn->add(&agg,
						    slow + (r != NULL ? r[k] * STRIDE : 0), STRIDE,
						    NULL, &col, &row, 1, &sh);
					}
					for (uint32_t i = 0; i < SLOTS; i++)
						assert_string_equal(
						    result_text(&agg, fast + i * STRIDE + AT, &fh),
						    result_text(&agg, slow + i * STRIDE + AT, &sh));
					free(fh.data);
					free(sh.data);
				}
			}
		}
	}
}

/* Three panes one after the other into a window whose slots are the other way round. */
static void
merge_panes(const struct fl_agg *agg, const struct fl_col *col, const uint32_t *slots, uint32_t count,
    char *window, uint32_t stride, struct fl_heap *heap)
{
	static const uint32_t forth[] = {0, 1, 2, 3}, back[] = {3, 2, 1, 0};

	for (uint32_t pane = 0; pane < 3; pane++) {
		char rows[4 * 64] __attribute__((aligned(8))) = {0};
		uint32_t sel[200], part[200], n = 0;
		struct fl_heap own = {.data = NULL};
		struct fl_merge merge = {window, rows, stride, 4, back, forth, heap, &own};

		for (uint32_t i = count * pane / 3; i < count * (pane + 1) / 3; i++) {
			sel[n] = i;
			part[n++] = slots[i];
		}
		agg->fn->add(agg, rows, stride, part, col, sel, n, &own);
		agg->fn->merge(agg, &merge);
		free(own.data);
	}
}

static void
panes_merged_are_the_whole(void **state)
{
	static const char *const names[] = {"COUNT", "SUM", "AVG", "MIN", "MAX"};
	static const enum fl_type_id ids[] = {FL_TYPE_TINYINT, FL_TYPE_SMALLINT, FL_TYPE_INT,
	    FL_TYPE_BIGINT, FL_TYPE_FLOAT, FL_TYPE_DOUBLE, FL_TYPE_DECIMAL, FL_TYPE_VARCHAR,
	    FL_TYPE_BOOLEAN};
	enum { COUNT = 120, STRIDE = 64, AT = 24 };
	uint32_t seed = 11;

	(void)state;
	for (size_t t = 0; t < FL_ARRAY_COUNT(ids); t++) {
		struct fl_expr *values[COUNT];
		uint32_t slots[COUNT];
		struct fl_col col;

		for (uint32_t i = 0; i < COUNT; i++) {
			seed = seed * 1664525 + 1013904223;
			/* Slot 0 has no value in the first pane, slot 1 in the second, slot 3 none. */
			slots[i] = (seed >> 11) % 4;
			values[i] = i > 0 && (slots[i] == 3 || slots[i] == i * 3 / COUNT)
					? null_of(ids[t])
					: cast_to(I((int32_t)((seed >> 8) % 100) - (ids[t] == FL_TYPE_BOOLEAN ? 50 : 0)),
					      ids[t], 10, 0, false);
		}
		col = make_col(values, COUNT);
		for (size_t a = 0; a < FL_ARRAY_COUNT(names); a++) {
			char whole[4 * STRIDE] __attribute__((aligned(8))) = {0};
			char merged[4 * STRIDE] __attribute__((aligned(8))) = {0};
			struct fl_heap wh = {.data = NULL}, mh = {.data = NULL};
			struct fl_agg agg;

			if ((ids[t] == FL_TYPE_VARCHAR || ids[t] == FL_TYPE_BOOLEAN) && (a == 1 || a == 2))
				continue;
			agg = make_agg(names[a], values[0], AT);
			agg.fn->add(&agg, whole, STRIDE, slots, &col, NULL, COUNT, &wh);
			merge_panes(&agg, &col, slots, COUNT, merged, STRIDE, &mh);
			for (uint32_t i = 0; i < 4; i++)
				assert_string_equal(result_text(&agg, merged + (3 - i) * STRIDE + AT, &mh),
				    result_text(&agg, whole + i * STRIDE + AT, &wh));
			free(wh.data);
			free(mh.data);
		}
	}
	assert_null(fl_agg_find("FIRST_VALUE", 11, false)->merge);
	assert_null(fl_agg_find("LAST_VALUE", 10, false)->merge);
}

/* One accumulator of each value, merged in turn. */
static const char *
merged(const char *name, struct fl_expr *const *values, uint32_t count)
{
	char window[96] __attribute__((aligned(8))) = {0};
	struct fl_agg agg = make_agg(name, values[0], 16);
	const uint32_t row = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct fl_col col = make_col(&values[i], 1);
		char pane[96] __attribute__((aligned(8))) = {0};
		struct fl_merge merge = {window, pane, 0, 1, &row, &row, NULL, NULL};

		agg.fn->add(&agg, pane, 0, NULL, &col, NULL, 1, NULL);
		agg.fn->merge(&agg, &merge);
	}
	return result_text(&agg, window + 16, NULL);
}
#define MERGED(name, ...)                                                                          \
	merged(name, ARGS(__VA_ARGS__), sizeof(ARGS(__VA_ARGS__)) / sizeof(struct fl_expr *))

static void
panes_add_up_oldest_first_and_overflow_stays(void **state)
{
	(void)state;
	assert_string_equal(MERGED("SUM", D(0.1), D(0.2), D(0.3)),
	    "0.6000000000000001 DOUBLE .sum=0.6000000000000001 .count=3");
	assert_string_equal(MERGED("SUM", D(0.3), D(0.2), D(0.1)), "0.6 DOUBLE .sum=0.6 .count=3");
	assert_string_equal(MERGED("SUM", I(2147483647), I(1)), "-2147483648 INT .sum=2147483648 .count=2");
	assert_string_equal(MERGED("SUM", NINES, N("-1"), NINES), "NULL DECIMAL(38, 0) .sum=OVERFLOW .count=3");
	assert_string_equal(MERGED("SUM", NINES, N("1"), N("-5")), "NULL DECIMAL(38, 0) .sum=OVERFLOW .count=3");
}

static void
count_star_counts_rows(void **state)
{
	struct fl_agg agg = make_agg("count", NULL, 8);
	char rows[3 * 16] __attribute__((aligned(8))) = {0};
	uint32_t slots[] = {0, 2, 2, 2};

	(void)state;
	agg.fn->add(&agg, rows, 16, slots, NULL, NULL, 4, NULL);
	assert_string_equal(result_text(&agg, rows + 8, NULL), "1 BIGINT .count=1");
	assert_string_equal(result_text(&agg, rows + 32 + 8, NULL), "3 BIGINT .count=3");
	agg.fn->add(&agg, rows, 0, NULL, NULL, NULL, 1000, NULL);
	assert_string_equal(result_text(&agg, rows + 8, NULL), "1001 BIGINT .count=1001");
}

static void
a_heap_reuses_the_place_of_a_shorter_string(void **state)
{
	struct fl_agg agg;
	struct fl_heap heap = {.data = NULL};
	char acc[16] __attribute__((aligned(8))) = {0};
	struct fl_col col;

	(void)state;
	col = make_col(ARGS(S("cccc"), S("bb"), S("a")), 3);
	agg = make_agg("MIN", S("x"), 0);
	agg.fn->add(&agg, acc, 0, NULL, &col, NULL, 3, &heap);
	assert_int_equal(heap.size, 4);
	assert_int_equal(heap.dead_size, 3);
	assert_string_equal(result_text(&agg, acc, &heap), "a CHAR(1) .min=a");
	free(heap.data);
}

static void
types_without_a_sum_are_refused(void **state)
{
	static const struct {
		const char *name;
		enum fl_type_id id;
	} cases[] = {{"SUM", FL_TYPE_VARCHAR}, {"AVG", FL_TYPE_TIMESTAMP}, {"SUM", FL_TYPE_BOOLEAN},
	    {"MIN", FL_TYPE_VARBINARY}};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_type arg = fl_type_make(cases[i].id, true), result;
		struct fl_err err = {.code = FL_OK};
		uint32_t size;

		assert_int_equal(
		    fl_agg_find(cases[i].name, 3, false)->type_rule(&arg, &result, &size, &err),
		    FL_E_SQL_BIND);
		assert_non_null(strstr(err.text, "does not support type"));
	}
	assert_null(fl_agg_find("MEDIAN", 6, false));
	assert_null(fl_agg_find("SUM", 3, true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(results_are_flink_s),
	    TEST(float_sums_in_float_and_averages_in_double),
	    TEST(all_loops_add_the_same),
	    TEST(panes_merged_are_the_whole),
	    TEST(panes_add_up_oldest_first_and_overflow_stays),
	    TEST(count_star_counts_rows),
	    TEST(a_heap_reuses_the_place_of_a_shorter_string),
	    TEST(types_without_a_sum_are_refused),
	};

	return cmocka_run_group_tests_name("expr/agg", tests, NULL, NULL);
}
