/* SPDX-License-Identifier: Apache-2.0 */
/* test_instance.c - the catalog: applying, sharing, resetting, commands; and the loop. */
#include "shm/instance.h"

#include "../unit.h"

#include <sys/wait.h>

#include "shm/step.h"

#define SOURCE(start)                                                                              \
	"CREATE TABLE t (id BIGINT, v INT) WITH ('connector' = 'kafka', 'topic' = 'numbers',\n"    \
	" 'properties.bootstrap.servers' = 'localhost:1', 'scan.startup.mode' = '" start "',\n"    \
	" 'format' = 'json');\n"                                                                   \
	"CREATE TABLE o (id BIGINT) WITH ('connector' = 'print');\n"
#define EARLIEST SOURCE("earliest-offset")
#define LATEST SOURCE("latest-offset")
#define SELECT "INSERT INTO o SELECT id FROM t;\n"
#define SELECT_OTHER "INSERT INTO o SELECT id FROM t WHERE v > 1;\n"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	make_dir(dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir(dir);
	return 0;
}

static struct fl_instance *
open_instance(void)
{
	struct fl_instance *instance = NULL;
	struct fl_err err = {.code = FL_OK};

	if (fl_instance_open(dir, true, &instance, &err) != FL_OK)
		fail_msg("%s", err.text);
	return instance;
}

static enum fl_code
apply(struct fl_instance *instance, const char *name, const char *text, bool reset,
    struct fl_err *err)
{
	struct fl_sql_env env = {.dir = "/nowhere"};

	return fl_instance_apply_text(instance, name, text, &env, reset, NULL, err);
}

static void
apply_well(struct fl_instance *instance, const char *name, const char *text, bool reset)
{
	struct fl_err err = {.code = FL_OK};

	if (apply(instance, name, text, reset, &err) != FL_OK)
		fail_msg("%s", err.text);
	if (fl_instance_load(instance, false, &err) != FL_OK)
		fail_msg("%s", err.text);
}

static void
an_empty_instance_is_made_once_and_found_again(void **state)
{
	struct fl_instance *instance = open_instance(), *again = NULL;
	struct fl_uuid uuid = instance->uuid;
	char path[512];

	(void)state;
	assert_int_equal(fl_instance_load(instance, false, NULL), FL_OK);
	assert_int_equal(instance->pipeline_count, 0);
	fl_instance_close(&instance);
	assert_int_equal(fl_instance_open(dir, false, &again, NULL), FL_OK);
	assert_true(fl_uuid_equal(&again->uuid, &uuid));
	(void)fl_instance_path(again, FL_ROLE_PIPELINE, "a b/../c", path, sizeof(path));
	assert_non_null(strstr(path, "/pipelines/a%20b%2F%2E%2E%2Fc"));
	fl_instance_close(&again);
	assert_int_equal(
	    fl_instance_open("/nowhere/at/all", false, &again, NULL), FL_E_NO_SUCH_OBJECT);
}

static void
a_pipeline_keeps_its_files_as_they_were(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	struct fl_uuid uuid;
	char cmd[256], file[128];

	(void)state;
	(void)snprintf(cmd, sizeof(cmd),
	    "mkdir %s/sql && cp data/pipelines/flights/flights-arrival.sql "
	    "data/pipelines/flights/*.av* %s/sql",
	    dir, dir);
	assert_int_equal(system(cmd), 0);
	(void)snprintf(file, sizeof(file), "%s/sql/flights-arrival.sql", dir);
	if (fl_instance_apply(instance, file, "broker:9092", false, NULL, &err) != FL_OK)
		fail_msg("%s", err.text);
	(void)snprintf(cmd, sizeof(cmd), "rm -r %s/sql", dir);
	assert_int_equal(system(cmd), 0);
	if (fl_instance_load(instance, false, &err) != FL_OK)
		fail_msg("%s", err.text);
	assert_int_equal(instance->pipeline_count, 1);
	assert_int_equal(instance->pipelines[0].plan->query_count, 2);
	assert_string_equal(instance->pipelines[0].brokers, "broker:9092");
	assert_true(instance->pipelines[0].stream_ids[0] > 0);
	uuid = instance->pipelines[0].uuid;
	fl_instance_close(&instance);
	instance = open_instance();
	assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
	assert_true(fl_uuid_equal(&uuid, &instance->pipelines[0].uuid));
	fl_instance_close(&instance);
}

static void
a_changed_plan_is_refused_with_what_changed_and_a_comment_is_no_change(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	bool changed = false;

	(void)state;
	apply_well(instance, "p", EARLIEST SELECT, false);
	assert_int_equal(fl_instance_changed(instance, &changed, NULL), FL_OK);
	assert_false(changed);
	assert_int_equal(apply(instance, "p", "-- why\n" EARLIEST SELECT, false, &err), FL_OK);
	assert_int_equal(fl_instance_changed(instance, &changed, NULL), FL_OK);
	assert_true(changed);
	assert_int_equal(
	    apply(instance, "p", EARLIEST SELECT_OTHER, false, &err), FL_E_PLAN_CHANGED);
	assert_non_null(strstr(err.text, "pipeline \"p\" has changed: line "));
	assert_non_null(strstr(err.text, "--reset"));
	assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
	assert_string_equal(instance->pipelines[0].sql, "-- why\n" EARLIEST SELECT);
	fl_instance_close(&instance);
}

static void
another_address_is_no_change(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_sql_env env = {.dir = "/nowhere", .brokers = "other:9092"};
	struct fl_err err = {.code = FL_OK};
	uint32_t id;

	(void)state;
	apply_well(instance, "p", EARLIEST SELECT, false);
	id = instance->pipelines[0].stream_ids[0];
	if (fl_instance_apply_text(instance, "p", EARLIEST SELECT, &env, false, NULL, &err) !=
	    FL_OK)
		fail_msg("%s", err.text);
	assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
	assert_string_equal(instance->pipelines[0].plan->streams[0].table->brokers, "other:9092");
	assert_int_equal(instance->pipelines[0].stream_ids[0], id);
	fl_instance_close(&instance);
}

static void
a_reset_gives_a_new_uuid_new_streams_and_no_store(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_store_options options = {
	    .role = FL_ROLE_PIPELINE, .write = true, .create = true, .map_size = 1 << 20};
	struct fl_store *store = NULL;
	struct fl_err err = {.code = FL_OK};
	struct fl_uuid uuid;
	char path[512];
	uint32_t id;

	(void)state;
	apply_well(instance, "p", EARLIEST SELECT, false);
	uuid = instance->pipelines[0].uuid;
	id = instance->pipelines[0].stream_ids[0];
	(void)fl_instance_path(instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_OK);
	assert_int_equal(
	    apply(instance, "p", EARLIEST SELECT_OTHER, true, &err), FL_E_ALREADY_RUNNING);
	fl_store_close(&store);
	apply_well(instance, "p", EARLIEST SELECT_OTHER, true);
	assert_false(fl_uuid_equal(&uuid, &instance->pipelines[0].uuid));
	assert_int_not_equal(id, instance->pipelines[0].stream_ids[0]);
	assert_int_not_equal(access(path, F_OK), 0);
	fl_instance_close(&instance);
}

static void
an_interrupted_reset_is_named_until_it_is_done(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	int status;
	pid_t pid;

	(void)state;
	apply_well(instance, "p", EARLIEST SELECT, false);
	fl_instance_close(&instance);
	pid = fork();
	if (pid == 0) {
		arm("reset.committed:1:kill");
		instance = open_instance();
		(void)apply(instance, "p", EARLIEST SELECT, true, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	instance = open_instance();
	assert_int_equal(fl_instance_load(instance, false, &err), FL_E_STORE_MISMATCH);
	assert_non_null(strstr(err.text, "pipeline \"p\""));
	assert_int_equal(apply(instance, "p", EARLIEST SELECT, false, &err), FL_E_STORE_MISMATCH);
	apply_well(instance, "p", EARLIEST SELECT, true);
	fl_instance_close(&instance);
}

/* ---- set aside ---- */

static void
make_store(struct fl_instance *instance, enum fl_role role, const char *pipeline)
{
	struct fl_store *store = NULL;

	assert_int_equal(fl_instance_store(instance, role, pipeline, true, &store, NULL), FL_OK);
	fl_store_close(&store);
}

/* All stores, and a setting. */
static void
make_stores(void)
{
	struct fl_instance *instance = open_instance();

	apply_well(instance, "p", EARLIEST SELECT, false);
	apply_well(instance, "q.1", EARLIEST SELECT, false);
	assert_int_equal(fl_instance_set(instance, "serve.port", "8080", NULL), FL_OK);
	make_store(instance, FL_ROLE_INGEST, NULL);
	make_store(instance, FL_ROLE_EMIT, NULL);
	make_store(instance, FL_ROLE_PIPELINE, "p");
	make_store(instance, FL_ROLE_PIPELINE, "q.1");
	fl_instance_close(&instance);
}

/* As another version would have made it. */
static void
change_format(const char *name)
{
	struct fl_value_head head;
	struct fl_store_meta meta;
	struct fl_buf bytes;
	uint32_t found = 0;
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/data.mdb", dir, name);
	fl_buf_init(&bytes);
	assert_int_equal(fl_file_read(path, 64 << 20, &bytes, NULL), FL_OK);
	for (size_t at = 0; at + sizeof(head) + sizeof(meta) <= bytes.size; at += 2) {
		memcpy(&head, bytes.data + at, sizeof(head));
		if (head.magic != FL_VALUE_MAGIC || head.size != sizeof(meta))
			continue;
		memcpy(&meta, bytes.data + at + sizeof(head), sizeof(meta));
		meta.format++;
		head.checksum = fl_hash64(&meta, sizeof(meta));
		memcpy(bytes.data + at, &head, sizeof(head));
		memcpy(bytes.data + at + sizeof(head), &meta, sizeof(meta));
		found++;
	}
	assert_true(found > 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
	assert_int_equal(fclose(file), 0);
	fl_buf_fini(&bytes);
}

static const char *const applied[] = {"p", "q.1"};

static enum fl_code
set_aside(uint32_t count, bool *keeps_settings, struct fl_err *err)
{
	enum fl_code code;
	struct fl_buf to;

	fl_buf_init(&to);
	code = fl_instance_set_aside(dir, applied, count, &to, keeps_settings, err);
	if (code == FL_OK)
		assert_non_null(strstr(to.data, "/aside."));
	fl_buf_fini(&to);
	return code;
}

static bool
is_set_aside(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/aside.1/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void
stores_of_another_version_are_set_aside_whole(void **state)
{
	static const char *const stores[] = {"catalog", "ingest", "emit"};
	struct fl_err err = {.code = FL_OK};
	struct fl_instance *instance;
	char aside[128];
	bool keeps_settings, found;
	struct fl_buf port;

	(void)state;
	fl_buf_init(&port);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(stores); i++) {
		remove_dir(dir);
		make_dir(dir);
		assert_int_equal(fl_instance_probe(dir, &err), FL_OK);
		make_stores();
		(void)snprintf(aside, sizeof(aside), "%s/aside.1", dir);
		assert_int_equal(fl_instance_probe(dir, &err), FL_OK);
		change_format(stores[i]);
		assert_int_equal(fl_instance_probe(dir, &err), FL_E_STORE_VERSION);
		assert_non_null(strstr(err.text, "--reset"));
		assert_int_equal(set_aside(1, &keeps_settings, &err), FL_E_BAD_CONFIG);
		assert_non_null(strstr(err.text, "q%2E1"));
		assert_false(is_set_aside("catalog"));
		assert_int_equal(set_aside(2, &keeps_settings, &err), FL_OK);
		assert_int_equal(keeps_settings, i > 0);
		assert_int_equal(fl_instance_probe(aside, &err), FL_E_STORE_VERSION);
		assert_true(is_set_aside("pipelines/p") && is_set_aside("pipelines/q%2E1"));
		assert_int_equal(fl_instance_probe(dir, &err), FL_OK);
		instance = open_instance();
		apply_well(instance, "p", EARLIEST SELECT_OTHER, true);
		assert_int_equal(
		    fl_instance_get(instance, "serve.port", &found, &port, &err), FL_OK);
		assert_int_equal(found, keeps_settings);
		make_store(instance, FL_ROLE_INGEST, NULL);
		make_store(instance, FL_ROLE_PIPELINE, "p");
		fl_instance_close(&instance);
	}
	fl_buf_fini(&port);
}

static void
stores_that_a_program_has_are_not_set_aside(void **state)
{
	struct fl_instance *instance;
	struct fl_store *store = NULL;
	struct fl_err err = {.code = FL_OK};
	bool keeps_settings;

	(void)state;
	make_stores();
	change_format("ingest");
	instance = open_instance();
	assert_int_equal(
	    fl_instance_store(instance, FL_ROLE_PIPELINE, "p", true, &store, &err), FL_OK);
	assert_int_equal(set_aside(2, &keeps_settings, &err), FL_E_ALREADY_RUNNING);
	assert_false(is_set_aside("catalog"));
	fl_store_close(&store);
	fl_instance_close(&instance);
	assert_int_equal(set_aside(2, &keeps_settings, &err), FL_OK);
}

static void
what_was_set_aside_halfway_is_finished_by_the_next(void **state)
{
	struct fl_instance *instance;
	struct fl_err err = {.code = FL_OK};
	bool keeps_settings;
	char point[32];
	int status;
	pid_t pid;

	(void)state;
	for (int nth = 1; nth <= 4; nth++) {
		remove_dir(dir);
		make_dir(dir);
		make_stores();
		change_format("emit");
		(void)snprintf(point, sizeof(point), "aside.moved:%d:kill", nth);
		pid = fork();
		if (pid == 0) {
			arm(point);
			(void)set_aside(2, &keeps_settings, NULL);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(fl_instance_probe(dir, &err), nth < 4 ? FL_E_STORE_MISMATCH : FL_OK);
		if (nth < 4)
			assert_int_equal(set_aside(2, &keeps_settings, &err), FL_OK);
		instance = open_instance();
		apply_well(instance, "p", EARLIEST SELECT, true);
		make_store(instance, FL_ROLE_INGEST, NULL);
		make_store(instance, FL_ROLE_EMIT, NULL);
		make_store(instance, FL_ROLE_PIPELINE, "p");
		fl_instance_close(&instance);
	}
}

static void
a_dropped_pipeline_takes_its_store_and_its_own_streams_with_it(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_store_options options = {
	    .role = FL_ROLE_PIPELINE, .write = true, .create = true, .map_size = 1 << 20};
	struct fl_store *store = NULL;
	struct fl_err err = {.code = FL_OK};
	bool changed = false;
	char path[512];
	uint32_t id;

	(void)state;
	apply_well(instance, "p", EARLIEST SELECT, false);
	apply_well(instance, "q", EARLIEST SELECT, false);
	id = instance->pipelines[0].stream_ids[0];
	(void)fl_instance_path(instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_OK);
	assert_int_equal(fl_instance_drop(instance, "p", true, &err), FL_E_ALREADY_RUNNING);
	fl_store_close(&store);
	assert_int_equal(fl_instance_drop(instance, "r", true, &err), FL_E_NO_SUCH_OBJECT);
	assert_int_equal(fl_instance_drop(instance, "", true, &err), FL_E_BAD_OPTION);
	assert_int_equal(fl_instance_drop(instance, "p", false, &err), FL_OK);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(fl_instance_changed(instance, &changed, &err), FL_OK);
	assert_false(changed);
	assert_int_equal(fl_instance_drop(instance, "p", true, &err), FL_OK);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(fl_instance_changed(instance, &changed, &err), FL_OK);
	assert_true(changed);
	assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
	assert_int_equal(instance->pipeline_count, 1);
	assert_string_equal(instance->pipelines[0].name, "q");
	assert_int_equal(instance->pipelines[0].stream_ids[0], id);
	/* Nobody reads the stream any more; its number is not used again. */
	assert_int_equal(fl_instance_drop(instance, "q", true, &err), FL_OK);
	apply_well(instance, "p", EARLIEST SELECT, false);
	assert_true(instance->pipelines[0].stream_ids[0] > id);
	fl_instance_close(&instance);
}

static void
an_interrupted_drop_is_named_until_it_is_done(void **state)
{
	static const char *const seams[] = {"drop.closed:1:kill", "drop.removed:1:kill"};
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(seams); i++) {
		apply_well(instance, "p", EARLIEST SELECT, false);
		fl_instance_close(&instance);
		pid = fork();
		if (pid == 0) {
			arm(seams[i]);
			instance = open_instance();
			(void)fl_instance_drop(instance, "p", true, NULL);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		instance = open_instance();
		assert_int_equal(fl_instance_load(instance, false, &err), FL_E_STORE_MISMATCH);
		assert_int_equal(
		    apply(instance, "p", EARLIEST SELECT, false, &err), FL_E_STORE_MISMATCH);
		assert_int_equal(fl_instance_drop(instance, "p", true, &err), FL_OK);
		assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
		assert_int_equal(instance->pipeline_count, 0);
	}
	fl_instance_close(&instance);
}

/* What ingest would have stored of the stream. */
static void
write_ingest_cursor(struct fl_instance *instance, uint32_t stream, uint64_t first_step)
{
	struct fl_store_options options = {.role = FL_ROLE_INGEST,
	    .write = true,
	    .create = true,
	    .map_size = 1 << 20,
	    .instance = instance->uuid};
	struct {
		struct fl_ingest_cursor head;
		struct fl_partition_cursor partition;
	} value;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	char path[512];

	memset(&value, 0, sizeof(value));
	value.head.first_step = first_step;
	value.head.last_step = 9;
	value.head.partition_count = 1;
	value.partition.stream = stream;
	value.partition.rows = 10;
	(void)fl_instance_path(instance, FL_ROLE_INGEST, NULL, path, sizeof(path));
	assert_int_equal(fl_store_open(path, &options, &store, NULL), FL_OK);
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	(void)fl_txn_put(txn, FL_DBI_INGEST_META, "cursor", 6, 0, &value, sizeof(value), NULL);
	assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	fl_store_close(&store);
}

static uint32_t
stream_of(const struct fl_instance *instance, const char *name)
{
	uint32_t i;

	for (i = 0; i < instance->pipeline_count; i++)
		if (strcmp(instance->pipelines[i].name, name) == 0)
			return instance->pipelines[i].stream_ids[0];
	fail_msg("no pipeline %s", name);
	return 0;
}

static void
pipelines_share_a_stream_while_the_log_is_whole(void **state)
{
	struct fl_instance *instance = open_instance();

	(void)state;
	apply_well(instance, "a", EARLIEST SELECT, false);
	apply_well(instance, "b", EARLIEST SELECT_OTHER, false);
	assert_int_equal(stream_of(instance, "a"), stream_of(instance, "b"));
	write_ingest_cursor(instance, stream_of(instance, "a"), 1);
	apply_well(instance, "c", EARLIEST SELECT, false);
	assert_int_equal(stream_of(instance, "a"), stream_of(instance, "c"));
	write_ingest_cursor(instance, stream_of(instance, "a"), 5);
	apply_well(instance, "d", EARLIEST SELECT, false);
	assert_int_not_equal(stream_of(instance, "a"), stream_of(instance, "d"));
	fl_instance_close(&instance);
}

static void
a_start_at_the_end_is_not_shared_once_it_has_begun(void **state)
{
	struct fl_instance *instance = open_instance();

	(void)state;
	apply_well(instance, "a", LATEST SELECT, false);
	apply_well(instance, "b", LATEST SELECT, false);
	assert_int_equal(stream_of(instance, "a"), stream_of(instance, "b"));
	write_ingest_cursor(instance, stream_of(instance, "a"), 1);
	apply_well(instance, "c", LATEST SELECT, false);
	assert_int_not_equal(stream_of(instance, "a"), stream_of(instance, "c"));
	fl_instance_close(&instance);
}

static void
bad_names_and_sql_are_refused_and_change_nothing(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	char name[80];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[70] = '\0';
	assert_int_equal(apply(instance, name, EARLIEST SELECT, false, &err), FL_E_BAD_OPTION);
	assert_int_equal(apply(instance, "a\nb", EARLIEST SELECT, false, &err), FL_E_BAD_OPTION);
	assert_int_equal(apply(instance, "p", "SELEC", false, &err), FL_E_SQL_SYNTAX);
	assert_int_equal(fl_instance_apply(instance, "/nowhere/x.sql", NULL, false, NULL, &err),
	    FL_E_NO_SUCH_FILE);
	assert_int_equal(fl_instance_load(instance, false, &err), FL_OK);
	assert_int_equal(instance->pipeline_count, 0);
	fl_instance_close(&instance);
}

static enum fl_code
collect(void *ctx, const struct fl_command *command, struct fl_err *err)
{
	(void)err;
	fl_buf_printf(ctx, "%d:%s(%s) ", (int)command->number, command->verb, command->arguments);
	return FL_OK;
}

static void
commands_reach_their_program_in_order_and_once(void **state)
{
	struct fl_instance *instance = open_instance();
	uint64_t number = 0;
	struct fl_buf buf;
	bool found = true;

	(void)state;
	fl_buf_init(&buf);
	assert_int_equal(
	    fl_command_put(instance, "ingest", "hole", "{\"a\":1}", &number, NULL), FL_OK);
	assert_int_equal(number, 1);
	assert_int_equal(fl_command_put(instance, "emit", "pause", "{}", &number, NULL), FL_OK);
	assert_int_equal(fl_command_put(instance, "ingest", "reset", "{}", &number, NULL), FL_OK);
	assert_int_equal(number, 3);
	assert_int_equal(fl_command_each(instance, "ingest", 0, collect, &buf, NULL), FL_OK);
	assert_string_equal(buf.data, "1:hole({\"a\":1}) 3:reset({}) ");
	fl_buf_reset(&buf);
	assert_int_equal(fl_command_each(instance, "ingest", 1, collect, &buf, NULL), FL_OK);
	assert_string_equal(buf.data, "3:reset({}) ");
	assert_int_equal(fl_instance_get(instance, "port", &found, &buf, NULL), FL_OK);
	assert_false(found);
	assert_int_equal(fl_instance_set(instance, "port", "8080", NULL), FL_OK);
	assert_int_equal(fl_instance_get(instance, "port", &found, &buf, NULL), FL_OK);
	assert_true(found);
	assert_string_equal(buf.data, "8080");
	fl_buf_fini(&buf);
	fl_instance_close(&instance);
}

/* ---- programs as threads: a chain in which each waits for the one before ---- */

static _Atomic int stage; /* 0: nothing; 1: first done; 2: second done */
static _Atomic int turns, opens;
static _Atomic bool fails;

static enum fl_code
open_fake(struct fl_instance *instance, void **self, struct fl_err *err)
{
	(void)instance;
	if (opens++ == 0) /* like a store that another program has not made yet */
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "not there yet");
	*self = &turns;
	return FL_OK;
}

static enum fl_code
step_first(void *self, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	(void)self;
	(void)now_ms;
	*worked = true;
	if (turns++ == 3)
		return FL_FAIL(err, FL_E_BROKER_AWAY, "comes back");
	if (turns > 10) {
		*done = true;
		stage = 1;
	}
	return FL_OK;
}

static enum fl_code
step_second(void *self, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	(void)self;
	(void)now_ms;
	*worked = false;
	if (fails)
		return FL_FAIL(err, FL_E_STORE_MISMATCH, "does not fit");
	*done = stage >= 1;
	return FL_OK;
}

static void
wait_fake(void *self, int wait_ms)
{
	(void)self;
	usleep((useconds_t)wait_ms * 10);
}

static void
close_fake(void **self)
{
	*self = NULL;
}

static const struct fl_program first = {"ingest", open_fake, step_first, wait_fake, close_fake};
static const struct fl_program second = {
    "aggregate", open_fake, step_second, wait_fake, close_fake};
static const struct fl_program *const both[] = {&first, &second};

static void
programs_run_as_threads_until_all_are_done(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	struct fl_metrics *metrics = NULL;
	volatile sig_atomic_t stop = 0;
	int64_t beat_ms;
	int32_t pid;
	char text[128];

	(void)state;
	stage = turns = opens = 0;
	fails = false;
	assert_int_equal(fl_programs_run(instance, both, 2, &stop, &err), FL_OK);
	assert_int_equal(stage, 1);
	assert_int_equal(fl_metrics_open(instance, "ingest", false, &metrics, NULL), FL_OK);
	assert_true(fl_metrics_life(metrics, &pid, &beat_ms, text));
	assert_string_equal(text, "done");
	fl_metrics_close(&metrics);
	stop = 1;
	stage = turns = 0;
	assert_int_equal(fl_programs_run(instance, both, 2, &stop, &err), FL_OK);
	assert_int_equal(stage, 0);
	fl_instance_close(&instance);
}

static void
a_program_that_fails_ends_the_others(void **state)
{
	struct fl_instance *instance = open_instance();
	struct fl_err err = {.code = FL_OK};
	volatile sig_atomic_t stop = 0;

	(void)state;
	stage = turns = opens = 0;
	turns = -1000000000; /* the first one never ends by itself */
	fails = true;
	assert_int_equal(fl_programs_run(instance, both, 2, &stop, &err), FL_E_STORE_MISMATCH);
	assert_string_equal(err.text, "does not fit");
	fl_instance_close(&instance);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_instance_is_made_once_and_found_again),
	    TEST(a_pipeline_keeps_its_files_as_they_were),
	    TEST(another_address_is_no_change),
	    TEST(a_changed_plan_is_refused_with_what_changed_and_a_comment_is_no_change),
	    TEST(a_reset_gives_a_new_uuid_new_streams_and_no_store),
	    TEST(an_interrupted_reset_is_named_until_it_is_done),
	    TEST(stores_of_another_version_are_set_aside_whole),
	    TEST(stores_that_a_program_has_are_not_set_aside),
	    TEST(what_was_set_aside_halfway_is_finished_by_the_next),
	    TEST(a_dropped_pipeline_takes_its_store_and_its_own_streams_with_it),
	    TEST(an_interrupted_drop_is_named_until_it_is_done),
	    TEST(pipelines_share_a_stream_while_the_log_is_whole),
	    TEST(a_start_at_the_end_is_not_shared_once_it_has_begun),
	    TEST(bad_names_and_sql_are_refused_and_change_nothing),
	    TEST(commands_reach_their_program_in_order_and_once),
	    TEST(programs_run_as_threads_until_all_are_done),
	    TEST(a_program_that_fails_ends_the_others),
	};

	fl_log_open("test_instance", FL_LOG_ERROR);
	return cmocka_run_group_tests_name("shm/instance", tests, NULL, NULL);
}
