/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq.c - export, replay and drop of dead letters.
 *
 * flightctl changes no store but the catalog.  It looks at the letters, says of each what would
 * become of it, and with --execute writes commands that name them (include/shm/dead.h): the program
 * that has the letters applies each once.  A letter of ingest or emit is decoded here first, by the same
 * decoder and the same plan: what would fail again is not sent.
 */
#include "flightctl/dlq.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "codec/codec.h"

#define LETTERS_MAX 1000	   /* of a command */
#define VALUE_MAX (512u << 10)	   /* of a mended record: base64 of it fits a command */
#define WAIT_MS 30000
#define EXPORT_FLUSH (64u << 10)

/* ---- which letters ---- */

static bool
has_text(const char *text, size_t size, const char *what)
{
	return memmem(text, size, what, strlen(what)) != NULL;
}

static bool
is_chosen(const struct dlq_choice *choice, const json_t *lines, const struct dlq_letter *letter)
{
	const struct fl_dead *dead = &letter->dead;

	if (choice->all)
		return true;
	if (choice->where != NULL)
		return strcmp(fl_code_name((enum fl_code)dead->head.code), choice->where) == 0 ||
		       has_text(dead->reason, dead->head.reason_size, choice->where);
	if (choice->file != NULL)
		return json_object_get(lines, letter->id) != NULL;
	for (int i = 0; i < choice->id_count; i++)
		if (strcmp(choice->ids[i], letter->id) == 0)
			return true;
	return false;
}

/* Lines of JSON objects with "id", by that. */
static enum fl_code
read_lines(const char *path, json_t *lines, struct fl_err *err)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	uint64_t number = 0;
	enum fl_code code = FL_OK;

	if (file == NULL)
		return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, errno, "%s: %s", path, strerror(errno));
	while (code == FL_OK && (size = getline(&line, &capacity, file)) >= 0) {
		json_error_t why;
		json_t *json;
		const char *id;

		number++;
		if (strspn(line, " \t\r\n") == (size_t)size)
			continue;
		json = json_loadb(line, (size_t)size, JSON_REJECT_DUPLICATES, &why);
		id = json_string_value(json_object_get(json, "id"));
		if (json == NULL)
			code = FL_FAIL(err, FL_E_BAD_OPTION, "%s line %" PRIu64 " is no JSON: %s", path, number,
			    why.text);
		else if (id == NULL)
			code = FL_FAIL(err, FL_E_BAD_OPTION, "%s line %" PRIu64 " is no object with an \"id\"",
			    path, number);
		else if (json_object_get(lines, id) != NULL)
			code = FL_FAIL(err, FL_E_BAD_OPTION, "%s line %" PRIu64 ": \"%s\" stood before", path,
			    number, id);
		else
			(void)json_object_set(lines, id, json);
		json_decref(json);
	}
	free(line);
	(void)fclose(file);
	return code;
}

uint32_t
dlq_too_long(enum fl_role role, const struct fl_dead *dead)
{
	uint32_t max = role == FL_ROLE_INGEST ? FL_DEAD_INGEST_MAX :
	    role == FL_ROLE_PIPELINE	      ? FL_DEAD_PIPELINE_MAX :
						FL_DEAD_EMIT_MAX;

	return dead->head.value_full > max ? max : 0;
}

/* ---- export ---- */

struct export {
	const struct dlq_choice *choice;
	struct fl_buf out;
	uint64_t count;
};

static bool
is_utf8(const char *p, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t n = fl_utf8_size((const uint8_t *)p + i, size - i);

		if (n == 0 || p[i] == '\0')
			return false;
		i += n;
	}
	return true;
}

/* "name": text, "name_base64": bytes, or "name": null. */
static void
add_bytes(struct fl_buf *out, const char *name, const char *p, size_t size, bool is_null)
{
	bool is_text = !is_null && is_utf8(p, size);

	fl_buf_printf(out, ",\"%s%s\":", name, is_text || is_null ? "" : "_base64");
	if (is_null) {
		fl_buf_str(out, "null");
	} else if (is_text) {
		fl_buf_json(out, p, size);
	} else {
		fl_buf_byte(out, '"');
		fl_buf_base64(out, p, size);
		fl_buf_byte(out, '"');
	}
}

static enum fl_code
export_letter(void *ctx, const struct dlq_letter *letter, bool *stop, struct fl_err *err)
{
	struct export *export = ctx;
	const struct fl_dead_head *h = &letter->dead.head;
	struct fl_buf *out = &export->out;
	struct fl_fault fault;
	char when[32];

	(void)err;
	if (!is_chosen(export->choice, NULL, letter))
		return FL_OK;
	fl_fault_parse((enum fl_code)h->code, letter->dead.reason, h->reason_size, &fault);
	fl_buf_str(out, "{\"id\":");
	fl_buf_json(out, letter->id, strlen(letter->id));
	fl_buf_printf(out, ",\"code\":\"%s\",\"reason\":", fl_code_name((enum fl_code)h->code));
	fl_buf_json(out, letter->dead.reason, h->reason_size);
	fl_buf_str(out, ",\"field\":");
	fl_buf_json(out, fault.field, strlen(fault.field));
	fl_buf_str(out, ",\"rule\":");
	fl_buf_json(out, fault.rule, strlen(fault.rule));
	fl_buf_printf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"time\":", h->partition, h->offset);
	if (strcmp(out_instant(fl_view_record_time(h->kafka_ts), when), "-") != 0)
		fl_buf_printf(out, "\"%s\"", when);
	else
		fl_buf_str(out, "null");
	add_bytes(out, "key", letter->dead.key, h->key_size, h->flags & FL_DEAD_NULL_KEY);
	if (h->value_size < h->value_full)
		fl_buf_printf(out, ",\"value_size\":%" PRIu32, h->value_full);
	else
		add_bytes(out, "value", letter->dead.value, h->value_size, h->flags & FL_DEAD_NULL_VALUE);
	fl_buf_str(out, "}\n");
	export->count++;
	if (out->size > EXPORT_FLUSH) {
		*stop = !out_write(out);
		fl_buf_reset(out);
	}
	return FL_OK;
}

/* IDs that were asked for and are not there. */
static enum fl_code
say_missing(const struct dlq_choice *choice, uint64_t found, struct fl_err *err)
{
	if (choice->id_count > 0 && found < (uint64_t)choice->id_count)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "of %d dead letters there are %" PRIu64 "; `flightctl dlq list` shows those there are",
		    choice->id_count, found);
	return FL_OK;
}

int
dlq_export(struct ctl *ctl, const struct dlq_choice *choice)
{
	struct export export = {.choice = choice};
	struct fl_instance *instance = NULL;
	struct fl_err err = {0};
	int status = CTL_OK;

	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	fl_buf_init(&export.out);
	if (dlq_each(instance, export_letter, &export, &err) != FL_OK ||
	    say_missing(choice, export.count, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	if (export.out.size > 0)
		(void)out_write(&export.out);
	ctl_say(ctl, "%" PRIu64 " dead letter%s", export.count, export.count == 1 ? "" : "s");
	fl_buf_fini(&export.out);
	fl_instance_close(&instance);
	return status;
}

/* ---- replay, drop ---- */

struct command { /* arguments that one command takes */
	enum fl_role role;
	const struct fl_pipeline *pipeline;
	struct fl_buf json;
	uint32_t count;
	uint64_t number; /* once it is given */
};

struct change {
	struct fl_instance *instance;
	struct fl_view view;
	const struct dlq_choice *choice;
	bool is_drop;
	json_t *lines; /* of --file */
	struct out_table table;
	struct command *commands;
	uint32_t command_count;
	struct fl_decoder *decoder; /* of table */
	const struct fl_table *table_of;
	bool is_row; /* ... of rows that it refused as a sink */
	struct fl_builder builder;
	bool has_builder;
	json_t *sent; /* ids that commands name */
	uint64_t found, refused, left, returning;
};

static const struct fl_pipeline *
find_pipeline(const struct fl_instance *instance, const char *name)
{
	for (uint32_t i = 0; name != NULL && i < instance->pipeline_count; i++)
		if (strcmp(instance->pipelines[i].name, name) == 0)
			return &instance->pipelines[i];
	return NULL;
}

/* The value of a line: bytes into *out; false: it has none. */
static bool
read_value(const json_t *line, struct fl_buf *out, const char **objection)
{
	const json_t *value = json_object_get(line, "value"), *base64 = json_object_get(line, "value_base64");
	char *text;

	if (json_is_string(base64)) {
		if (!fl_buf_unbase64(out, json_string_value(base64), json_string_length(base64)))
			*objection = "its value_base64 is no base64";
		return true;
	}
	if (json_is_string(value)) {
		fl_buf_add(out, json_string_value(value), json_string_length(value));
		return true;
	}
	if (value == NULL || json_is_null(value))
		return false;
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	fl_buf_str(out, text != NULL ? text : "");
	free(text);
	return true;
}

/* What the program would say to these bytes; NULL: they give a row. */
static const char *
try_decode(struct change *change, const struct fl_table *table, bool is_row, const void *value, size_t size)
{
	struct fl_codec_options options = is_row ? fl_table_row_codec(table) : fl_table_codec(table);
	static struct fl_err err;

	err = (struct fl_err){.code = FL_OK};
	if (change->table_of != table || change->is_row != is_row) {
		fl_decoder_free(&change->decoder);
		if (change->has_builder)
			fl_builder_fini(&change->builder);
		change->has_builder = false;
		change->table_of = table;
		change->is_row = is_row;
		if (fl_decoder_new(&options, &change->decoder, &err) != FL_OK)
			return err.text;
		fl_builder_init(&change->builder, options.schema);
		change->has_builder = true;
	}
	if (change->decoder == NULL)
		return is_row ? "its table's columns cannot be read from JSON" : NULL; /* ingest will say */
	fl_builder_reset(&change->builder);
	(void)fl_builder_begin(&change->builder);
	switch (fl_decode(change->decoder, value, size, &change->builder, &err)) {
	case FL_VERDICT_DEAD:
		return err.text;
	case FL_VERDICT_SKIPPED:
		return is_row ? "it is no row" : NULL;
	case FL_VERDICT_ROW:
		break;
	}
	return NULL;
}

/* A key that gave no row gives none with another value. */
static const char *
try_key(const struct fl_table *table, const struct fl_dead *dead)
{
	struct fl_codec_options options = fl_table_key_codec(table);
	const void *key = dead->head.flags & FL_DEAD_NULL_KEY ? NULL : dead->key;
	struct fl_decoder *decoder = NULL;
	struct fl_builder builder;
	static struct fl_err err;
	enum fl_verdict verdict;

	err = (struct fl_err){.code = FL_OK};
	if (fl_decoder_new(&options, &decoder, &err) != FL_OK)
		return err.text;
	fl_builder_init(&builder, options.schema);
	(void)fl_builder_begin(&builder);
	verdict = fl_decode(decoder, key, dead->head.key_size, &builder, &err);
	fl_builder_fini(&builder);
	fl_decoder_free(&decoder);
	if (verdict != FL_VERDICT_DEAD)
		return NULL;
	(void)fl_err_context(&err, FL_FAULT_KEY);
	return err.text;
}

/* Of ingest's letter the table whose records are decoded, of emit's the one that refused the row. */
static const char *
find_source(const struct change *change, const struct dlq_letter *letter, const struct fl_table **table)
{
	*table = fl_view_table(&change->view, letter->dead.head.stream);
	return *table == NULL ? "no pipeline reads its stream any more" : NULL;
}

static const char *
find_sink(const struct change *change, const struct dlq_letter *letter, bool is_mended,
    const struct fl_table **table)
{
	const struct fl_view_sink *sink = NULL;
	const struct fl_plan *plan = NULL;
	const char *objection;
	uint32_t s = 0;

	for (uint32_t i = 0; i < change->view.pipeline_count && sink == NULL; i++) {
		const struct fl_view_pipeline *p = &change->view.pipelines[i];

		for (s = 0; s < p->sink_count && sink == NULL; s++)
			if (fl_sink_has_letter(p->pipeline->name, p->sinks[s].name, letter->key,
				letter->key_size))
				sink = &p->sinks[s];
		plan = p->pipeline->plan;
	}
	if (sink == NULL)
		return "its pipeline or its table is gone";
	*table = plan->sinks[s - 1];
	if ((objection = fl_plan_no_replay(plan, s - 1, is_mended)) != NULL)
		return objection;
	if (letter->is_returning)
		return "it is on its way to the sink already";
	if (!sink->is_known || sink->position.unopened != 0 ||
	    sink->position.next <= (uint64_t)letter->dead.head.offset)
		return "its sink has not gone past it: the row is tried again by itself";
	return NULL;
}

/* Why it cannot be replayed, NULL: it can.  *value stays empty where its own bytes are taken. */
static const char *
find_objection(struct change *change, const struct dlq_letter *letter, struct fl_buf *value, bool *is_mended)
{
	const struct fl_dead_head *h = &letter->dead.head;
	bool is_row = letter->role == FL_ROLE_EMIT;
	const struct fl_table *table = NULL;
	const char *objection = NULL;
	const void *own = h->flags & FL_DEAD_NULL_VALUE ? NULL : letter->dead.value;

	if (letter->role == FL_ROLE_PIPELINE)
		return "a row that aggregate refused is not replayed: other queries have the record";
	if (!is_row && (objection = find_source(change, letter, &table)) != NULL)
		return objection;
	*is_mended = read_value(json_object_get(change->lines, letter->id), value, &objection);
	if (objection != NULL)
		return objection;
	if (value->size > VALUE_MAX)
		return is_row ? "a mended row has 512 KiB at most" :
				"a mended value has 512 KiB at most: produce it to the topic";
	if (!*is_mended && h->value_size < h->value_full)
		return dlq_too_long(letter->role, &letter->dead) > 0 ?
		    "it is longer than a letter keeps: a line of --file gives a \"value\" of at most 512 KiB instead" :
		    "its bytes were not kept: a line of --file gives them as \"value\", at most 512 KiB";
	if (!is_row && table->key != NULL && (h->flags & FL_DEAD_NO_KEY))
		return "its key was not kept: produce the record to the topic";
	if (!is_row && table->key != NULL && (objection = try_key(table, &letter->dead)) != NULL)
		return objection;
	if (*is_mended && own != NULL && value->size == h->value_size &&
	    (h->value_size == 0 || memcmp(value->data, own, h->value_size) == 0))
		*is_mended = false;
	if (is_row && (objection = find_sink(change, letter, *is_mended, &table)) != NULL)
		return objection;
	if (*is_mended)
		return try_decode(change, table, is_row, value->data != NULL ? value->data : "", value->size);
	return try_decode(change, table, is_row, own, h->value_size);
}

static void
begin_command(struct change *change, const struct dlq_letter *letter)
{
	const struct fl_pipeline *pipeline = find_pipeline(change->instance, letter->pipeline);
	struct command *command;
	char uuid[37];

	change->commands =
	    fl_realloc(change->commands, (change->command_count + 1) * sizeof(*change->commands));
	command = &change->commands[change->command_count++];
	*command = (struct command){.role = letter->role, .pipeline = pipeline};
	fl_buf_init(&command->json);
	fl_buf_byte(&command->json, '{');
	if (pipeline != NULL) {
		fl_buf_str(&command->json, "\"pipeline\":");
		fl_buf_json(&command->json, pipeline->name, strlen(pipeline->name));
		fl_buf_printf(&command->json, ",\"uuid\":\"%s\",", fl_uuid_print(&pipeline->uuid, uuid));
	}
	fl_buf_str(&command->json, "\"letters\":[");
}

static void
add_to_command(struct change *change, const struct dlq_letter *letter, const struct fl_buf *value)
{
	struct command *command =
	    change->command_count > 0 ? &change->commands[change->command_count - 1] : NULL;
	size_t need = 2 * letter->key_size + 100 + (value != NULL ? (value->size + 2) / 3 * 4 : 0);

	if (command == NULL || command->role != letter->role || command->count >= LETTERS_MAX ||
	    command->pipeline != find_pipeline(change->instance, letter->pipeline) ||
	    command->json.size + need > FL_DEAD_COMMAND_MAX) {
		begin_command(change, letter);
		command = &change->commands[change->command_count - 1];
	}
	fl_buf_str(&command->json, command->count++ > 0 ? ",{" : "{");
	fl_dead_name_print(letter->key, letter->key_size, letter->dead.head.clock_ms, &command->json);
	if (value != NULL) {
		fl_buf_str(&command->json, ",\"value\":\"");
		fl_buf_base64(&command->json, value->data, value->size);
		fl_buf_byte(&command->json, '"');
	}
	fl_buf_byte(&command->json, '}');
	(void)json_object_set_new(change->sent, letter->id, json_true());
}

static enum fl_code
plan_letter(void *ctx, const struct dlq_letter *letter, bool *stop, struct fl_err *err)
{
	struct change *change = ctx;
	const char *objection = NULL;
	bool is_mended = false;
	struct fl_buf value;

	(void)stop;
	(void)err;
	if (!is_chosen(change->choice, change->lines, letter))
		return FL_OK;
	change->found++;
	fl_buf_init(&value);
	if (!change->is_drop)
		objection = find_objection(change, letter, &value, &is_mended);
	out_row(&change->table);
	out_cell(&change->table, 0, letter->id);
	out_cell(&change->table, 1, fl_code_name((enum fl_code)letter->dead.head.code));
	out_cell(&change->table, 2,
	    objection != NULL	? "stays"
	    : change->is_drop	? "drop"
	    : is_mended		? "replay, mended"
				: "replay");
	out_cell(&change->table, 3, objection);
	if (objection != NULL)
		change->refused++;
	else
		add_to_command(change, letter, is_mended ? &value : NULL);
	fl_buf_fini(&value);
	return FL_OK;
}

/* ---- giving the commands, and what became of them ---- */

/* The last command that the program has applied; 0: none, or nobody knows. */
static uint64_t
read_applied(const struct fl_instance *instance, const struct command *command)
{
	const char *pipeline = command->pipeline != NULL ? command->pipeline->name : NULL;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	struct fl_err ignored = {0};
	uint64_t applied = 0;
	bool found = false;

	if (fl_view_store_open(instance, command->role, pipeline, &store, &ignored) != FL_OK || store == NULL)
		return 0;
	if (fl_txn_begin_read(store, &txn, &ignored) == FL_OK) {
		const struct fl_partition_cursor *partitions;
		const struct fl_ingest_cursor *ingest;
		struct fl_pipeline_cursor_view view;
		const void *value;
		size_t size;

		if (command->role == FL_ROLE_INGEST) {
			if (fl_ingest_cursor_get(txn, &found, &ingest, &partitions, &ignored) == FL_OK && found)
				applied = ingest->command;
		} else if (command->role == FL_ROLE_PIPELINE) {
			if (fl_pipeline_cursor_get(txn, &found, &view, &ignored) == FL_OK && found)
				applied = view.head->command;
		} else if (fl_txn_get(txn, FL_DBI_EMIT_META, "command", 7, &found, NULL, &value, &size,
			       &ignored) == FL_OK && found && size == sizeof(applied)) {
			memcpy(&applied, value, size);
		}
	}
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return applied;
}

/* True once every program that runs has applied its commands; *waiting: one that does not run. */
static bool
wait_for_all(const struct ctl *ctl, const struct change *change, const char **waiting)
{
	int64_t end_us = fl_monotonic_us() + 1000 * (ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS);
	bool all = false;

	while (!all && fl_monotonic_us() < end_us && !ctl_is_stopping) {
		all = true;
		*waiting = NULL;
		for (uint32_t i = 0; i < change->command_count; i++) {
			const struct command *command = &change->commands[i];
			struct fl_life life;

			if (read_applied(change->instance, command) >= command->number)
				continue;
			fl_life_get(change->instance, fl_role_program(command->role), &life);
			if (life.is_running)
				all = false;
			else
				*waiting = fl_role_program(command->role);
		}
		if (!all)
			ctl_wait_until(fl_monotonic_us() + 50000);
	}
	return all && *waiting == NULL;
}

static enum fl_code
count_left(void *ctx, const struct dlq_letter *letter, bool *stop, struct fl_err *err)
{
	struct change *change = ctx;

	(void)stop;
	(void)err;
	if (json_object_get(change->sent, letter->id) == NULL)
		return FL_OK;
	change->left++;
	change->returning += letter->is_returning;
	return FL_OK;
}

/* A letter of emit is replayed when aggregate has its row and the sink has passed that: both must run. */
static enum fl_code
count_all_left(const struct ctl *ctl, struct change *change, const char **waiting, struct fl_err *err)
{
	int64_t end_us = fl_monotonic_us() + 1000 * (ctl->timeout_ms > 0 ? ctl->timeout_ms : WAIT_MS);

	do {
		struct fl_life aggregate, emit;

		change->left = change->returning = 0;
		/* Before the letters: one that ends now has done what it could. */
		fl_life_get(change->instance, fl_role_program(FL_ROLE_PIPELINE), &aggregate);
		fl_life_get(change->instance, fl_role_program(FL_ROLE_EMIT), &emit);
		FL_TRY(dlq_each(change->instance, count_left, change, err));
		*waiting = !aggregate.is_running ? fl_role_program(FL_ROLE_PIPELINE) :
		    !emit.is_running		 ? fl_role_program(FL_ROLE_EMIT) :
						   NULL;
		if (change->returning == 0 || change->is_drop || *waiting != NULL)
			return FL_OK;
		ctl_wait_until(fl_monotonic_us() + 200000);
	} while (fl_monotonic_us() < end_us && !ctl_is_stopping);
	return FL_OK;
}

static enum fl_code
give(const struct ctl *ctl, struct change *change, struct fl_err *err)
{
	const char *verb = change->is_drop ? "dead-drop" : "dead-replay", *waiting = NULL;
	uint64_t sent = json_object_size(change->sent);

	for (uint32_t i = 0; i < change->command_count; i++) {
		struct command *command = &change->commands[i];

		fl_buf_str(&command->json, "]}");
		FL_TRY(fl_command_put(change->instance, fl_role_program(command->role), verb, command->json.data,
		    &command->number, err));
	}
	if (sent == 0)
		return FL_OK;
	if (!wait_for_all(ctl, change, &waiting)) {
		if (waiting == NULL)
			return FL_FAIL(err, FL_E_TIMED_OUT,
			    "the command is given, but not applied yet: %" PRIu64 " letters", sent);
		ctl_say(ctl, "the command is given; %s is not running and applies it when it starts", waiting);
		return FL_OK;
	}
	FL_TRY(count_all_left(ctl, change, &waiting, err));
	if (change->returning > 0 && waiting != NULL)
		ctl_say(ctl, "%" PRIu64 " letters stay until %s runs, which is not running", change->returning, waiting);
	else if (change->returning > 0)
		return FL_FAIL(err, FL_E_TIMED_OUT, "%" PRIu64 " letters are on their way, but not back yet",
		    change->returning);
	ctl_say(ctl, "%" PRIu64 " dead letter%s %s", sent - change->left, sent - change->left == 1 ? "" : "s",
	    change->is_drop ? "dropped" : "replayed");
	if (change->left > change->returning)
		return FL_FAIL(err, FL_E_BAD_OPTION, "%" PRIu64 " letters failed again and stay",
		    change->left - change->returning);
	return FL_OK;
}

static enum fl_code
plan_and_give(struct ctl *ctl, struct change *change, bool execute, struct fl_err *err)
{
	FL_TRY(dlq_each(change->instance, plan_letter, change, err));
	FL_TRY(say_missing(change->choice, change->found, err));
	if (change->found < json_object_size(change->lines))
		ctl_say(ctl, "%" PRIu64 " letters of %s are not there any more",
		    (uint64_t)json_object_size(change->lines) - change->found, change->choice->file);
	if (change->found == 0) {
		ctl_say(ctl, "no dead letters");
		return FL_OK;
	}
	out_flush(ctl, &change->table);
	if (change->refused == change->found)
		return FL_FAIL(err, FL_E_BAD_OPTION, "none of them can be replayed");
	if (execute)
		return give(ctl, change, err);
	ctl_say(ctl, "nothing was done: add --execute");
	return FL_OK;
}

int
dlq_change(struct ctl *ctl, const struct dlq_choice *choice, bool is_drop, bool execute)
{
	struct change change = {.choice = choice, .is_drop = is_drop};
	struct fl_err err = {0};
	enum fl_code code;
	int status;

	if (ctl_instance_open(ctl, true, &change.instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	change.lines = json_object();
	change.sent = json_object();
	out_init(&change.table, NULL, "id,code,action,objection");
	fl_view_read(change.instance, &change.view);
	status = ctl_say_problems(ctl, &change.view);
	code = choice->file != NULL ? read_lines(choice->file, change.lines, &err) : FL_OK;
	if (code == FL_OK)
		code = plan_and_give(ctl, &change, execute, &err);
	if (code != FL_OK)
		status = ctl_fail(ctl, &err);
	fl_view_fini(&change.view);
	out_fini(&change.table);
	fl_decoder_free(&change.decoder);
	if (change.has_builder)
		fl_builder_fini(&change.builder);
	for (uint32_t i = 0; i < change.command_count; i++)
		fl_buf_fini(&change.commands[i].json);
	free(change.commands);
	json_decref(change.lines);
	json_decref(change.sent);
	fl_instance_close(&change.instance);
	return status;
}
