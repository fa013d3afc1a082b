/* SPDX-License-Identifier: Apache-2.0 */
/* test_table.c - keys, groups and images of the window tables. */
#include "../unit.h"

#include "aggregate/table.h"
#include "base/util.h"

#define ROWS 5000u

struct fixture {
	struct fl_arena arena;
	struct table table;
	struct table_keys keys;
	uint32_t order[ROWS], rows[ROWS];
};

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	fl_arena_init(&f->arena);
	table_init(&f->table, 8);
	for (uint32_t i = 0; i < ROWS; i++)
		f->order[i] = i;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	table_fini(&f->table);
	table_keys_fini(&f->keys);
	fl_arena_fini(&f->arena);
	free(f);
	return 0;
}

static void
make_numbers(struct fixture *f, struct fl_col *col, int64_t distinct)
{
	struct fl_type type = fl_type_make(FL_TYPE_BIGINT, false);

	fl_col_alloc(col, &type, ROWS, false, &f->arena);
	for (uint32_t i = 0; i < ROWS; i++)
		((int64_t *)col->data)[i] = (int64_t)i % distinct - 3;
}

static void
make_strings(struct fixture *f, struct fl_col *col, uint32_t length)
{
	struct fl_type type = fl_type_make(FL_TYPE_VARCHAR, true);
	struct fl_buf bytes;
	uint32_t *offsets = FL_ARENA_ARRAY(&f->arena, uint32_t, ROWS + 1);

	fl_buf_init(&bytes);
	for (uint32_t i = 0; i < ROWS; i++) {
		fl_buf_printf(&bytes, "%0*u", (int)length, i % 700);
		offsets[i + 1] = (uint32_t)bytes.size;
	}
	memset(col, 0, sizeof(*col));
	col->type = type;
	col->offsets = offsets;
	col->bytes = fl_arena_dup(&f->arena, bytes.data, bytes.size);
	fl_buf_fini(&bytes);
}

static void
equal_keys_share_an_entry_and_others_do_not(void **state)
{
	struct fixture *f = *state;
	struct fl_col col;

	make_numbers(f, &col, 700);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	(void)table_assign(&f->table, &f->keys, 0, ROWS, f->order, 1000, f->rows);
	assert_int_equal(f->table.count, 700);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(f->rows[i], i % 700);
	assert_int_equal(table_at(&f->table, 5)->first_seen, 1005);
	assert_int_equal(table_at(&f->table, 5)->row_count, ROWS / 700 + 1);
}

static void
strings_of_every_length_keep_their_bytes(void **state)
{
	struct fixture *f = *state;

	for (uint32_t length = 3; length <= 40; length++) {
		struct fl_col col;
		struct table t;

		make_strings(f, &col, length);
		table_init(&t, 8);
		table_keys_make(&f->keys, &col, 1, f->order, ROWS);
		(void)table_assign(&t, &f->keys, 0, ROWS, f->order, 0, f->rows);
		assert_int_equal(t.count, 700);
		for (uint32_t i = 0; i < 700; i++) {
			const char *key = table_key(&t, table_at(&t, i));
			uint32_t size;
			const char *want = fl_col_str(&col, i, &size);

			assert_int_equal(table_at(&t, i)->key_size, size + 2);
			assert_memory_equal(key + 2, want, size);
		}
		table_fini(&t);
	}
}

static void
one_column_and_many_make_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct fl_col col, with_valid;
	uint64_t hash;

	make_strings(f, &col, 7);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	hash = f->keys.hash[17];
	with_valid = col; /* NULLs possible: the generic way */
	with_valid.valid = fl_arena_alloc(&f->arena, FL_VALID_WORDS(ROWS) * 8);
	memset(with_valid.valid, 0xff, FL_VALID_WORDS(ROWS) * 8);
	table_keys_make(&f->keys, &with_valid, 1, f->order, ROWS);
	assert_int_equal(f->keys.hash[17], hash);
}

static void
images_of_all_groups_make_the_table_again(void **state)
{
	struct fixture *f = *state;
	struct fl_err err = { .code = FL_OK };
	struct fl_col col;
	struct table copy;
	struct fl_buf image;
	uint32_t loaded = 0;

	make_strings(f, &col, 20);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	(void)table_assign(&f->table, &f->keys, 0, ROWS, f->order, 0, f->rows);
	table_init(&copy, 8);
	fl_buf_init(&image);
	for (uint32_t g = 0; g < TABLE_GROUPS; g++) {
		uint32_t count = f->table.group_count[g], heap_size;

		fl_buf_reset(&image);
		table_image(&f->table, NULL, 0, g, &image, &heap_size);
		if (count == 0)
			continue;
		assert_int_equal(table_load(&copy, NULL, 0, g, image.data, count,
				     image.data + (size_t)count * copy.stride, heap_size, &err),
		    FL_OK);
		loaded += count;
	}
	assert_int_equal(loaded, 700);
	(void)table_assign(&copy, &f->keys, 0, ROWS, f->order, 9999, f->rows);
	assert_int_equal(copy.count, 700); /* every key was found again */
	for (uint32_t i = 0; i < copy.count; i++)
		assert_true(table_at(&copy, i)->first_seen < 700);
	fl_buf_fini(&image);
	table_fini(&copy);
}

static void
image_in_the_wrong_group_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fl_err err = { .code = FL_OK };
	struct fl_col col;
	struct table copy;
	struct fl_buf image;
	uint32_t heap_size, g = 0;

	make_numbers(f, &col, 700);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	(void)table_assign(&f->table, &f->keys, 0, ROWS, f->order, 0, f->rows);
	while (f->table.group_count[g] == 0)
		g++;
	fl_buf_init(&image);
	table_image(&f->table, NULL, 0, g, &image, &heap_size);
	table_init(&copy, 8);
	assert_int_equal(table_load(&copy, NULL, 0, (g + 1) % TABLE_GROUPS, image.data, 1, NULL, 0, &err),
	    FL_E_STORE_DAMAGED);
	table_fini(&copy);
	fl_buf_fini(&image);
}

static void
keys_spread_over_all_groups(void **state)
{
	struct fixture *f = *state;
	struct fl_col col;

	make_numbers(f, &col, ROWS);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	(void)table_assign(&f->table, &f->keys, 0, ROWS, f->order, 0, f->rows);
	for (uint32_t g = 0; g < TABLE_GROUPS; g++)
		assert_in_range(f->table.group_count[g], ROWS / TABLE_GROUPS / 3, ROWS / TABLE_GROUPS * 3);
}

/* The heap says that it is 4 GiB; what it has is what the first keys need. */
static void
keys_without_room_are_told_and_harm_no_others(void **state)
{
	struct fixture *f = *state;
	struct fl_col col;
	uint32_t size;

	make_strings(f, &col, 40);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	(void)table_assign(&f->table, &f->keys, 0, 10, f->order, 0, f->rows);
	assert_false(f->table.heap.is_full);
	size = f->table.heap.size;
	f->table.heap.size = f->table.heap.capacity = UINT32_MAX - 8;
	(void)table_assign(&f->table, &f->keys, 10, 90, f->order, 0, f->rows);
	assert_true(f->table.heap.is_full);
	assert_int_equal(f->table.heap.size, UINT32_MAX - 8);
	for (uint32_t i = 0; i < 10; i++)
		assert_in_range(table_at(&f->table, i)->key[0], 0, size - 40);
	assert_memory_equal(table_key(&f->table, table_at(&f->table, 9)) + 2, "0000000000000000000000000000000000000009", 40);
}

/* Keys come and go like a queue; those there are found, with what they hold, and no others. */
static void
keys_leave_in_the_order_in_which_they_came(void **state)
{
	struct fixture *f = *state;
	struct table *t = &f->table;
	struct fl_col col;
	uint32_t live = 0, most = 0, i;

	make_strings(f, &col, 30);
	table_keys_make(&f->keys, &col, 1, f->order, ROWS);
	for (uint32_t k = 0; k < ROWS; k++) {
		assert_true(table_add(t, &f->keys, k, k, &i));
		memcpy(table_acc(t, i), &f->keys.hash[k], 8);
		assert_false(table_add(t, &f->keys, k, k, &i));
		live++;
		most = FL_MAX(most, t->count);
		if (k < 600)
			continue; /* of 700 keys so many stay */
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			while (table_oldest(t, g) != NULL && table_oldest(t, g)->first_seen + 600 <= k) {
				assert_true(table_oldest(t, g)->first_seen + 600 == k);
				table_drop_oldest(t, g);
				live--;
			}
		assert_int_equal(t->count - t->gone_count, live);
		table_sweep(t);
		assert_int_equal(t->count - t->gone_count, live);
	}
	assert_int_equal(live, 600);
	assert_in_range(most, 601, 1300);
	for (uint32_t k = ROWS - 600; k < ROWS; k++) {
		assert_false(table_add(t, &f->keys, k, k, &i));
		assert_int_equal(table_at(t, i)->first_seen, k);
		assert_memory_equal(table_acc(t, i), &f->keys.hash[k], 8);
		assert_int_equal(table_at(t, i)->key_size, 32);
		assert_memory_equal(table_key(t, table_at(t, i)), f->keys.bytes.data + f->keys.at[k], 32);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_keys_share_an_entry_and_others_do_not),
		TEST(keys_leave_in_the_order_in_which_they_came),
		TEST(strings_of_every_length_keep_their_bytes),
		TEST(one_column_and_many_make_the_same_bytes),
		TEST(images_of_all_groups_make_the_table_again),
		TEST(image_in_the_wrong_group_is_refused),
		TEST(keys_spread_over_all_groups),
		TEST(keys_without_room_are_told_and_harm_no_others),
	};

	return cmocka_run_group_tests_name("aggregate/table", tests, NULL, NULL);
}
