/* SPDX-License-Identifier: Apache-2.0 */
/* test_block.c - sealing and viewing: same rows back, and nothing believed. */
#include "column/block.h"

#include "../unit.h"

#include "base/util.h"

static struct fl_field all_fields[] = {
    {"b", {FL_TYPE_BOOLEAN, true, 0, 0, 0}},
    {"t", {FL_TYPE_TINYINT, true, 0, 0, 0}},
    {"s", {FL_TYPE_SMALLINT, false, 0, 0, 0}},
    {"i", {FL_TYPE_INT, true, 0, 0, 0}},
    {"l", {FL_TYPE_BIGINT, true, 0, 0, 0}},
    {"f", {FL_TYPE_FLOAT, true, 0, 0, 0}},
    {"d", {FL_TYPE_DOUBLE, true, 0, 0, 0}},
    {"n", {FL_TYPE_DECIMAL, true, 20, 2, 0}},
    {"v", {FL_TYPE_VARCHAR, true, 0, 0, FL_LENGTH_MAX}},
    {"c", {FL_TYPE_CHAR, true, 0, 0, 3}},
    {"x", {FL_TYPE_VARBINARY, true, 0, 0, FL_LENGTH_MAX}},
    {"y", {FL_TYPE_DATE, true, 0, 0, 0}},
    {"ts", {FL_TYPE_TIMESTAMP, true, 3, 0, 0}},
};
static const struct fl_schema all_schema = {FL_ARRAY_COUNT(all_fields), all_fields};

static uint64_t
next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* constants, NULLs and lengths vary with the seed. */
static void
fill_random(struct fl_builder *b, uint32_t row_count, uint64_t seed)
{
	uint32_t null_of = (uint32_t)(next_random(&seed) % 4); /* 0: none ... 3: all of some */
	bool is_const[FL_ARRAY_COUNT(all_fields)], fixed = next_random(&seed) % 2 == 0;
	uint32_t r, c;

	for (c = 0; c < all_schema.count; c++)
		is_const[c] = next_random(&seed) % 3 == 0;
	for (r = 0; r < row_count; r++) {
		assert_true(fl_builder_begin(b));
		for (c = 0; c < all_schema.count; c++) {
			uint64_t v =
			    is_const[c] ? 7 + c : next_random(&seed) << 31 ^ next_random(&seed);
			char raw[16] = {0}, text[64];

			if (all_fields[c].type.nullable &&
			    (null_of == 3 ? c % 2 == 0
					  : null_of > 0 && next_random(&seed) % 5 < null_of)) {
				fl_builder_set_null(b, c);
				continue;
			}
			if (fl_type_is_var(all_fields[c].type.id)) {
				size_t size = fixed || c == 9 ? 3 : v % 40;

				memset(text, (int)('a' + v % 26), sizeof(text));
				fl_builder_set_str(b, c, text, size);
				continue;
			}
			memcpy(raw, &v, 8);
			if (c == 0)
				raw[0] &= 1;
			fl_builder_set_raw(b, c, raw);
		}
		fl_builder_commit(b);
	}
}

static void
assert_rows_equal(const struct fl_batch *a, const struct fl_batch *b)
{
	uint32_t c, r;

	for (c = 0; c < a->schema->count; c++) {
		const struct fl_col *x = &a->cols[c], *y = &b->cols[c];
		uint32_t width = fl_type_width(x->type.id);

		for (r = 0; r < b->row_count; r++) {
			assert_int_equal(fl_col_is_valid(x, r), fl_col_is_valid(y, r));
			if (!fl_col_is_valid(y, r))
				continue;
			if (width > 0) {
				assert_memory_equal((char *)x->data + (size_t)r * width,
				    (char *)y->data + (size_t)r * width, width);
			} else {
				uint32_t xs, ys;
				const char *xp = fl_col_str(x, r, &xs);
				const char *yp = fl_col_str(y, r, &ys);

				assert_int_equal(xs, ys);
				if (xs > 0)
					assert_memory_equal(xp, yp, xs);
			}
		}
	}
}

static const struct fl_block_info plain = {
    .stream = 3, .partition = 1, .first = 1000, .kafka_ts_min = 5, .kafka_ts_max = 9};

static void
random_batches_come_back(void **state)
{
	struct fl_arena arena;
	uint64_t seed;

	(void)state;
	fl_arena_init(&arena);
	for (seed = 1; seed <= 120; seed++) {
		uint32_t row_count = (uint32_t)(seed * 37 % 301);
		struct fl_block_view view;
		struct fl_builder b;
		struct fl_batch batch;
		struct fl_err err = {.code = FL_OK};
		size_t max, size;
		void *out;

		fl_builder_init(&b, &all_schema);
		fill_random(&b, row_count, seed);
		fl_builder_view(&b, &batch, &arena);
		if (seed % 2 != 0) /* what lies behind the last row is not looked at */
			batch.row_count = row_count / 2;
		max = fl_block_size_max(&batch, false, false);
		out = fl_calloc(1, max);
		size = fl_block_seal(&batch, &plain, out, max);
		assert_true(size <= max);
		assert_int_equal(fl_block_view(out, size, &all_schema, &arena, &view, &err), FL_OK);
		assert_int_equal(view.batch.row_count, batch.row_count);
		assert_int_equal(view.head->first, 1000);
		assert_rows_equal(&batch, &view.batch);
		free(out);
		fl_builder_fini(&b);
		fl_arena_reset(&arena);
	}
	fl_arena_fini(&arena);
}

static void
same_rows_give_the_same_bytes(void **state)
{
	struct fl_arena arena;
	void *out[2];
	size_t size[2];
	int i;

	(void)state;
	fl_arena_init(&arena);
	for (i = 0; i < 2; i++) {
		struct fl_builder b;
		struct fl_batch batch;
		size_t max;

		fl_builder_init(&b, &all_schema);
		if (i == 1) { /* memory that held other rows */
			fill_random(&b, 200, 99);
			fl_builder_reset(&b);
		}
		fill_random(&b, 130, 2);
		fl_builder_view(&b, &batch, &arena);
		max = fl_block_size_max(&batch, false, false);
		out[i] = fl_malloc(max);
		memset(out[i], i == 0 ? 0x55 : 0xaa, max);
		size[i] = fl_block_seal(&batch, &plain, out[i], max);
		fl_builder_fini(&b);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(out[0], out[1], size[0]);
	free(out[0]);
	free(out[1]);
	fl_arena_fini(&arena);
}

static void
constants_and_fixed_strings_are_stored_once_or_without_offsets(void **state)
{
	struct fl_field fields[] = {
	    {"k", {FL_TYPE_BIGINT, false, 0, 0, 0}},
	    {"cc", {FL_TYPE_VARCHAR, false, 0, 0, FL_LENGTH_MAX}},
	    {"one", {FL_TYPE_VARCHAR, false, 0, 0, FL_LENGTH_MAX}},
	    {"ts", {FL_TYPE_TIMESTAMP, false, 3, 0, 0}},
	};
	struct fl_schema schema = {4, fields};
	struct fl_block_view view;
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	struct fl_err err = {.code = FL_OK};
	size_t max, size;
	uint32_t i, len;
	char *out;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (i = 0; i < 1000; i++) {
		char cc[3];

		assert_true(fl_builder_begin(&b));
		fl_builder_set_i64(&b, 0, -4);
		cc[0] = (char)('a' + i % 26);
		cc[1] = (char)('a' + i / 26 % 26);
		fl_builder_set_str(&b, 1, cc, 2);
		fl_builder_set_str(&b, 2, "same", 4);
		fl_builder_set_i64(&b, 3, 5000 - (int64_t)i);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	max = fl_block_size_max(&batch, false, false);
	out = fl_malloc(max);
	size = fl_block_seal(&batch, &plain, out, max);
	assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, &err), FL_OK);
	assert_int_equal(view.cols[0].flags, FL_BLOCK_COL_CONST | FL_BLOCK_COL_MINMAX);
	assert_int_equal(view.cols[0].min, -4);
	assert_int_equal(view.cols[1].flags, FL_BLOCK_COL_FIXED_STR);
	assert_int_equal(view.cols[2].flags, FL_BLOCK_COL_FIXED_STR | FL_BLOCK_COL_CONST);
	assert_int_equal(view.cols[3].flags, FL_BLOCK_COL_MINMAX | FL_BLOCK_COL_NARROW);
	assert_int_equal(view.cols[3].min, 4001);
	assert_int_equal(view.cols[3].max, 5000);
	assert_int_equal(FL_COL_AT(&view.batch.cols[0], int64_t, 999), -4);
	assert_memory_equal(fl_col_str(&view.batch.cols[1], 27, &len), "bb", 2);
	assert_memory_equal(fl_col_str(&view.batch.cols[2], 999, &len), "same", 4);
	assert_int_equal(len, 4);
	assert_true(size < 96 + 4 * 64 + 8 + 2000 + 8 + 2000 + 16);
	free(out);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

static void
integers_close_together_are_stored_as_distances(void **state)
{
	static const struct {
		uint8_t type;
		int64_t min, max;
		uint32_t bytes; /* that each value takes */
	} cases[] = {
		{ FL_TYPE_SMALLINT, INT16_MIN, INT16_MIN + 255, 1 },
		{ FL_TYPE_SMALLINT, -100, 156, 2 },
		{ FL_TYPE_INT, INT32_MAX - 255, INT32_MAX, 1 },
		{ FL_TYPE_INT, INT32_MIN, INT32_MIN + 65535, 2 },
		{ FL_TYPE_INT, -1, 65535, 4 },
		{ FL_TYPE_INT, INT32_MIN, INT32_MAX, 4 },
		{ FL_TYPE_DATE, 18000, 18365, 2 },
		{ FL_TYPE_BIGINT, INT64_MIN, INT64_MIN + 1, 1 },
		{ FL_TYPE_BIGINT, INT64_MAX - 65535, INT64_MAX, 2 },
		{ FL_TYPE_BIGINT, -3, INT64_C(4294967292), 4 },
		{ FL_TYPE_BIGINT, -3, INT64_C(4294967293), 8 },
		{ FL_TYPE_TIMESTAMP_LTZ, INT64_MIN, INT64_MAX, 8 },
	};

	(void)state;
	for (size_t n = 0; n < FL_ARRAY_COUNT(cases); n++) {
		struct fl_field field = { "v", { cases[n].type, false, 3, 0, 0 } };
		struct fl_schema schema = { 1, &field };
		uint32_t width = fl_type_width(cases[n].type), rows = 101;
		struct fl_block_view view;
		struct fl_arena arena;
		struct fl_builder b;
		struct fl_batch batch;
		struct fl_err err = { .code = FL_OK };
		char *out;
		size_t max, size;

		fl_arena_init(&arena);
		fl_builder_init(&b, &schema);
		for (uint32_t i = 0; i < rows; i++) {
			int64_t v = i == 7 ? cases[n].max : i == 50 ? cases[n].min : cases[n].min + i % 2;

			assert_true(fl_builder_begin(&b));
			fl_builder_set_raw(&b, 0, &v);
			fl_builder_commit(&b);
		}
		fl_builder_view(&b, &batch, &arena);
		max = fl_block_size_max(&batch, false, false);
		out = fl_malloc(max);
		size = fl_block_seal(&batch, &plain, out, max);
		assert_int_equal(size, 96 + 64 + FL_ROUND_UP((size_t)rows * cases[n].bytes, 8));
		assert_int_equal(fl_block_narrow(cases[n].min, cases[n].max, width), cases[n].bytes);
		assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, &err), FL_OK);
		assert_rows_equal(&batch, &view.batch);
		/* A distance above the largest would be a value that was never there. */
		if (cases[n].bytes < width && (uint64_t)cases[n].max - (uint64_t)cases[n].min <
			UINT64_MAX >> (64 - 8 * cases[n].bytes)) {
			memset(out + 96 + 64, 0xff, cases[n].bytes);
			assert_int_equal(
			    fl_block_view(out, size, &schema, &arena, &view, &err), FL_E_STORE_DAMAGED);
		}
		free(out);
		fl_builder_fini(&b);
		fl_arena_fini(&arena);
	}
}

static void
offsets_and_kinds_are_kept_only_where_they_say_something(void **state)
{
	struct fl_field fields[] = {{"k", {FL_TYPE_INT, false, 0, 0, 0}}};
	struct fl_schema schema = {1, fields};
	uint32_t gaps[3] = {1, 5, 6}, dense[3] = {4, 5, 6};
	uint8_t kinds[3] = {1, 2, 3};
	struct fl_block_info info = plain;
	struct fl_block_view view;
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	struct fl_err err = {.code = FL_OK};
	uint64_t out[64];
	size_t size;
	int i;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (i = 0; i < 3; i++) {
		assert_true(fl_builder_begin(&b));
		fl_builder_set_i32(&b, 0, i);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	info.deltas = gaps;
	info.kinds = kinds;
	size = fl_block_seal(&batch, &info, out, sizeof(out));
	assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, &err), FL_OK);
	assert_int_equal(view.head->first, 1001);
	assert_int_equal(view.head->last, 1006);
	assert_int_equal(fl_block_offset(&view, 1), 1005);
	assert_int_equal(view.kinds[2], 3);
	info.deltas = dense;
	info.kinds = NULL;
	size = fl_block_seal(&batch, &info, out, sizeof(out));
	assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, &err), FL_OK);
	assert_null(view.deltas);
	assert_null(view.kinds);
	assert_int_equal(fl_block_offset(&view, 2), 1006);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

/* Reads everything a view hands out: asan sees whatever is outside. */
static uint64_t
read_all(const struct fl_block_view *view)
{
	uint64_t sum = 0;
	uint32_t c, r, i;

	for (c = 0; c < view->batch.schema->count; c++) {
		const struct fl_col *col = &view->batch.cols[c];
		uint32_t width = fl_type_width(col->type.id), size;

		for (r = 0; r < view->batch.row_count; r++) {
			sum += fl_col_is_valid(col, r);
			if (width > 0) {
				for (i = 0; i < width; i++)
					sum += ((const uint8_t *)col->data)[(size_t)r * width + i];
			} else {
				const char *p = fl_col_str(col, r, &size);

				for (i = 0; i < size; i++)
					sum += (uint8_t)p[i];
			}
		}
	}
	for (r = 0; r < view->batch.row_count; r++)
		sum +=
		    (uint64_t)fl_block_offset(view, r) + (view->kinds != NULL ? view->kinds[r] : 0);
	return sum;
}

static void
every_flipped_bit_is_refused_or_harmless(void **state)
{
	struct fl_arena arena, arena2;
	struct fl_builder b;
	struct fl_batch batch;
	struct fl_block_info info = plain;
	uint32_t deltas[20];
	uint8_t kinds[20];
	size_t max, size, bit, cut, refused = 0;
	uint64_t sum = 0;
	char *out, *copy;
	int i;

	(void)state;
	fl_arena_init(&arena);
	fl_arena_init(&arena2);
	fl_builder_init(&b, &all_schema);
	fill_random(&b, 20, 5);
	fl_builder_view(&b, &batch, &arena);
	for (i = 0; i < 20; i++) {
		deltas[i] = (uint32_t)(i * 2);
		kinds[i] = (uint8_t)(i & 3);
	}
	info.deltas = deltas;
	info.kinds = kinds;
	max = fl_block_size_max(&batch, true, true);
	out = fl_calloc(1, max);
	size = fl_block_seal(&batch, &info, out, max);
	copy = fl_malloc(size); /* exactly: asan guards the end */
	for (bit = 0; bit < size * 8; bit++) {
		struct fl_block_view view;
		struct fl_err err = {.code = FL_OK};

		memcpy(copy, out, size);
		copy[bit / 8] ^= (char)(1 << bit % 8);
		if (fl_block_view(copy, size, &all_schema, &arena2, &view, &err) == FL_OK)
			sum += read_all(&view);
		else
			refused++;
		fl_arena_reset(&arena2);
	}
	for (cut = 0; cut < size; cut++) {
		struct fl_block_view view;
		char *part = fl_malloc(cut + 1);

		memcpy(part, out, cut);
		assert_int_equal(fl_block_view(part, cut, &all_schema, &arena2, &view, NULL),
		    FL_E_STORE_DAMAGED);
		free(part);
	}
	assert_true(refused > size);
	assert_true(sum != 0);
	free(copy);
	free(out);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
	fl_arena_fini(&arena2);
}

/* Whoever holds a view indexes without looking, and prints what it says. */
static void
what_a_block_says_of_itself_is_checked(void **state)
{
	struct fl_field fields[] = {
	    {"b", {FL_TYPE_BOOLEAN, false, 0, 0, 0}}, {"s", {FL_TYPE_VARCHAR, false, 0, 0, 9}}};
	struct fl_schema schema = {2, fields};
	static const char *const texts[] = {"a", "bcd", "ef"};
	static const uint32_t deltas[] = {0, 2, 5};
	static const uint8_t kinds[] = {0, 1, 2};
	static const char *const wrongs[] = {"a boolean that is neither 0 nor 1",
	    "offsets that go back or past the bytes", "an unknown row kind",
	    "row offsets that do not rise", "row offsets and first and last offset differ",
	    "another type than declared"};
	struct fl_block_info info = plain;
	struct fl_block_view view;
	struct fl_err err = {.code = FL_OK};
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	uint64_t sound[64], out[64];
	struct fl_block_head *head = (struct fl_block_head *)(void *)out;
	struct fl_block_col *cols = (struct fl_block_col *)(head + 1);
	char *bytes = (char *)out, value;
	size_t size, i;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (i = 0; i < 3; i++) {
		value = i == 1;
		assert_true(fl_builder_begin(&b));
		fl_builder_set_raw(&b, 0, &value);
		fl_builder_set_str(&b, 1, texts[i], strlen(texts[i]));
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	info.deltas = deltas;
	info.kinds = kinds;
	size = fl_block_seal(&batch, &info, sound, sizeof(sound));
	for (i = 0; i < FL_ARRAY_COUNT(wrongs); i++) {
		memcpy(out, sound, size);
		assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, &err), FL_OK);
		if (i == 0)
			bytes[cols[0].data_at + 1] = 2;
		else if (i == 1)
			((uint32_t *)(void *)(bytes + cols[1].offsets_at))[1] = 5; /* the next: 4 */
		else if (i == 2)
			bytes[head->kinds_at + 2] = 4;
		else if (i == 3)
			((uint32_t *)(void *)(bytes + head->deltas_at))[1] = 5;
		else if (i == 4)
			head->last++;
		else
			cols[1].length = 8;
		assert_int_equal(
		    fl_block_view(out, size, &schema, &arena, &view, &err), FL_E_STORE_DAMAGED);
		if (strstr(err.text, wrongs[i]) == NULL)
			fail_msg("expected \"%s\", got \"%s\"", wrongs[i], err.text);
	}
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

/* What reads an element believes the array. */
static void
arrays_come_back_and_none_that_contradicts_itself(void **state)
{
	/* { 1, NULL }, { }, NULL; { "ab", NULL, "" }, { "c" }, { }; { true, NULL }, { false }, { } */
	static const struct {
		const char *bytes;
		uint32_t size;
	} values[3][3] = {
	    {{"\1\0\0\0\0\0\0\0\0\1\5\0\0\0", 14}, {"\0\0\0\0", 4}, {NULL, 0}},
	    {{"ab\2\0\0\0\2\0\0\0\2\0\0\0\0\1\0\7\0\0\0", 21},
		{"c\1\0\0\0\2\0\0\0", 9}, {"\0\0\0\0", 4}},
	    {{"\1\0\0\1\5\0\0\0", 8}, {"\0\2\0\0\0", 5}, {"\0\0\0\0", 4}},
	};
	static const uint32_t counts[3][3] = {{2, 0, 0}, {3, 1, 0}, {2, 1, 0}};
	/* column, byte of its bytes, the value it gets */
	static const struct {
		uint32_t col, at;
		char value;
	} wrongs[] = {
	    {0, 10, 4}, {0, 10, 7}, {0, 13, 1}, {0, 14, 2}, {1, 17, 6}, {1, 17, 9}, {1, 2, 3}, {1, 6, 1},
	    {1, 10, 1}, {1, 13, 1}, {1, 22, 2}, {1, 26, 1}, {2, 0, 2}, {2, 4, 6}, {2, 8, 2},
	};
	struct fl_field fields[] = {{"i", {.id = FL_TYPE_ARRAY, .nullable = true, .element = FL_TYPE_INT}},
	    {"s", {.id = FL_TYPE_ARRAY, .element = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX}},
	    {"b", {.id = FL_TYPE_ARRAY, .element = FL_TYPE_BOOLEAN}}};
	struct fl_schema schema = {3, fields};
	struct fl_block_view view;
	struct fl_err err = {.code = FL_OK};
	struct fl_array array;
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	uint64_t sound[80], out[80];
	struct fl_block_col *cols = (struct fl_block_col *)((struct fl_block_head *)(void *)out + 1);
	const char *p;
	uint32_t n, r, c;
	size_t size, i;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (r = 0; r < 3; r++) {
		assert_true(fl_builder_begin(&b));
		for (c = 0; c < 3; c++)
			if (values[c][r].bytes != NULL)
				fl_builder_set_str(&b, c, values[c][r].bytes, values[c][r].size);
		fl_builder_commit(&b);
	}
	fl_builder_view(&b, &batch, &arena);
	size = fl_block_seal(&batch, &plain, sound, sizeof(sound));
	memcpy(out, sound, size);
	if (fl_block_view(out, size, &schema, &arena, &view, &err) != FL_OK)
		fail_msg("%s", err.text);
	assert_rows_equal(&batch, &view.batch);
	for (c = 0; c < 3; c++)
		for (r = 0; r < 3; r++) {
			if (values[c][r].bytes == NULL)
				continue;
			p = fl_col_str(&view.batch.cols[c], r, &n);
			assert_true(fl_array_view(&fields[c].type, p, n, &array));
			assert_int_equal(array.count, counts[c][r]);
			for (i = 0; i < array.count; i++)
				assert_int_equal(fl_array_is_null(&array, (uint32_t)i), i == 1);
		}
	p = fl_col_str(&view.batch.cols[1], 0, &n);
	assert_true(fl_array_view(&fields[1].type, p, n, &array));
	assert_memory_equal(fl_array_at(&array, 0, &n), "ab", 2);
	assert_int_equal(n, 2);
	(void)fl_array_at(&array, 2, &n);
	assert_int_equal(n, 0);
	for (i = 0; i < FL_ARRAY_COUNT(wrongs); i++) {
		memcpy(out, sound, size);
		((char *)out)[cols[wrongs[i].col].bytes_at + wrongs[i].at] = wrongs[i].value;
		if (fl_block_view(out, size, &schema, &arena, &view, &err) != FL_E_STORE_DAMAGED)
			fail_msg("wrong %u was taken", (unsigned)i);
		assert_non_null(strstr(err.text, "an array that contradicts itself"));
	}
	/* Of another element. */
	fields[0].type.element = FL_TYPE_DATE;
	assert_int_equal(fl_block_view(sound, size, &schema, &arena, &view, &err), FL_E_STORE_DAMAGED);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

static void
another_schema_is_refused(void **state)
{
	struct fl_field fields[] = {{"k", {FL_TYPE_INT, false, 0, 0, 0}}};
	struct fl_field renamed[] = {{"q", {FL_TYPE_INT, false, 0, 0, 0}}};
	struct fl_field wider[] = {{"k", {FL_TYPE_BIGINT, false, 0, 0, 0}}};
	struct fl_schema schema = {1, fields}, other = {1, renamed}, wide = {1, wider};
	struct fl_block_view view;
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	uint64_t out[64];
	size_t size;

	(void)state;
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	assert_true(fl_builder_begin(&b));
	fl_builder_set_i32(&b, 0, 1);
	fl_builder_commit(&b);
	fl_builder_view(&b, &batch, &arena);
	size = fl_block_seal(&batch, &plain, out, sizeof(out));
	assert_int_equal(fl_block_view(out, size, &other, &arena, &view, NULL), FL_E_STORE_DAMAGED);
	assert_int_equal(fl_block_view(out, size, &wide, &arena, &view, NULL), FL_E_STORE_DAMAGED);
	assert_int_equal(fl_block_view(out, size, &schema, &arena, &view, NULL), FL_OK);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_batches_come_back),
	    cmocka_unit_test(same_rows_give_the_same_bytes),
	    cmocka_unit_test(constants_and_fixed_strings_are_stored_once_or_without_offsets),
	    cmocka_unit_test(integers_close_together_are_stored_as_distances),
	    cmocka_unit_test(offsets_and_kinds_are_kept_only_where_they_say_something),
	    cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
	    cmocka_unit_test(what_a_block_says_of_itself_is_checked),
	    cmocka_unit_test(arrays_come_back_and_none_that_contradicts_itself),
	    cmocka_unit_test(another_schema_is_refused),
	};

	return cmocka_run_group_tests_name("column/block", tests, NULL, NULL);
}
