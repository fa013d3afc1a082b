/* SPDX-License-Identifier: Apache-2.0 */
/* test_pipeline.c - what others read of aggregate's and emit's stores, and dead letters. */
#include "shm/pipeline.h"

#include "../unit.h"

#include "shm/dead.h"

static char dir[64], path[128];

static int
setup(void **state)
{
	(void)state;
	make_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/pipeline", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir(dir);
	return 0;
}

struct cursor {
	struct fl_pipeline_cursor head;
	struct fl_partition_time times[4];
	struct fl_query_count query;
	struct fl_sink_count sinks[2];
};

static enum fl_code
read_back(struct fl_store *store, const struct cursor *cursor, size_t size,
    struct fl_pipeline_cursor_view *view, struct fl_txn **txn, struct fl_err *err)
{
	bool found = false;
	enum fl_code code;

	assert_int_equal(fl_txn_begin_write(store, txn, err), FL_OK);
	assert_int_equal(
	    fl_txn_put(*txn, FL_DBI_PIPELINE_META, "cursor", 6, 0, cursor, size, err), FL_OK);
	code = fl_pipeline_cursor_get(*txn, &found, view, err);
	assert_int_equal(found, code == FL_OK);
	return code;
}

static void
a_cursor_that_contradicts_itself_is_refused(void **state)
{
	struct fl_store_options options = {
	    .role = FL_ROLE_PIPELINE, .write = true, .create = true, .map_size = 16 << 20};
	struct cursor cursor = {.head = {.r = 9, .replay_from = 9, .partition_count = 2,
		.query_count = 1, .sink_count = 2}};
	struct fl_pipeline_cursor_view view;
	struct fl_err err = {.code = FL_OK};
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;

	(void)state;
	cursor.times[2].offset = 42;
	cursor.query.used = 43;
	cursor.sinks[1].next = 44;
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_OK);
	assert_int_equal(read_back(store, &cursor, sizeof(cursor), &view, &txn, &err), FL_OK);
	assert_int_equal(view.at_replay[0].offset, 42);
	assert_int_equal(view.queries[0].used, 43);
	assert_int_equal(view.sinks[1].next, 44);
	fl_txn_abort(&txn);
	assert_int_equal(
	    read_back(store, &cursor, sizeof(cursor) - 8, &view, &txn, &err), FL_E_STORE_DAMAGED);
	fl_txn_abort(&txn);
	cursor.head.replay_from = 10;
	assert_int_equal(
	    read_back(store, &cursor, sizeof(cursor), &view, &txn, &err), FL_E_STORE_DAMAGED);
	assert_non_null(strstr(err.text, "replay begins after R"));
	fl_txn_abort(&txn);
	fl_store_close(&store);
}

/* A row number goes behind it, and a key has 64 bytes. */
static void
long_names_of_sinks_have_keys_of_their_own(void **state)
{
	char pipeline[61], sink[61], other[61];
	uint8_t key[64], key2[64];

	(void)state;
	assert_int_equal(fl_sink_key("p", "s", key), 3);
	assert_memory_equal(key, "p\0s", 3);
	memset(pipeline, 'p', 60);
	memset(sink, 's', 60);
	memset(other, 's', 60);
	pipeline[60] = sink[60] = other[60] = '\0';
	other[59] = 't';
	assert_int_equal(fl_sink_key(pipeline, sink, key), 55);
	assert_int_equal(fl_sink_key(pipeline, other, key2), 55);
	assert_memory_not_equal(key, key2, 55);
	sink[54 - 3] = '\0'; /* fits as it is */
	assert_int_equal(fl_sink_key("ppp", sink, key), 55);
	assert_memory_equal(key + 4, sink, 51);
	other[55 - 3] = '\0'; /* one too many */
	assert_int_equal(fl_sink_key("ppp", other, key2), 55);
	assert_memory_not_equal(key, key2, 55);
}

static void
sizes_of_a_dead_letter_cannot_wrap(void **state)
{
	struct fl_dead dead = {.head = {.reason_size = 3, .key_size = 1, .value_size = 5},
	    .reason = "why", .key = "k", .value = "value"}, back;
	struct fl_err err = {.code = FL_OK};
	struct fl_dead_head head;
	struct fl_buf bytes;

	(void)state;
	fl_buf_init(&bytes);
	fl_dead_encode(&dead, &bytes);
	assert_int_equal(fl_dead_decode(bytes.data, bytes.size, &back, &err), FL_OK);
	assert_memory_equal(back.value, "value", 5);
	assert_memory_equal(back.reason, "whykvalue", 9);
	assert_int_equal(fl_dead_decode(bytes.data, bytes.size - 1, &back, &err), FL_E_STORE_DAMAGED);
	assert_int_equal(
	    fl_dead_decode(bytes.data, sizeof(head) - 1, &back, &err), FL_E_STORE_DAMAGED);
	memcpy(&head, bytes.data, sizeof(head));
	head.key_size = UINT32_MAX; /* the sum is 9 again, in 32 bits */
	head.value_size = 7;
	memcpy(bytes.data, &head, sizeof(head));
	assert_int_equal(fl_dead_decode(bytes.data, bytes.size, &back, &err), FL_E_STORE_DAMAGED);
	fl_buf_fini(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_cursor_that_contradicts_itself_is_refused),
	    cmocka_unit_test(long_names_of_sinks_have_keys_of_their_own),
	    cmocka_unit_test(sizes_of_a_dead_letter_cannot_wrap),
	};

	return cmocka_run_group_tests_name("shm/pipeline", tests, NULL, NULL);
}
