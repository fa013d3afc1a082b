/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_dlq.c - dead letters of all three writers.
 *
 * An ID is the place of a letter in its store:
 *	ingest/STREAM/PARTITION/OFFSET
 *	aggregate/PIPELINE/STEP.BLOCK.ROW.QUERY
 *	emit/PIPELINE/SINK/ROW
 *
 * What changes them is dlq.c.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flightctl/dlq.h"

struct job {
	const char *wanted_id; /* show; NULL: list */
	int64_t limit;
	enum fl_code code; /* FL_OK: all */
	bool json, found;
	dlq_visit *visit; /* instead of listing or showing */
	void *ctx;
	struct out_table table;
	struct fl_buf out;
};

typedef bool print_id(const struct fl_item *item, const char *pipeline, char *buf, size_t size);

static bool
print_ingest_id(const struct fl_item *item, const char *pipeline, char *buf, size_t size)
{
	const uint8_t *key = item->key;

	(void)pipeline;
	if (item->key_size != 16)
		return false;
	snprintf(buf, size, "ingest/%" PRIu32 "/%" PRId32 "/%" PRIu64, fl_key_get_u32(key),
	    (int32_t)fl_key_get_u32(key + 4), fl_key_get_u64(key + 8));
	return true;
}

static bool
print_pipeline_id(const struct fl_item *item, const char *pipeline, char *buf, size_t size)
{
	const uint8_t *key = item->key;

	if (item->key_size != 20)
		return false;
	snprintf(buf, size, "aggregate/%s/%" PRIu64 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32, pipeline,
	    fl_key_get_u64(key), fl_key_get_u32(key + 8), fl_key_get_u32(key + 12),
	    fl_key_get_u32(key + 16));
	return true;
}

static bool
print_emit_id(const struct fl_item *item, const char *pipeline, char *buf, size_t size)
{
	const char *key = item->key;
	const char *sink = memchr(key, '\0', item->key_size);

	(void)pipeline;
	if (sink == NULL || item->key_size < 10)
		return false;
	sink++;
	if (memchr(sink, '\0', item->key_size - (size_t)(sink - key)) == NULL)
		return false;
	snprintf(buf, size, "emit/%s/%s/%" PRIu64, key, sink,
	    fl_key_get_u64((const uint8_t *)item->key + item->key_size - 8));
	return true;
}

static bool
is_text(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)p[i] < ' ' && strchr("\t\n\r", p[i]) == NULL) || p[i] == 127)
			return false;
	return true;
}

static void
add_hex(struct fl_buf *out, const char *p, size_t size)
{
	for (size_t at = 0; at < size; at += 16) {
		size_t n = FL_MIN(16, size - at);

		fl_buf_printf(out, "  %08zx ", at);
		for (size_t i = 0; i < 16; i++)
			if (i < n)
				fl_buf_printf(out, " %02x", (unsigned char)p[at + i]);
			else
				fl_buf_str(out, "   ");
		fl_buf_str(out, "  ");
		for (size_t i = 0; i < n; i++)
			fl_buf_byte(out, p[at + i] >= ' ' && p[at + i] < 127 ? p[at + i] : '.');
		fl_buf_byte(out, '\n');
	}
}

static void
add_bytes_json(struct fl_buf *out, const char *name, const char *p, size_t size, bool is_null)
{
	fl_buf_printf(out, ",\"%s\":", name);
	if (is_null)
		fl_buf_str(out, "null");
	else {
		fl_buf_byte(out, '"');
		fl_buf_base64(out, p, size);
		fl_buf_byte(out, '"');
	}
}

/* A key that was not kept has no length any more: without a full quota it made the two too long. */
static void
add_why_not_kept(struct fl_buf *out, enum fl_role role, const struct fl_dead *dead)
{
	uint32_t max = dlq_too_long(role, dead);
	const char *program = fl_role_program(role);

	if (dead->head.value_size >= dead->head.value_full)
		return;
	fl_buf_str(out, ", not kept: ");
	if (max > 0)
		fl_buf_printf(out, "a letter keeps %" PRIu32 " at most", max);
	else if (dead->head.flags & FL_DEAD_NO_KEY)
		fl_buf_printf(out, "with its key more than %u, or over %s.dead-quota-bytes", FL_DEAD_INGEST_MAX,
		    program);
	else
		fl_buf_printf(out, "over %s.dead-quota-bytes", program);
}

static void
show_letter(struct job *job, enum fl_role role, const char *id, const struct fl_dead *dead)
{
	const struct fl_dead_head *h = &dead->head;
	int64_t at_ms = fl_view_record_time(h->kafka_ts);
	const char *quote = at_ms != FL_TIME_MIN ? "\"" : "";
	char when[32];

	out_instant(at_ms, when);
	if (job->json) {
		fl_buf_str(&job->out, "{\"id\":");
		fl_buf_json(&job->out, id, strlen(id));
		fl_buf_printf(&job->out,
		    ",\"code\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64
		    ",\"time\":%s%s%s,\"reason\":",
		    fl_code_name((enum fl_code)h->code), h->partition, h->offset, quote,
		    at_ms != FL_TIME_MIN ? when : "null", quote);
		fl_buf_json(&job->out, dead->reason, h->reason_size);
		fl_buf_printf(&job->out, ",\"value_size\":%" PRIu32, h->value_full);
		add_bytes_json(&job->out, "key_base64", dead->key, h->key_size, h->flags & FL_DEAD_NULL_KEY);
		add_bytes_json(&job->out, "value_base64", dead->value, h->value_size, h->flags & FL_DEAD_NULL_VALUE);
		fl_buf_str(&job->out, "}\n");
		return;
	}
	fl_buf_printf(
	    &job->out, "id         %s\ncode       %s\n", id, fl_code_name((enum fl_code)h->code));
	fl_buf_printf(&job->out,
	    "position   partition %" PRId32 " offset %" PRId64 "\ntime       %s\n", h->partition,
	    h->offset, when);
	fl_buf_printf(&job->out, "reason     %.*s\n", (int)h->reason_size, dead->reason);
	if (!(h->flags & FL_DEAD_NULL_KEY)) {
		fl_buf_printf(&job->out, "key        %" PRIu32 " bytes\n", h->key_size);
		add_hex(&job->out, dead->key, h->key_size);
	}
	if (h->flags & FL_DEAD_NULL_VALUE)
		fl_buf_str(&job->out, "value      null\n");
	else {
		fl_buf_printf(&job->out, "value      %" PRIu32 " bytes", h->value_full);
		add_why_not_kept(&job->out, role, dead);
		fl_buf_byte(&job->out, '\n');
	}
	if (h->value_size > 0 && is_text(dead->value, h->value_size))
		fl_buf_printf(&job->out, "%.*s\n", (int)h->value_size, dead->value);
	else
		add_hex(&job->out, dead->value, h->value_size);
}

static void
list_letter(struct job *job, const char *id, const struct fl_dead *dead)
{
	const struct fl_dead_head *h = &dead->head;

	out_row(&job->table);
	out_cell(&job->table, 0, id);
	out_cell(&job->table, 1, fl_code_name((enum fl_code)h->code));
	out_cellf(&job->table, 2, "%" PRId32, h->partition);
	out_cellf(&job->table, 3, "%" PRId64, h->offset);
	out_cellf(&job->table, 4, "%" PRIu32, h->value_full);
	out_cellf(&job->table, 5, "%.*s", (int)FL_MIN(h->reason_size, 300), dead->reason);
}

static bool
is_full(const struct job *job)
{
	return job->found || (job->limit > 0 && job->table.row_count >= job->limit);
}

static enum fl_code
walk_store(struct job *job, struct fl_store *store, enum fl_role role, enum fl_dbi dbi,
    const char *pipeline, print_id *print, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_txn *txn = NULL;
	struct fl_item item;
	const void *value;
	bool found = false;
	enum fl_code code;
	size_t size;

	code = fl_txn_begin_read(store, &txn, err);
	if (code == FL_OK)
		code = fl_cursor_open(txn, dbi, &cursor, err);
	if (code == FL_OK)
		code = fl_cursor_seek(cursor, NULL, 0, &found, &item, err);
	while (code == FL_OK && found && !is_full(job)) {
		struct dlq_letter letter = {.role = role, .pipeline = pipeline, .key = item.key,
		    .key_size = item.key_size};

		code = fl_dead_decode(item.value, item.size, &letter.dead, err);
		if (code == FL_OK && role == FL_ROLE_EMIT)
			code = fl_txn_get(txn, FL_DBI_EMIT_RETURNS, item.key, item.key_size,
			    &letter.is_returning, NULL, &value, &size, err);
		if (code != FL_OK)
			break;
		if (!print(&item, pipeline, letter.id, sizeof(letter.id)))
			snprintf(letter.id, sizeof(letter.id), "unknown");
		if (job->visit != NULL) {
			code = job->visit(job->ctx, &letter, &job->found, err);
		} else if (job->wanted_id != NULL) {
			job->found = strcmp(letter.id, job->wanted_id) == 0;
			if (job->found)
				show_letter(job, role, letter.id, &letter.dead);
		} else if (job->code == FL_OK || job->code == (enum fl_code)letter.dead.head.code)
			list_letter(job, letter.id, &letter.dead);
		if (code == FL_OK)
			code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	fl_txn_abort(&txn);
	return code;
}

static enum fl_code
walk(struct job *job, const struct fl_instance *instance, enum fl_role role, const char *pipeline,
    struct fl_err *err)
{
	struct fl_store *store = NULL;
	enum fl_code code;

	if (is_full(job))
		return FL_OK;
	FL_TRY(fl_view_store_open(instance, role, pipeline, &store, err));
	if (store == NULL)
		return FL_OK;
	code = role == FL_ROLE_INGEST
		   ? walk_store(job, store, role, FL_DBI_INGEST_DEAD, NULL, print_ingest_id, err)
	       : role == FL_ROLE_PIPELINE
		   ? walk_store(job, store, role, FL_DBI_PIPELINE_DEAD, pipeline, print_pipeline_id, err)
		   : walk_store(job, store, role, FL_DBI_EMIT_DEAD, NULL, print_emit_id, err);
	fl_store_close(&store);
	return code;
}

/* The first letter of one writer; the table has one row more, unless there is none. */
static void
say_first(const struct ctl *ctl, const struct fl_instance *instance, enum fl_role role,
    const char *pipeline, const char *who)
{
	struct job job = {.limit = 1};
	struct fl_err ignored = {0};

	out_init(&job.table, NULL, "id,code,partition#,offset#,bytes#,reason");
	if (walk(&job, instance, role, pipeline, &ignored) == FL_OK && job.table.row_count > 0)
		ctl_say(ctl, "  %s, the first: %s %s %s", who, job.table.cells[0],
		    job.table.cells[1], job.table.cells[5]);
	out_fini(&job.table);
}

bool
dlq_say(const struct ctl *ctl, const struct fl_instance *instance)
{
	uint64_t pipelines = 0, all;
	struct fl_view view;

	fl_view_read(instance, &view);
	for (uint32_t i = 0; i < view.pipeline_count; i++)
		pipelines += view.pipelines[i].dead;
	all = view.ingest_dead + pipelines + view.emit_dead;
	if (all > 0) {
		ctl_say(ctl,
		    "flightctl %s: %" PRIu64 " dead letter%s (ingest %" PRIu64 ", pipelines %" PRIu64
		    ", emit %" PRIu64 ")",
		    ctl->command->name, all, all == 1 ? "" : "s", view.ingest_dead, pipelines,
		    view.emit_dead);
		say_first(ctl, instance, FL_ROLE_INGEST, NULL, "ingest");
		for (uint32_t i = 0; i < instance->pipeline_count; i++)
			say_first(ctl, instance, FL_ROLE_PIPELINE, instance->pipelines[i].name,
			    instance->pipelines[i].name);
		say_first(ctl, instance, FL_ROLE_EMIT, NULL, "emit");
	}
	fl_view_fini(&view);
	return all > 0;
}

static enum fl_code
walk_instance(struct job *job, const struct fl_instance *instance, struct fl_err *err)
{
	FL_TRY(walk(job, instance, FL_ROLE_INGEST, NULL, err));
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		FL_TRY(walk(job, instance, FL_ROLE_PIPELINE, instance->pipelines[i].name, err));
	return walk(job, instance, FL_ROLE_EMIT, NULL, err);
}

enum fl_code
dlq_each(const struct fl_instance *instance, dlq_visit *visit, void *ctx, struct fl_err *err)
{
	struct job job = {.visit = visit, .ctx = ctx};

	return walk_instance(&job, instance, err);
}

static enum fl_code
walk_all(struct ctl *ctl, struct job *job, struct fl_err *err)
{
	struct fl_instance *instance = NULL;
	enum fl_code code;

	FL_TRY(ctl_instance_open(ctl, true, &instance, err));
	code = walk_instance(job, instance, err);
	fl_instance_close(&instance);
	if (code == FL_OK && job->wanted_id != NULL && !job->found)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "there is no dead letter \"%s\"; `flightctl dlq list` shows those there are",
		    job->wanted_id);
	return code;
}

/* ---- summary ---- */

struct count {
	char who[DLQ_ID_SIZE];
	uint32_t code;
	uint64_t letters, bytes;
	int64_t last_ms;
};
struct summary {
	struct count *counts;
	uint32_t count;
};

/* Everything of an ID before the record or row: "ingest/1", "aggregate/p", "emit/p/sink". */
static void
print_who(const struct dlq_letter *letter, char who[DLQ_ID_SIZE])
{
	char *slash;

	snprintf(who, DLQ_ID_SIZE, "%s", letter->id);
	for (int n = letter->role == FL_ROLE_INGEST ? 2 : 1; n > 0; n--)
		if ((slash = strrchr(who, '/')) != NULL)
			*slash = '\0';
}

static enum fl_code
count_letter(void *ctx, const struct dlq_letter *letter, bool *stop, struct fl_err *err)
{
	struct summary *s = ctx;
	struct count *count = NULL;
	char who[DLQ_ID_SIZE];

	(void)stop;
	(void)err;
	print_who(letter, who);
	for (uint32_t i = 0; i < s->count && count == NULL; i++)
		if (s->counts[i].code == letter->dead.head.code && strcmp(s->counts[i].who, who) == 0)
			count = &s->counts[i];
	if (count == NULL) {
		s->counts = fl_realloc(s->counts, (s->count + 1) * sizeof(*count));
		count = &s->counts[s->count++];
		*count = (struct count){.code = letter->dead.head.code, .last_ms = FL_TIME_MIN};
		snprintf(count->who, sizeof(count->who), "%s", who);
	}
	count->letters++;
	count->bytes += fl_dead_size(&letter->dead);
	count->last_ms = FL_MAX(count->last_ms, letter->dead.head.clock_ms);
	return FL_OK;
}

static int
summarize(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	struct summary s = {0};
	struct out_table table;
	struct fl_err err = {0};

	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	if (dlq_each(instance, count_letter, &s, &err) != FL_OK) {
		fl_instance_close(&instance);
		free(s.counts);
		return ctl_fail(ctl, &err);
	}
	out_init(&table, NULL, "of,code,letters#,bytes#,last,meaning");
	for (uint32_t i = 0; i < s.count; i++) {
		out_row(&table);
		out_cell(&table, 0, s.counts[i].who);
		out_cell(&table, 1, fl_code_name((enum fl_code)s.counts[i].code));
		out_cellf(&table, 2, "%" PRIu64, s.counts[i].letters);
		out_cellf(&table, 3, "%" PRIu64, s.counts[i].bytes);
		out_time(&table, 4, s.counts[i].last_ms);
		out_cell(&table, 5, fl_code_help((enum fl_code)s.counts[i].code));
	}
	out_flush(ctl, &table);
	if (s.count == 0)
		ctl_say(ctl, "no dead letters");
	out_fini(&table);
	free(s.counts);
	fl_instance_close(&instance);
	return CTL_OK;
}

static bool
find_code(struct ctl *ctl, const char *text, enum fl_code *code)
{
	for (int i = 1; i < FL_E_COUNT; i++)
		if (strcmp(fl_code_name((enum fl_code)i), text) == 0) {
			*code = (enum fl_code)i;
			return true;
		}
	ctl_usage(ctl, "--code: there is no error code \"%s\"; docs/errors.md lists them", text);
	return false;
}

/* export, replay, drop: which letters, and what is to be done. */
static int
change(struct ctl *ctl, struct dlq_choice *choice, bool execute)
{
	const char *verb = ctl->args[0];
	bool is_export = strcmp(verb, "export") == 0, is_drop = strcmp(verb, "drop") == 0;
	int ways;

	choice->ids = ctl->args + 1;
	choice->id_count = ctl->arg_count - 1;
	ways = (choice->id_count > 0) + choice->all + (choice->where != NULL) + (choice->file != NULL);
	if (is_export && ways == 0)
		choice->all = true;
	else if (ways != 1)
		return ctl_usage(ctl, "%s wants one of: IDs, --all, --where%s", verb,
		    is_export ? "" : ", --file");
	if (is_export && (choice->file != NULL || execute))
		return ctl_usage(ctl, "export takes neither --file nor --execute");
	return is_export ? dlq_export(ctl, choice) : dlq_change(ctl, choice, is_drop, execute);
}

static bool
is_change(const char *verb)
{
	return strcmp(verb, "export") == 0 || strcmp(verb, "replay") == 0 || strcmp(verb, "drop") == 0;
}

int
cmd_dlq(struct ctl *ctl)
{
	struct job job = {.limit = 100};
	struct dlq_choice choice = {0};
	const char *option, *value;
	struct fl_err err = {0};
	bool execute = false;
	int status = CTL_OK;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "limit") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.limit);
		else if (strcmp(option, "code") == 0)
			find_code(ctl, value, &job.code);
		else if (strcmp(option, "all") == 0)
			choice.all = true;
		else if (strcmp(option, "where") == 0)
			choice.where = value;
		else if (strcmp(option, "file") == 0)
			choice.file = value;
		else
			execute = true;
	}
	if (!ctl_need_args(ctl, 1, 1000))
		return ctl->status;
	if (is_change(ctl->args[0]))
		return change(ctl, &choice, execute);
	if (choice.all || choice.where != NULL || choice.file != NULL || execute)
		return ctl_usage(ctl, "--all, --where, --file and --execute are of export, replay and drop");
	if (strcmp(ctl->args[0], "summary") == 0 && ctl->arg_count == 1)
		return summarize(ctl);
	job.json = ctl->json;
	if (strcmp(ctl->args[0], "show") == 0 && ctl->arg_count == 2)
		job.wanted_id = ctl->args[1];
	else if (strcmp(ctl->args[0], "list") != 0 || ctl->arg_count != 1)
		return ctl_usage(ctl, "expected list, summary, show ID, export, replay or drop");
	out_init(&job.table, NULL, "id,code,partition#,offset#,bytes#,reason");
	fl_buf_init(&job.out);
	if (walk_all(ctl, &job, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	else if (job.wanted_id != NULL)
		out_write(&job.out);
	else {
		out_flush(ctl, &job.table);
		if (job.table.row_count == 0)
			ctl_say(ctl, "no dead letters");
		if (job.limit > 0 && job.table.row_count >= job.limit)
			ctl_say(ctl, "(the first %" PRId64 "; --limit 0 lists all)", job.limit);
	}
	fl_buf_fini(&job.out);
	out_fini(&job.table);
	return status;
}
