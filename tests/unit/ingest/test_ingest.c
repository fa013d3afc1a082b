/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ingest.c - turns of ingest over a file, on a clock of the test's own.
 *
 * The file is read one row a step; a table of connector 'test' beside it makes
 * commits happen inside the turn, so that what a turn left is in the store.
 */
#include "../unit.h"

#include "base/util.h"
#include "ingest/ingest.h"
#include "shm/dead.h"

static const char sql[] =
    "CREATE TABLE pushed (n INT) WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE lines (n INT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'json');"
    "CREATE TABLE kept (n INT) WITH ('connector' = 'test', 'format' = 'json');"
    "EXECUTE STATEMENT SET BEGIN INSERT INTO kept SELECT n FROM lines;%s END;";
static const char beside[] = "INSERT INTO kept SELECT n FROM pushed;";

struct fixture {
	char dir[64], file[96];
	struct fl_instance *instance;
	struct ingest *ingest;
	struct fl_metrics *metrics;
	int64_t now_ms;
	bool done;
	struct fl_err err;
};

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	*state = f;
	make_dir(f->dir);
	(void)snprintf(f->file, sizeof(f->file), "%s/lines.json", f->dir);
	f->now_ms = INT64_C(1704067200000);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ingest_close(&f->ingest);
	fl_metrics_close(&f->metrics);
	fl_instance_close(&f->instance);
	remove_dir(f->dir);
	free(f);
	return 0;
}

/* With as many bytes without a line end after the first line. */
static void
write_lines(struct fixture *f, const char *lines, off_t hole)
{
	size_t first = strcspn(lines, "\n") + 1;
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(lines, 1, first, out), first);
	assert_int_equal(fseeko(out, hole, SEEK_CUR), 0);
	assert_int_equal(fwrite(lines + first, 1, strlen(lines + first), out), strlen(lines + first));
	assert_int_equal(fclose(out), 0);
}

static void
start(struct fixture *f, bool in_turns)
{
	struct fl_sql_env env = { .allow_test = true };
	char text[1024], dir[80];

	(void)snprintf(dir, sizeof(dir), "%s/flight.d", f->dir);
	(void)snprintf(text, sizeof(text), sql, f->file, in_turns ? beside : "");
	OK(fl_instance_open(dir, true, &f->instance, &f->err));
	OK(fl_instance_apply_text(f->instance, "p", text, &env, false, NULL, &f->err));
	OK(fl_instance_load(f->instance, true, &f->err));
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	OK(fl_metrics_open(f->instance, "ingest", false, &f->metrics, &f->err));
	ingest_test_step_rows(f->ingest, 1);
}

static void
turn(struct fixture *f)
{
	bool worked;

	OK(ingest_step(f->ingest, f->now_ms, &worked, &f->done, &f->err));
}

/* The partition of a topic as the store has it. */
static struct fl_partition_cursor
stored_of(struct fixture *f, const char *topic, struct fl_ingest_cursor *head)
{
	const struct fl_partition_cursor *parts;
	const struct fl_ingest_cursor *cursor;
	struct fl_partition_cursor part = { .rows = 0 };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	bool found;

	ingest_close(&f->ingest);
	OK(fl_instance_store(f->instance, FL_ROLE_INGEST, NULL, false, &store, &f->err));
	OK(fl_txn_begin_read(store, &txn, &f->err));
	OK(fl_ingest_cursor_get(txn, &found, &cursor, &parts, &f->err));
	assert_true(found);
	for (uint32_t i = 0; i < cursor->partition_count; i++)
		if (strcmp(parts[i].topic, topic) == 0)
			part = parts[i];
	if (head != NULL)
		*head = *cursor;
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return part;
}

static struct fl_partition_cursor
stored(struct fixture *f, struct fl_ingest_cursor *head)
{
	return stored_of(f, "lines.json", head);
}

static void
line_of_more_bytes_than_are_read_is_a_dead_letter(void **state)
{
	struct fixture *f = *state;
	struct fl_partition_cursor part;
	struct fl_store *store = NULL;
	struct fl_cursor *cursor = NULL;
	struct fl_txn *txn = NULL;
	struct fl_item item;
	struct fl_dead dead;
	bool found;

	write_lines(f, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", (off_t)66 << 20);
	start(f, true);
	for (int i = 0; i < 20; i++)
		turn(f);
	part = stored(f, NULL);
	assert_int_equal(part.state, FL_PARTITION_ENDED);
	assert_int_equal(part.rows, 2);
	assert_int_equal(part.dead, 1);
	assert_int_equal(part.position, 3);
	OK(fl_instance_store(f->instance, FL_ROLE_INGEST, NULL, false, &store, &f->err));
	OK(fl_txn_begin_read(store, &txn, &f->err));
	OK(fl_cursor_open(txn, FL_DBI_INGEST_DEAD, &cursor, &f->err));
	OK(fl_cursor_seek(cursor, NULL, 0, &found, &item, &f->err));
	assert_true(found);
	OK(fl_dead_decode(item.value, item.size, &dead, &f->err));
	assert_int_equal(dead.head.code, FL_E_ROW_TOO_LARGE);
	assert_int_equal(dead.head.offset, 1);
	assert_int_equal(dead.head.value_size, 0);
	assert_int_equal(dead.head.value_full, (66 << 20) + strlen("{\"n\":2}"));
	fl_cursor_close(&cursor);
	fl_txn_abort(&txn);
	fl_store_close(&store);
}

static void
command_that_no_source_can_do_is_refused_once(void **state)
{
	struct fixture *f = *state;
	struct fl_ingest_cursor head;
	uint64_t number;

	write_lines(f, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n", 0);
	start(f, true);
	turn(f);
	turn(f);
	OK(fl_command_put(f->instance, "ingest", "offsets-reset",
	    "{\"topic\":\"lines.json\",\"partition\":-1,\"to\":\"earliest\",\"offset\":0}", &number, &f->err));
	for (int i = 0; i < 20; i++)
		turn(f);
	assert_int_equal(stored(f, &head).rows, 5);
	assert_int_equal(head.command, number);
}

static void
push(struct fixture *f, int64_t from, int64_t to)
{
	for (int64_t offset = from; offset < to; offset++)
		ingest_test_push(f->ingest, "pushed", 0, offset, "{\"n\":1}", 7, f->now_ms);
	for (int i = 0; i < 10; i++)
		turn(f);
}

static uint64_t
reset_offsets(struct fixture *f, const char *to)
{
	uint64_t number;
	char text[160];

	(void)snprintf(text, sizeof(text), "{\"topic\":\"test\",\"partition\":0,%s}", to);
	OK(fl_command_put(f->instance, "ingest", "offsets-reset", text, &number, &f->err));
	for (int i = 0; i < 4; i++)
		turn(f);
	return number;
}

static void
offsets_go_forward_only_and_a_stopped_partition_reads_on(void **state)
{
	struct fixture *f = *state;
	struct fl_partition_cursor part;
	struct fl_ingest_cursor head;
	uint64_t number;

	write_lines(f, "{\"n\":1}\n", 0);
	start(f, true);
	push(f, 0, 3);
	reset_offsets(f, "\"to\":\"offset\",\"offset\":1");
	push(f, 3, 4);
	part = stored_of(f, "test", NULL);
	assert_int_equal(part.position, 4);
	assert_int_equal(part.rows, 4);
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	ingest_test_lose(f->ingest, "pushed", 0);
	push(f, 4, 6);
	number = reset_offsets(f, "\"to\":\"latest\"");
	push(f, 6, 8);
	part = stored_of(f, "test", &head);
	assert_int_equal(head.command, number);
	assert_int_equal(part.state, FL_PARTITION_READING);
	assert_int_equal(part.position, 8);
	assert_int_equal(part.rows + part.gaps, 8);
	assert_int_equal(part.delivered, part.rows);
}

static void
turns(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++) {
		turn(f);
		ingest_wait(f->ingest, 10);
	}
}

/* The file has become shorter: nothing but the stop of its partition is to be stored. */
static void
stop_is_stored_although_the_clock_was_set_back(void **state)
{
	struct fixture *f = *state;

	write_lines(f, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n", 0);
	start(f, false);
	for (int i = 0; i < 100 && fl_metric_get(f->metrics, FL_METRIC_ingest_rows_total) < 2; i++) {
		f->now_ms += 1000;
		turns(f, 1);
	}
	assert_int_equal(stored(f, NULL).state, FL_PARTITION_READING);
	write_lines(f, "{\"n\":1}\n", 0);
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	turns(f, 1);
	f->now_ms -= 3600000;
	turns(f, 10);
	assert_int_equal(stored(f, NULL).state, FL_PARTITION_STOPPED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(line_of_more_bytes_than_are_read_is_a_dead_letter),
		TEST(command_that_no_source_can_do_is_refused_once),
		TEST(offsets_go_forward_only_and_a_stopped_partition_reads_on),
		TEST(stop_is_stored_although_the_clock_was_set_back),
	};

	return cmocka_run_group_tests_name("ingest/ingest", tests, NULL, NULL);
}
