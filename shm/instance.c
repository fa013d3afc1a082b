/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.c - the catalog: which pipelines there are, and what they read.
 *
 *	META "instance" -> {"next_stream", "revision", "settings": {...}}
 *	PIPELINES name  -> {"sql", "file", "dir", "brokers", "files": {path: text},
 *			    "text", "uuid", "streams": [id...], "created_ms", "is_resetting"}
 *	STREAMS id      -> {"identity", "brokers", "pipelines": [name...]}
 *	COMMANDS number -> {"program", "verb", "arguments"}
 *
 * Applying compiles from disk and keeps every file that the compiler asked for; the
 * programs compile from what was kept.  So all of them see one plan, whatever
 * happens to the files afterwards.
 *
 * A stream's number is what blocks carry.  Pipelines that declare the same stream
 * share a number, hence its blocks, if a newcomer loses nothing by it: the log still
 * holds the stream from its beginning, and its beginning does not depend on when it
 * was asked for.  Numbers are never used again.
 */
#include "shm/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "shm/pipeline.h"
#include "shm/step.h"

#define CATALOG_MAP_SIZE (UINT64_C(1) << 30)
#define SQL_SIZE_MAX (1u << 20)
#define DUMP_FLAGS (JSON_COMPACT | JSON_SORT_KEYS)

/* ---- JSON in the catalog ---- */

static enum fl_code
put_json(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, const json_t *json,
    struct fl_err *err)
{
	char *text = json_dumps(json, DUMP_FLAGS);
	enum fl_code code;
	size_t size;

	if (text == NULL)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "catalog: a text is not valid UTF-8");
	size = strlen(text);
	if (size > FL_VALUE_SIZE_MAX - sizeof(struct fl_value_head))
		code = FL_FAIL(err, FL_E_BAD_CONFIG,
		    "the SQL text and the files it names take %zu bytes in the catalog, at most %u "
		    "fit",
		    size, FL_VALUE_SIZE_MAX - (unsigned)sizeof(struct fl_value_head));
	else
		code = fl_txn_put(txn, dbi, key, key_size, 0, text, size, err);
	free(text);
	return code;
}

static enum fl_code
parse_json(const void *value, size_t size, const char *what, json_t **json, struct fl_err *err)
{
	json_error_t wrong;
	json_t *j = json_loadb(value, size, JSON_REJECT_DUPLICATES, &wrong);

	if (!json_is_object(j)) {
		json_decref(j);
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "catalog: %s: %s", what,
		    j == NULL ? wrong.text : "not an object");
	}
	*json = j;
	return FL_OK;
}

/* *json NULL: no such key. */
static enum fl_code
get_json(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, const char *what,
    json_t **json, struct fl_err *err)
{
	const void *value;
	size_t size;
	bool found;

	FL_TRY(fl_txn_get(txn, dbi, key, key_size, &found, NULL, &value, &size, err));
	if (found)
		return parse_json(value, size, what, json, err);
	*json = NULL;
	return FL_OK;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static uint64_t
number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* ---- opening ---- */

static enum fl_code
open_catalog(struct fl_instance *instance, bool create, struct fl_err *err)
{
	struct fl_store_options options = {.role = FL_ROLE_CATALOG, .map_size = CATALOG_MAP_SIZE};
	char path[PATH_MAX], file[PATH_MAX];
	enum fl_code code;

	(void)fl_instance_path(instance, FL_ROLE_CATALOG, NULL, path, sizeof(path));
	(void)snprintf(file, sizeof(file), "%s/catalog/data.mdb", instance->dir);
	options.write = access(file, W_OK) == 0;
	if (!create || options.write)
		return fl_store_open(path, &options, &instance->catalog, err);
	options.write = true;
	options.create = true;
	fl_uuid_make(&options.instance);
	code = fl_store_open(path, &options, &instance->catalog, err);
	if (code == FL_E_STORE_MISMATCH) { /* another process made it a moment ago */
		memset(&options.instance, 0, sizeof(options.instance));
		code = fl_store_open(path, &options, &instance->catalog, err);
	}
	return code;
}

static enum fl_code
make_dirs(const char *dir, struct fl_err *err)
{
	static const char *const subs[] = {"", "/pipelines", "/run", "/log"};
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(subs); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s%s", dir, subs[i]) >= sizeof(path))
			return FL_FAIL(
			    err, FL_E_BAD_CONFIG, "instance \"%s\": the path is too long", dir);
		FL_TRY(fl_mkdirs(path, err));
	}
	return FL_OK;
}

enum fl_code
fl_instance_open(const char *dir, bool create, struct fl_instance **instance, struct fl_err *err)
{
	struct fl_instance *in;
	char *real;
	enum fl_code code;

	if (create)
		FL_TRY(make_dirs(dir, err));
	real = realpath(dir, NULL);
	if (real == NULL)
		return FL_FAIL_NATIVE(err, errno == ENOENT ? FL_E_NO_SUCH_OBJECT : FL_E_BAD_CONFIG,
		    errno, "instance \"%s\": %s", dir, strerror(errno));
	in = fl_calloc(1, sizeof(*in));
	in->dir = real;
	code = open_catalog(in, create, err);
	if (code != FL_OK) {
		fl_instance_close(&in);
		return code;
	}
	in->uuid = fl_store_meta(in->catalog)->instance;
	*instance = in;
	return FL_OK;
}

static void
free_pipelines(struct fl_instance *instance)
{
	uint32_t i;

	for (i = 0; i < instance->pipeline_count; i++) {
		struct fl_pipeline *p = &instance->pipelines[i];

		fl_plan_free(&p->plan);
		free(p->stream_ids);
		free(p->name);
		free(p->sql);
		free(p->brokers);
		free(p->file);
	}
	free(instance->pipelines);
	instance->pipelines = NULL;
	instance->pipeline_count = 0;
}

void
fl_instance_close(struct fl_instance **instance)
{
	struct fl_instance *in = *instance;

	if (in == NULL)
		return;
	free_pipelines(in);
	fl_store_close(&in->catalog);
	free(in->dir);
	free(in);
	*instance = NULL;
}

const struct fl_table *
fl_instance_table(const struct fl_instance *instance, uint32_t stream)
{
	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		const struct fl_pipeline *p = &instance->pipelines[i];

		for (uint32_t s = 0; s < p->plan->stream_count; s++)
			if (p->stream_ids[s] == stream)
				return p->plan->streams[s].table;
	}
	return NULL;
}

static void
encode_name(const char *name, char *out, size_t size)
{
	size_t at = 0;

	for (; *name != '\0' && at + 4 < size; name++) {
		unsigned char c = (unsigned char)*name;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '-';

		if (plain)
			out[at++] = (char)c;
		else
			at += (size_t)snprintf(out + at, size - at, "%%%02X", (unsigned)c);
	}
	out[at] = '\0';
}

const char *
fl_instance_path(const struct fl_instance *instance, enum fl_role role, const char *pipeline,
    char *buf, size_t size)
{
	char name[3 * FL_PIPELINE_NAME_MAX + 5];

	switch (role) {
	case FL_ROLE_CATALOG:
		(void)snprintf(buf, size, "%s/catalog", instance->dir);
		break;
	case FL_ROLE_INGEST:
		(void)snprintf(buf, size, "%s/ingest", instance->dir);
		break;
	case FL_ROLE_PIPELINE:
		assert(pipeline != NULL);
		encode_name(pipeline, name, sizeof(name));
		(void)snprintf(buf, size, "%s/pipelines/%s", instance->dir, name);
		break;
	case FL_ROLE_EMIT:
		(void)snprintf(buf, size, "%s/emit", instance->dir);
		break;
	}
	return buf;
}

enum fl_code
fl_instance_store(const struct fl_instance *instance, enum fl_role role, const char *pipeline,
    bool write, struct fl_store **store, struct fl_err *err)
{
	struct fl_store_options options = {.role = role, .write = write, .create = write,
	    .instance = instance->uuid};
	char path[PATH_MAX];

	(void)fl_instance_path(instance, role, pipeline, path, sizeof(path));
	return fl_store_open(path, &options, store, err);
}

/* Is the cursor of the store (ingest's or a pipeline's) one of a finished run? */
static enum fl_code
read_finished(struct fl_txn *txn, enum fl_role role, bool *finished, struct fl_err *err)
{
	struct fl_pipeline_cursor_view view;
	const struct fl_partition_cursor *parts;
	const struct fl_ingest_cursor *cursor;
	bool found;

	if (role == FL_ROLE_INGEST) {
		FL_TRY(fl_ingest_cursor_get(txn, &found, &cursor, &parts, err));
		*finished = found && cursor->finished != 0;
	} else {
		FL_TRY(fl_pipeline_cursor_get(txn, &found, &view, err));
		*finished = found && view.head->finished != 0;
	}
	return FL_OK;
}

static enum fl_code
clear_finished(struct fl_txn *txn, enum fl_role role, struct fl_err *err)
{
	enum fl_dbi dbi = role == FL_ROLE_INGEST ? FL_DBI_INGEST_META : FL_DBI_PIPELINE_META;
	const void *value;
	enum fl_code code;
	struct fl_buf buf;
	bool found;
	size_t size;

	FL_TRY(fl_txn_get(txn, dbi, "cursor", 6, &found, NULL, &value, &size, err));
	fl_buf_init(&buf);
	fl_buf_add(&buf, value, size);
	if (role == FL_ROLE_INGEST)
		((struct fl_ingest_cursor *)(void *)buf.data)->finished = 0;
	else
		((struct fl_pipeline_cursor *)(void *)buf.data)->finished = 0;
	code = fl_txn_put(txn, dbi, "cursor", 6, 0, buf.data, size, err);
	fl_buf_fini(&buf);
	return code;
}

static enum fl_code
reopen_store(
    const struct fl_instance *instance, enum fl_role role, const char *pipeline, struct fl_err *err)
{
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	bool finished = false;
	enum fl_code code;

	code = fl_instance_store(instance, role, pipeline, false, &store, err);
	if (code == FL_E_NO_SUCH_OBJECT) /* it never ran */
		return FL_OK;
	if (code == FL_OK)
		code = fl_txn_begin_read(store, &txn, err);
	if (code == FL_OK)
		code = read_finished(txn, role, &finished, err);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	if (code != FL_OK || !finished)
		return code;
	FL_TRY(fl_instance_store(instance, role, pipeline, true, &store, err));
	code = fl_txn_begin_write(store, &txn, err);
	if (code == FL_OK)
		code = fl_txn_end(&txn, clear_finished(txn, role, err), err);
	fl_store_close(&store);
	return code;
}

enum fl_code
fl_instance_reopen(const struct fl_instance *instance, struct fl_err *err)
{
	FL_TRY(reopen_store(instance, FL_ROLE_INGEST, NULL, err));
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		FL_TRY(reopen_store(instance, FL_ROLE_PIPELINE, instance->pipelines[i].name, err));
	return FL_OK;
}

/* ---- files that the compiler asks for ---- */

struct recorder {
	json_t *files;		/* path -> text */
	fl_sql_read_file *read; /* the caller's, or NULL: disk */
	void *ctx;
	const char *dir; /* relative paths start here; NULL: where we are */
};

static const char *
read_disk(const char *dir, const char *name, struct fl_arena *arena, struct fl_err *err)
{
	const char *path =
	    name[0] == '/' || dir == NULL ? name : fl_arena_printf(arena, "%s/%s", dir, name);
	const char *text = NULL;
	struct fl_buf buf;

	fl_buf_init(&buf);
	if (fl_file_read(path, SQL_SIZE_MAX, &buf, err) == FL_OK)
		text = fl_arena_strndup(arena, buf.data != NULL ? buf.data : "", buf.size);
	fl_buf_fini(&buf);
	return text;
}

static const char *
record_file(void *ctx, const char *path, struct fl_arena *arena, struct fl_err *err)
{
	struct recorder *recorder = ctx;
	const char *text = recorder->read != NULL ? recorder->read(recorder->ctx, path, arena, err)
						  : read_disk(recorder->dir, path, arena, err);

	if (text == NULL)
		return NULL;
	if (json_object_set_new(recorder->files, path, json_string(text)) != 0) {
		(void)FL_FAIL(err, FL_E_BAD_SCHEMA, "file \"%s\": it is not UTF-8 text", path);
		return NULL;
	}
	return text;
}

static const char *
read_kept(void *ctx, const char *path, struct fl_arena *arena, struct fl_err *err)
{
	const char *text = json_string_value(json_object_get(ctx, path));

	if (text == NULL) {
		(void)FL_FAIL(err, FL_E_NO_SUCH_FILE,
		    "file \"%s\" is not in the catalog; apply the pipeline again", path);
		return NULL;
	}
	return fl_arena_strdup(arena, text);
}

/* ---- streams ---- */

/* What ingest has of a stream. */
struct stream_use {
	bool is_trimmed;  /* rows of it are no longer in the log */
	bool has_started; /* its start is resolved */
};

static enum fl_code
find_use(
    const struct fl_instance *instance, uint32_t id, struct stream_use *use, struct fl_err *err)
{
	const struct fl_partition_cursor *partitions;
	const struct fl_ingest_cursor *cursor;
	struct fl_err local = {.code = FL_OK};
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	enum fl_code code;
	bool found = false;
	uint32_t i;

	memset(use, 0, sizeof(*use));
	code = fl_instance_store(instance, FL_ROLE_INGEST, NULL, false, &store, &local);
	if (code == FL_E_NO_SUCH_OBJECT) /* ingest never ran */
		return FL_OK;
	if (code == FL_OK)
		code = fl_txn_begin_read(store, &txn, &local);
	if (code == FL_OK)
		code = fl_ingest_cursor_get(txn, &found, &cursor, &partitions, &local);
	for (i = 0; code == FL_OK && found && i < cursor->partition_count; i++) {
		if (partitions[i].stream != id)
			continue;
		use->has_started = true;
		if (cursor->first_step > 1 && partitions[i].rows > 0)
			use->is_trimmed = true;
	}
	fl_txn_abort(&txn);
	fl_store_close(&store);
	if (code != FL_OK && err != NULL)
		*err = local;
	return code;
}

static bool
starts_when_asked(const struct fl_table *table)
{
	/* Files are read from their beginning, whatever the default of Kafka tables is. */
	return table->connector == FL_CONNECTOR_KAFKA &&
	       (table->startup == FL_STARTUP_LATEST || table->startup == FL_STARTUP_GROUP_OFFSETS);
}

/* A number whose blocks the newcomer may use as they are; 0: none. */
static enum fl_code
find_stream(const struct fl_instance *instance, struct fl_txn *txn, const struct fl_stream *stream,
    const char *identity, const char *brokers, uint32_t *id, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct stream_use use;
	struct fl_item item;
	enum fl_code code;
	bool found, same;
	json_t *json;

	*id = 0;
	FL_TRY(fl_cursor_open(txn, FL_DBI_CATALOG_STREAMS, &cursor, err));
	code = fl_cursor_seek(cursor, NULL, 0, &found, &item, err);
	for (; code == FL_OK && found && *id == 0;
	     code = fl_cursor_next(cursor, &found, &item, err)) {
		uint32_t number = fl_key_get_u32(item.key);

		code = parse_json(item.value, item.size, "a stream", &json, err);
		if (code != FL_OK)
			break;
		same = strcmp(text_of(json, "identity"), identity) == 0 &&
		       strcmp(text_of(json, "brokers"), brokers) == 0;
		json_decref(json);
		if (!same)
			continue;
		if (stream->letters_of >= 0) { /* they began when the records did */
			*id = number;
			break;
		}
		code = find_use(instance, number, &use, err);
		if (code != FL_OK)
			break;
		if (!use.is_trimmed && !(use.has_started && starts_when_asked(stream->table)))
			*id = number;
	}
	fl_cursor_close(&cursor);
	return code;
}

/* Adds or removes the pipeline's name; a stream that nobody reads is deleted. */
static enum fl_code
use_stream(struct fl_txn *txn, uint32_t id, const char *pipeline, bool add, const char *identity,
    const char *brokers, struct fl_err *err)
{
	json_t *json = NULL, *names, *kept;
	enum fl_code code;
	uint8_t key[4];
	size_t i;

	fl_key_u32(key, id);
	FL_TRY(get_json(txn, FL_DBI_CATALOG_STREAMS, key, 4, "a stream", &json, err));
	if (json == NULL) {
		if (!add)
			return FL_OK;
		json = json_pack(
		    "{s:s,s:s,s:[]}", "identity", identity, "brokers", brokers, "pipelines");
		if (json == NULL)
			return FL_FAIL(err, FL_E_BAD_CONFIG, "a stream's identity is not UTF-8");
	}
	names = json_object_get(json, "pipelines");
	kept = json_array();
	for (i = 0; i < json_array_size(names); i++) {
		json_t *name = json_array_get(names, i);

		if (json_is_string(name) && strcmp(json_string_value(name), pipeline) != 0)
			(void)json_array_append(kept, name);
	}
	if (add)
		(void)json_array_append_new(kept, json_string(pipeline));
	if (json_array_size(kept) == 0) {
		json_decref(kept);
		code = fl_txn_del(txn, FL_DBI_CATALOG_STREAMS, key, 4, err);
	} else {
		(void)json_object_set_new(json, "pipelines", kept);
		code = put_json(txn, FL_DBI_CATALOG_STREAMS, key, 4, json, err);
	}
	json_decref(json);
	return code;
}

/* pipeline NULL: it has none yet. */
static enum fl_code
leave_streams(struct fl_txn *txn, const char *name, const json_t *pipeline, struct fl_err *err)
{
	const json_t *ids = json_object_get(pipeline, "streams");

	for (size_t i = 0; i < json_array_size(ids); i++)
		FL_TRY(use_stream(txn, (uint32_t)json_integer_value(json_array_get(ids, i)), name,
		    false, NULL, NULL, err));
	return FL_OK;
}

/* ---- applying ---- */

/* One application on its way: what is found, then what is written. */
struct apply {
	struct fl_instance *instance;
	const char *name;
	struct fl_plan *plan;
	struct recorder recorder;
	const struct fl_sql_env *env; /* with the recorder */
	const char *text;	      /* SQL as given */
	bool reset;
	bool removes_store;
	json_t *settings, *old;
};

static enum fl_code
get_settings(struct fl_txn *txn, json_t **settings, struct fl_err *err)
{
	FL_TRY(get_json(txn, FL_DBI_CATALOG_META, "instance", 8, "the settings", settings, err));
	if (*settings == NULL)
		*settings =
		    json_pack("{s:i,s:i,s:{}}", "next_stream", 1, "revision", 0, "settings");
	return FL_OK;
}

/* With a new revision: programs load again. */
static enum fl_code
put_settings(struct fl_txn *txn, json_t *settings, struct fl_err *err)
{
	(void)json_object_set_new(settings, "revision",
	    json_integer((json_int_t)number_of(settings, "revision") + 1));
	return put_json(txn, FL_DBI_CATALOG_META, "instance", 8, settings, err);
}

/* "line 4: was "...", now "..."": the first line that differs. */
static void
describe_change(const char *was, const char *now, char *buf, size_t size)
{
	size_t a, b;
	int line;

	for (line = 1;; line++) {
		a = strcspn(was, "\n");
		b = strcspn(now, "\n");
		if (a != b || memcmp(was, now, a) != 0 || (was[a] == '\0') != (now[b] == '\0') ||
		    was[a] == '\0')
			break;
		was += a + 1;
		now += b + 1;
	}
	(void)snprintf(buf, size, "line %d of its canonical form was \"%.*s\", is now \"%.*s\"",
	    line, (int)FL_MIN(a, (size_t)150), was, (int)FL_MIN(b, (size_t)150), now);
}

/* Dead letters are those of one stream of this instance, whatever its identity. */
static void
make_identity(const struct fl_stream *stream, const json_t *ids, struct fl_buf *identity)
{
	fl_buf_init(identity);
	fl_buf_str(identity, stream->identity);
	if (stream->letters_of >= 0)
		fl_buf_printf(identity, ";stream=%d",
		    (int)json_integer_value(json_array_get(ids, (size_t)stream->letters_of)));
}

static enum fl_code
pick_streams(struct apply *apply, struct fl_txn *txn, json_t *ids, struct fl_err *err)
{
	uint64_t next = number_of(apply->settings, "next_stream");
	uint32_t i, id;

	for (i = 0; i < apply->plan->stream_count; i++) {
		const struct fl_stream *stream = &apply->plan->streams[i];
		const char *brokers = stream->table->brokers != NULL ? stream->table->brokers : "";

		enum fl_code code = FL_OK;
		struct fl_buf identity;

		id = 0;
		make_identity(stream, ids, &identity);
		if (!apply->reset || apply->old == NULL)
			code = find_stream(apply->instance, txn, stream, identity.data, brokers, &id, err);
		if (id == 0)
			id = (uint32_t)next++;
		if (code == FL_OK)
			code = use_stream(txn, id, apply->name, true, identity.data, brokers, err);
		fl_buf_fini(&identity);
		FL_TRY(code);
		(void)json_array_append_new(ids, json_integer(id));
	}
	(void)json_object_set_new(apply->settings, "next_stream", json_integer((json_int_t)next));
	return FL_OK;
}

static enum fl_code
put_pipeline(struct apply *apply, struct fl_txn *txn, json_t *ids, const char *uuid,
    json_int_t created_ms, struct fl_err *err)
{
	const struct fl_sql_env *env = apply->env;
	json_t *json = json_pack("{s:s,s:s,s:s,s:s*,s:O,s:s,s:s,s:O,s:I,s:b}", "sql", apply->text,
	    "file", env->file != NULL ? env->file : apply->name, "dir",
	    env->dir != NULL ? env->dir : "", "brokers", env->brokers, "files",
	    apply->recorder.files, "text", apply->plan->text, "uuid", uuid, "streams", ids,
	    "created_ms", created_ms, "is_resetting", (int)apply->removes_store);
	enum fl_code code;

	if (json == NULL)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "pipeline \"%s\": the SQL text or a name in it is not valid UTF-8",
		    apply->name);
	code = put_json(txn, FL_DBI_CATALOG_PIPELINES, apply->name, strlen(apply->name), json, err);
	json_decref(json);
	return code;
}

/* A new pipeline, or one that starts anew. */
static enum fl_code
write_new(struct apply *apply, struct fl_txn *txn, struct fl_err *err)
{
	enum fl_code code = leave_streams(txn, apply->name, apply->old, err);
	json_t *ids = json_array();
	struct fl_uuid uuid;
	char text[37];

	if (code == FL_OK)
		code = pick_streams(apply, txn, ids, err);
	fl_uuid_make(&uuid);
	if (code == FL_OK)
		code = put_pipeline(
		    apply, txn, ids, fl_uuid_print(&uuid, text), (json_int_t)fl_now_ms(), err);
	json_decref(ids);
	return code;
}

/* A stream is where its pipelines say now: who comes later compares with that. */
static enum fl_code
move_streams(struct apply *apply, struct fl_txn *txn, const json_t *ids, struct fl_err *err)
{
	for (uint32_t i = 0; i < apply->plan->stream_count; i++) {
		const struct fl_stream *stream = &apply->plan->streams[i];
		const char *brokers = stream->table->brokers != NULL ? stream->table->brokers : "";
		json_t *json = NULL;
		struct fl_buf identity;
		enum fl_code code;
		uint8_t key[4];

		fl_key_u32(key, (uint32_t)json_integer_value(json_array_get(ids, i)));
		FL_TRY(get_json(txn, FL_DBI_CATALOG_STREAMS, key, 4, "a stream", &json, err));
		if (json == NULL)
			continue;
		make_identity(stream, ids, &identity);
		(void)json_object_set_new(json, "identity", json_string(identity.data));
		(void)json_object_set_new(json, "brokers", json_string(brokers));
		code = put_json(txn, FL_DBI_CATALOG_STREAMS, key, 4, json, err);
		fl_buf_fini(&identity);
		json_decref(json);
		FL_TRY(code);
	}
	return FL_OK;
}

/* The same plan: text, comments, addresses may be new, and where relative paths are. */
static enum fl_code
write_same(struct apply *apply, struct fl_txn *txn, struct fl_err *err)
{
	if (json_is_true(json_object_get(apply->old, "is_resetting")))
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": a reset or a drop was interrupted; run it again with "
		    "--reset",
		    apply->name);
	FL_TRY(move_streams(apply, txn, json_object_get(apply->old, "streams"), err));
	return put_pipeline(apply, txn, json_object_get(apply->old, "streams"),
	    text_of(apply->old, "uuid"), (json_int_t)number_of(apply->old, "created_ms"), err);
}

/* The table that the pipeline goes on from and writes: starting anew counts on top of it. */
static const struct fl_table *
own_source(const struct fl_plan *plan)
{
	for (uint32_t i = 0; i < plan->table_count; i++)
		if (plan->tables[i]->is_source && plan->tables[i]->is_sink)
			return plan->tables[i];
	return NULL;
}

static enum fl_code
fail_changed(const struct apply *apply, const char *was, struct fl_err *err)
{
	const struct fl_table *own = own_source(apply->plan);
	char change[300];

	describe_change(was, apply->plan->text, change, sizeof(change));
	return FL_FAIL(err, FL_E_PLAN_CHANGED,
	    "pipeline \"%s\" has changed: %s; --reset starts it anew, and its results come again%s%.64s%s",
	    apply->name, change, own != NULL ? ", on top of what table \"" : "",
	    own != NULL ? own->name : "", own != NULL ? "\" holds" : "");
}

static enum fl_code
write_apply(struct apply *apply, struct fl_txn *txn, struct fl_err *err)
{
	const char *was;

	FL_TRY(get_settings(txn, &apply->settings, err));
	FL_TRY(get_json(txn, FL_DBI_CATALOG_PIPELINES, apply->name, strlen(apply->name),
	    "a pipeline", &apply->old, err));
	was = text_of(apply->old, "text");
	if (apply->old != NULL && !apply->reset && strcmp(was, apply->plan->text) != 0)
		return fail_changed(apply, was, err);
	apply->removes_store = apply->old != NULL && apply->reset;
	if (apply->old == NULL || apply->reset)
		FL_TRY(write_new(apply, txn, err));
	else
		FL_TRY(write_same(apply, txn, err));
	return put_settings(txn, apply->settings, err);
}

static enum fl_code
commit_apply(struct apply *apply, struct fl_err *err)
{
	struct fl_txn *txn = NULL;

	FL_TRY(fl_txn_begin_write(apply->instance->catalog, &txn, err));
	return fl_txn_end(&txn, write_apply(apply, txn, err), err);
}

/* ---- resetting and dropping ---- */

enum edit {
	EDIT_LOOK,   /* only whether it is there */
	EDIT_CLOSE,  /* its store goes: it cannot be loaded */
	EDIT_REOPEN, /* the store is gone: it may be loaded again */
	EDIT_DELETE, /* with the streams that nobody else reads */
};

static enum fl_code
write_edit(struct fl_txn *txn, const char *name, json_t *json, enum edit edit, struct fl_err *err)
{
	json_t *settings = NULL;
	enum fl_code code;

	if (edit == EDIT_LOOK)
		return FL_OK;
	if (edit != EDIT_DELETE) {
		(void)json_object_set_new(json, "is_resetting", json_boolean(edit == EDIT_CLOSE));
		return put_json(txn, FL_DBI_CATALOG_PIPELINES, name, strlen(name), json, err);
	}
	FL_TRY(leave_streams(txn, name, json, err));
	FL_TRY(fl_txn_del(txn, FL_DBI_CATALOG_PIPELINES, name, strlen(name), err));
	FL_TRY(get_settings(txn, &settings, err));
	code = put_settings(txn, settings, err);
	json_decref(settings);
	return code;
}

static enum fl_code
edit_pipeline(struct fl_instance *instance, const char *name, enum edit edit, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	json_t *json = NULL;
	enum fl_code code;

	FL_TRY(fl_txn_begin_write(instance->catalog, &txn, err));
	code =
	    get_json(txn, FL_DBI_CATALOG_PIPELINES, name, strlen(name), "a pipeline", &json, err);
	if (code == FL_OK && json == NULL)
		code = FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "there is no pipeline \"%s\"; `flightctl status` lists those there are", name);
	if (code == FL_OK)
		code = write_edit(txn, name, json, edit, err);
	json_decref(json);
	return fl_txn_end(&txn, code, err);
}

/* While the lock is held aggregate cannot open the store, which may be taken away. */
static enum fl_code
lock_store(const struct fl_instance *instance, const char *name, char path[PATH_MAX], int *fd,
    struct fl_err *err)
{
	(void)fl_instance_path(instance, FL_ROLE_PIPELINE, name, path, PATH_MAX);
	if (fl_store_lock(path, fd, err) != FL_OK)
		return fl_err_context(err, "pipeline \"%s\": stop it first (flightctl down)", name);
	return FL_OK;
}

static enum fl_code
reset_and_commit(struct apply *apply, struct fl_err *err)
{
	char path[PATH_MAX], parent[PATH_MAX];
	enum fl_code code;
	int fd;

	(void)snprintf(parent, sizeof(parent), "%s/pipelines", apply->instance->dir);
	FL_TRY(fl_mkdirs(parent, err));
	FL_TRY(lock_store(apply->instance, apply->name, path, &fd, err));
	code = commit_apply(apply, err);
	if (code == FL_OK && apply->removes_store) {
		(void)fl_fault("reset.committed");
		code = fl_store_remove(path, err);
		if (code == FL_OK)
			code = edit_pipeline(apply->instance, apply->name, EDIT_REOPEN, err);
	}
	close(fd);
	return code;
}

static enum fl_code
check_name(const char *name, struct fl_err *err)
{
	const char *p;

	if (name[0] == '\0' || strlen(name) > FL_PIPELINE_NAME_MAX)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "pipeline.name \"%.80s\": expected 1 to %u bytes", name, FL_PIPELINE_NAME_MAX);
	for (p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			return FL_FAIL(err, FL_E_BAD_OPTION,
			    "pipeline.name \"%s\": it holds a control character", name);
	return FL_OK;
}

/* Closed first, deleted last: who is killed in between leaves a pipeline that no program
 * takes for whole, and that can be dropped again. */
enum fl_code
fl_instance_drop(
    struct fl_instance *instance, const char *name, bool execute, struct fl_err *err)
{
	char path[PATH_MAX];
	enum fl_code code;
	int fd;

	FL_TRY(check_name(name, err));
	FL_TRY(edit_pipeline(instance, name, EDIT_LOOK, err));
	if (!execute)
		return FL_OK;
	FL_TRY(lock_store(instance, name, path, &fd, err));
	code = edit_pipeline(instance, name, EDIT_CLOSE, err);
	(void)fl_fault("drop.closed");
	if (code == FL_OK)
		code = fl_store_remove(path, err);
	(void)fl_fault("drop.removed");
	if (code == FL_OK)
		code = edit_pipeline(instance, name, EDIT_DELETE, err);
	close(fd);
	return code;
}

static enum fl_code
apply_plan(struct fl_instance *instance, const char *name, const char *text,
    const struct fl_sql_env *env, bool reset, struct fl_buf *detail, struct fl_err *err)
{
	struct fl_sql_env recording = *env;
	struct apply apply = {
	    .instance = instance, .text = text, .reset = reset, .env = &recording};
	enum fl_code code;

	apply.recorder =
	    (struct recorder){.files = json_object(), .read = env->read_file, .ctx = env->ctx,
		.dir = env->dir};
	recording.read_file = record_file;
	recording.ctx = &apply.recorder;
	recording.require_insert = true;
	code = fl_sql_compile(text, strlen(text), &recording, &apply.plan, detail, err);
	if (code == FL_OK) {
		apply.name = name != NULL ? name : apply.plan->name;
		code = check_name(apply.name, err);
	}
	if (code == FL_OK)
		code = reset ? reset_and_commit(&apply, err) : commit_apply(&apply, err);
	json_decref(apply.recorder.files);
	json_decref(apply.settings);
	json_decref(apply.old);
	fl_plan_free(&apply.plan);
	return code;
}

enum fl_code
fl_instance_apply_text(struct fl_instance *instance, const char *name, const char *text,
    const struct fl_sql_env *env, bool reset, struct fl_buf *detail, struct fl_err *err)
{
	struct fl_sql_env named = *env;

	if (named.file == NULL)
		named.file = name;
	return apply_plan(instance, name, text, &named, reset, detail, err);
}

enum fl_code
fl_instance_apply(struct fl_instance *instance, const char *sql_file, const char *brokers,
    bool reset, struct fl_buf *detail, struct fl_err *err)
{
	struct fl_sql_env env = {.brokers = brokers};
	char *file = realpath(sql_file, NULL), dir[PATH_MAX];
	struct fl_buf text;
	enum fl_code code;

	if (file == NULL)
		return FL_FAIL_NATIVE(
		    err, FL_E_NO_SUCH_FILE, errno, "file \"%s\": %s", sql_file, strerror(errno));
	fl_dir_of(file, dir, sizeof(dir));
	env.file = file;
	env.dir = dir;
	fl_buf_init(&text);
	code = fl_file_read(file, SQL_SIZE_MAX, &text, err);
	if (code == FL_OK && text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
		code = FL_FAIL(err, FL_E_SQL_SYNTAX, "file \"%s\": it holds a NUL byte", sql_file);
	if (code == FL_OK)
		code = apply_plan(
		    instance, NULL, text.data != NULL ? text.data : "", &env, reset, detail, err);
	fl_buf_fini(&text);
	free(file);
	return code;
}

/* ---- loading ---- */

static enum fl_code
load_pipeline(struct fl_pipeline *p, const json_t *json, bool allow_test, struct fl_err *err)
{
	struct fl_sql_env env = {.file = text_of(json, "file"),
	    .dir = text_of(json, "dir"),
	    .read_file = read_kept,
	    .ctx = json_object_get(json, "files"),
	    .brokers = json_string_value(json_object_get(json, "brokers")),
	    .allow_test = allow_test,
	    .require_insert = true};
	const json_t *ids = json_object_get(json, "streams");
	const char *sql = text_of(json, "sql");
	char change[400];
	uint32_t i;

	if (json_is_true(json_object_get(json, "is_resetting")))
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "a reset or a drop was interrupted; apply it again with --reset, or drop it");
	FL_TRY(fl_sql_compile(sql, strlen(sql), &env, &p->plan, NULL, err));
	if (strcmp(p->plan->text, text_of(json, "text")) != 0) {
		describe_change(text_of(json, "text"), p->plan->text, change, sizeof(change));
		return FL_FAIL(err, FL_E_PLAN_CHANGED,
		    "this version of Flight reads it differently: %s; --reset starts it anew",
		    change);
	}
	if (json_array_size(ids) != p->plan->stream_count)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "catalog: it has %zu stream numbers, expected %u", json_array_size(ids),
		    (unsigned)p->plan->stream_count);
	p->stream_ids = fl_calloc(FL_MAX(p->plan->stream_count, 1u), sizeof(p->stream_ids[0]));
	for (i = 0; i < p->plan->stream_count; i++)
		p->stream_ids[i] = (uint32_t)json_integer_value(json_array_get(ids, i));
	p->sql = fl_strdup(sql);
	p->file = fl_strdup(env.file);
	if (env.brokers != NULL)
		p->brokers = fl_strdup(env.brokers);
	return FL_OK;
}

static bool
parse_uuid(const char *text, struct fl_uuid *uuid)
{
	size_t at = 0;

	for (; *text != '\0' && at < 32; text++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, *text);

		if (*text == '-')
			continue;
		if (digit == NULL)
			return false;
		uuid->bytes[at / 2] = (uint8_t)(uuid->bytes[at / 2] << 4 | (digit - digits));
		at++;
	}
	return at == 32 && *text == '\0';
}

static enum fl_code
load_item(struct fl_instance *instance, const struct fl_item *item, struct fl_err *err)
{
	struct fl_pipeline *p;
	json_t *json = NULL;
	enum fl_code code;

	instance->pipelines = fl_realloc(instance->pipelines,
	    ((size_t)instance->pipeline_count + 1) * sizeof(instance->pipelines[0]));
	p = &instance->pipelines[instance->pipeline_count++];
	memset(p, 0, sizeof(*p));
	p->name = fl_malloc(item->key_size + 1);
	memcpy(p->name, item->key, item->key_size);
	p->name[item->key_size] = '\0';
	code = parse_json(item->value, item->size, "a pipeline", &json, err);
	if (code == FL_OK && !parse_uuid(text_of(json, "uuid"), &p->uuid))
		code = FL_FAIL(err, FL_E_STORE_DAMAGED, "catalog: its uuid is damaged");
	if (code == FL_OK)
		code = load_pipeline(p, json, instance->allow_test, err);
	json_decref(json);
	if (code != FL_OK)
		(void)fl_err_context(err, "pipeline \"%s\"", p->name);
	return code;
}

static enum fl_code
read_revision(struct fl_txn *txn, uint64_t *revision, struct fl_err *err)
{
	json_t *settings = NULL;

	FL_TRY(get_settings(txn, &settings, err));
	*revision = number_of(settings, "revision");
	json_decref(settings);
	return FL_OK;
}

enum fl_code
fl_instance_load(struct fl_instance *instance, bool allow_test, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_txn *txn = NULL;
	struct fl_item item;
	enum fl_code code;
	bool found = false;

	free_pipelines(instance);
	instance->allow_test = allow_test;
	FL_TRY(fl_txn_begin_read(instance->catalog, &txn, err));
	code = read_revision(txn, &instance->revision, err);
	if (code == FL_OK)
		code = fl_cursor_open(txn, FL_DBI_CATALOG_PIPELINES, &cursor, err);
	if (code == FL_OK)
		code = fl_cursor_seek(cursor, NULL, 0, &found, &item, err);
	while (code == FL_OK && found) {
		code = load_item(instance, &item, err);
		if (code == FL_OK)
			code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_txn_abort(&txn);
	if (code != FL_OK)
		free_pipelines(instance);
	return code;
}

enum fl_code
fl_instance_changed(struct fl_instance *instance, bool *changed, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	uint64_t revision = 0;
	enum fl_code code;

	FL_TRY(fl_txn_begin_read(instance->catalog, &txn, err));
	code = read_revision(txn, &revision, err);
	fl_txn_abort(&txn);
	if (code == FL_OK)
		*changed = revision != instance->revision;
	return code;
}

/* ---- settings ---- */

enum fl_code
fl_instance_set(
    struct fl_instance *instance, const char *key, const char *value, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	json_t *settings = NULL;
	enum fl_code code;

	FL_TRY(fl_txn_begin_write(instance->catalog, &txn, err));
	code = get_settings(txn, &settings, err);
	if (code == FL_OK && json_object_set_new(json_object_get(settings, "settings"), key,
				 json_string(value)) != 0)
		code = FL_FAIL(err, FL_E_BAD_CONFIG, "setting \"%s\": not valid UTF-8", key);
	if (code == FL_OK)
		code = put_json(txn, FL_DBI_CATALOG_META, "instance", 8, settings, err);
	json_decref(settings);
	return fl_txn_end(&txn, code, err);
}

enum fl_code
fl_instance_get(struct fl_instance *instance, const char *key, bool *found, struct fl_buf *value,
    struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	json_t *settings = NULL;
	const char *text;
	enum fl_code code;

	FL_TRY(fl_txn_begin_read(instance->catalog, &txn, err));
	code = get_settings(txn, &settings, err);
	if (code == FL_OK) {
		text =
		    json_string_value(json_object_get(json_object_get(settings, "settings"), key));
		*found = text != NULL;
		fl_buf_reset(value);
		if (text != NULL)
			fl_buf_str(value, text);
	}
	json_decref(settings);
	fl_txn_abort(&txn);
	return code;
}

/* ---- commands ---- */

static enum fl_code
write_command(struct fl_txn *txn, const char *program, const char *verb, const char *arguments,
    uint64_t *number, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	enum fl_code code;
	uint64_t next;
	uint8_t key[8];
	json_t *json;
	bool found;

	FL_TRY(fl_cursor_open(txn, FL_DBI_CATALOG_COMMANDS, &cursor, err));
	FL_TRY(fl_cursor_last(cursor, &found, &item, err));
	next = found ? fl_key_get_u64(item.key) + 1 : 1;
	fl_key_u64(key, next);
	json = json_pack("{s:s,s:s,s:s,s:I}", "program", program, "verb", verb, "arguments",
	    arguments, "time_ms", (json_int_t)fl_now_ms());
	if (json == NULL)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "command \"%s\": not valid UTF-8", verb);
	code = put_json(txn, FL_DBI_CATALOG_COMMANDS, key, 8, json, err);
	json_decref(json);
	if (code == FL_OK)
		*number = next;
	return code;
}

enum fl_code
fl_command_put(struct fl_instance *instance, const char *program, const char *verb,
    const char *arguments, uint64_t *number, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	uint64_t written = 0;
	enum fl_code code;

	FL_TRY(fl_txn_begin_write(instance->catalog, &txn, err));
	code = write_command(txn, program, verb, arguments, &written, err);
	FL_TRY(fl_txn_end(&txn, code, err));
	if (number != NULL)
		*number = written;
	return FL_OK;
}

enum fl_code
fl_command_last(struct fl_instance *instance, uint64_t *number, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_txn *txn = NULL;
	struct fl_item item;
	enum fl_code code;
	bool found = false;

	*number = 0;
	if (instance->catalog == NULL) /* one that a test made by hand */
		return FL_OK;
	FL_TRY(fl_txn_begin_read(instance->catalog, &txn, err));
	code = fl_cursor_open(txn, FL_DBI_CATALOG_COMMANDS, &cursor, err);
	if (code == FL_OK)
		code = fl_cursor_last(cursor, &found, &item, err);
	if (code == FL_OK)
		*number = found ? fl_key_get_u64(item.key) : 0;
	fl_cursor_close(&cursor);
	fl_txn_abort(&txn);
	return code;
}

/* The first command for program after number `after`; *json NULL: there is none. */
static enum fl_code
next_command(struct fl_txn *txn, const char *program, uint64_t after, struct fl_command *command,
    json_t **json, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	uint8_t key[8];
	bool found;

	*json = NULL;
	fl_key_u64(key, after + 1);
	FL_TRY(fl_cursor_open(txn, FL_DBI_CATALOG_COMMANDS, &cursor, err));
	FL_TRY(fl_cursor_seek(cursor, key, 8, &found, &item, err));
	while (found) {
		FL_TRY(parse_json(item.value, item.size, "a command", json, err));
		*command = (struct fl_command){.number = fl_key_get_u64(item.key),
		    .program = text_of(*json, "program"),
		    .verb = text_of(*json, "verb"),
		    .arguments = text_of(*json, "arguments")};
		if (strcmp(command->program, program) == 0)
			return FL_OK;
		json_decref(*json);
		*json = NULL;
		FL_TRY(fl_cursor_next(cursor, &found, &item, err));
	}
	return FL_OK;
}

/* No transaction is open while fn runs: it may wait for a broker. */
enum fl_code
fl_command_each(struct fl_instance *instance, const char *program, uint64_t after,
    enum fl_code (*fn)(void *ctx, const struct fl_command *command, struct fl_err *err), void *ctx,
    struct fl_err *err)
{
	struct fl_command command;
	struct fl_txn *txn = NULL;
	enum fl_code code;
	json_t *json;

	for (;;) {
		FL_TRY(fl_txn_begin_read(instance->catalog, &txn, err));
		code = next_command(txn, program, after, &command, &json, err);
		fl_txn_abort(&txn);
		if (code != FL_OK || json == NULL)
			return code;
		after = command.number;
		code = fn(ctx, &command, err);
		json_decref(json);
		if (code != FL_OK)
			return code;
	}
}
