/* SPDX-License-Identifier: Apache-2.0 */
/* test_batch.c - types print as Flink prints them; builders hold what was committed. */
#include "../unit.h"

#include "base/util.h"
#include "column/batch.h"

static struct fl_field fields[] = {
    {"id", {.id = FL_TYPE_BIGINT, .nullable = false}},
    {"qty", {.id = FL_TYPE_INT, .nullable = true}},
    {"name", {.id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX}},
    {"price", {.id = FL_TYPE_DECIMAL, .nullable = true, .precision = 38, .scale = 2}},
};
static const struct fl_schema schema = {.count = 4, .fields = fields};

static void
types_print_as_flink_prints_them(void **state)
{
	static const struct {
		struct fl_type type;
		const char *text;
	} cases[] = {
	    {{.id = FL_TYPE_INT, .nullable = true}, "INT"},
	    {{.id = FL_TYPE_BIGINT}, "BIGINT NOT NULL"},
	    {{.id = FL_TYPE_DECIMAL, .nullable = true, .precision = 10, .scale = 2},
		"DECIMAL(10, 2)"},
	    {{.id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX}, "STRING"},
	    {{.id = FL_TYPE_VARCHAR, .nullable = true, .length = 7}, "VARCHAR(7)"},
	    {{.id = FL_TYPE_CHAR, .length = 3}, "CHAR(3) NOT NULL"},
	    {{.id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX}, "BYTES"},
	    {{.id = FL_TYPE_TIMESTAMP, .nullable = true, .precision = 3}, "TIMESTAMP(3)"},
	    {{.id = FL_TYPE_TIMESTAMP_LTZ, .precision = 3}, "TIMESTAMP_LTZ(3) NOT NULL"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++)
		assert_string_equal(fl_type_print(&cases[i].type, buf, sizeof(buf)), cases[i].text);
}

static void
equality_ignores_fields_a_type_does_not_have(void **state)
{
	struct fl_type a = {.id = FL_TYPE_INT, .precision = 3, .length = 9};
	struct fl_type b = {.id = FL_TYPE_INT};

	(void)state;
	assert_true(fl_type_equal(&a, &b));
	b.nullable = true;
	assert_false(fl_type_equal(&a, &b));
	a = fl_type_make(FL_TYPE_DECIMAL, true);
	b = a;
	b.scale = 1;
	assert_false(fl_type_equal(&a, &b));
}

static void
an_unknown_type_has_a_name_and_no_width(void **state)
{
	(void)state;
	assert_string_equal(fl_type_name((enum fl_type_id)200), "UNKNOWN");
	assert_int_equal(fl_type_width((enum fl_type_id)200), 0);
	assert_string_equal(fl_type_name((enum fl_type_id)14), "UNKNOWN");
}

static void
set_row(struct fl_builder *b, int64_t id, const char *name)
{
	fl_i128 price = (fl_i128)id * 100;

	assert_true(fl_builder_begin(b));
	fl_builder_set_i64(b, 0, id);
	if (id % 3 != 0)
		fl_builder_set_i32(b, 1, (int32_t)id);
	if (name != NULL)
		fl_builder_set_str(b, 2, name, strlen(name));
	else
		fl_builder_set_null(b, 2);
	fl_builder_set_raw(b, 3, &price);
}

static void
rows_come_back_as_they_were_set(void **state)
{
	struct fl_builder b;
	struct fl_arena arena;
	struct fl_batch batch;
	uint32_t size;
	char text[32];

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (int64_t i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "row-%lld", (long long)i);
		set_row(&b, i, i % 7 == 0 ? NULL : text);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	assert_int_equal(batch.row_count, 5000);
	assert_null(batch.cols[0].valid);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(FL_COL_AT(&batch.cols[0], int64_t, i), i);
		assert_int_equal(fl_col_is_valid(&batch.cols[1], i), i % 3 != 0);
		assert_int_equal(FL_COL_AT(&batch.cols[1], int32_t, i), i % 3 != 0 ? (int)i : 0);
		assert_int_equal(fl_col_is_valid(&batch.cols[2], i), i % 7 != 0);
		(void)snprintf(text, sizeof(text), "row-%u", i);
		if (i % 7 == 0)
			text[0] = '\0';
		const char *p = fl_col_str(&batch.cols[2], i, &size);
		assert_int_equal(size, strlen(text));
		assert_memory_equal(p, text, size);
		assert_true(FL_COL_AT(&batch.cols[3], fl_i128, i) == (fl_i128)i * 100);
	}
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

static void
a_rolled_back_row_leaves_no_trace(void **state)
{
	struct fl_builder b;
	struct fl_arena arena;
	struct fl_batch batch;
	uint32_t size;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	set_row(&b, 1, "one");
	fl_builder_commit(&b);
	set_row(&b, 2, "forget me");
	fl_builder_rollback(&b);
	assert_true(fl_builder_begin(&b));
	fl_builder_commit(&b); /* nothing set: all NULL */
	fl_builder_view(&b, &batch, &arena);
	assert_int_equal(batch.row_count, 2);
	for (uint32_t c = 0; c < 4; c++)
		assert_false(fl_col_is_valid(&batch.cols[c], 1));
	(void)fl_col_str(&batch.cols[2], 1, &size);
	assert_int_equal(size, 0);
	assert_int_equal(b.cols[2].bytes.size, 3);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

static void
a_reset_builder_is_as_new(void **state)
{
	struct fl_builder b;
	struct fl_arena arena;
	struct fl_batch batch;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (int i = 0; i < 300; i++) {
		set_row(&b, i, "x");
		fl_builder_commit(&b);
	}
	set_row(&b, 1, "half a row");
	fl_builder_reset(&b);
	for (int i = 0; i < 301; i++) {
		assert_true(fl_builder_begin(&b));
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	for (uint32_t i = 0; i < 301; i++)
		assert_false(fl_col_is_valid(&batch.cols[2], i));
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

static void
a_builder_is_full_at_the_row_limit(void **state)
{
	struct fl_field one = {"b", {.id = FL_TYPE_BOOLEAN}};
	struct fl_schema narrow = {.count = 1, .fields = &one};
	struct fl_builder b;

	(void)state;
	fl_builder_init(&b, &narrow);
	for (uint32_t i = 0; i < FL_BATCH_ROWS_MAX; i++) {
		assert_true(fl_builder_begin(&b));
		fl_builder_commit(&b);
	}
	assert_false(fl_builder_begin(&b));
	fl_builder_rollback(&b);
	assert_int_equal(b.row_count, FL_BATCH_ROWS_MAX);
	fl_builder_fini(&b);
}

static void
a_row_copied_from_a_column_is_the_same(void **state)
{
	struct fl_builder b, copy;
	struct fl_arena arena;
	struct fl_batch from, to;
	uint32_t size;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	fl_builder_init(&copy, &schema);
	set_row(&b, 3, "three");
	fl_builder_commit(&b);
	set_row(&b, 4, NULL);
	fl_builder_commit(&b);
	fl_builder_view(&b, &from, &arena);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(fl_builder_begin(&copy));
		for (uint32_t c = 0; c < 4; c++)
			fl_builder_set_from(&copy, c, &from.cols[c], i);
		fl_builder_commit(&copy);
	}
	fl_builder_view(&copy, &to, &arena);
	assert_false(fl_col_is_valid(&to.cols[1], 0));
	assert_int_equal(FL_COL_AT(&to.cols[1], int32_t, 1), 4);
	assert_memory_equal(fl_col_str(&to.cols[2], 0, &size), "three", 5);
	assert_false(fl_col_is_valid(&to.cols[2], 1));
	fl_builder_fini(&b);
	fl_builder_fini(&copy);
	fl_arena_fini(&arena);
}

static void
a_builder_is_full_before_its_offsets_wrap(void **state)
{
	struct fl_builder b;

	(void)state;
	fl_builder_init(&b, &schema);
	assert_true(fl_builder_begin(&b));
	b.cols[2].bytes.size = ((size_t)1 << 30) + 1;
	assert_false(fl_builder_begin(&b));
	fl_builder_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_print_as_flink_prints_them),
	    cmocka_unit_test(equality_ignores_fields_a_type_does_not_have),
	    cmocka_unit_test(an_unknown_type_has_a_name_and_no_width),
	    cmocka_unit_test(rows_come_back_as_they_were_set),
	    cmocka_unit_test(a_rolled_back_row_leaves_no_trace),
	    cmocka_unit_test(a_reset_builder_is_as_new),
	    cmocka_unit_test(a_builder_is_full_at_the_row_limit),
	    cmocka_unit_test(a_builder_is_full_before_its_offsets_wrap),
	    cmocka_unit_test(a_row_copied_from_a_column_is_the_same),
	};

	return cmocka_run_group_tests_name("column/batch", tests, NULL, NULL);
}
