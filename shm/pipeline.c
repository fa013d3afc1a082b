/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.c - reads aggregate's cursor and emit's sink positions. */
#include "shm/pipeline.h"

#include <stdio.h>
#include <string.h>

enum fl_code
fl_pipeline_cursor_get(
    struct fl_txn *txn, bool *found, struct fl_pipeline_cursor_view *view, struct fl_err *err)
{
	const struct fl_pipeline_cursor *head;
	const void *value;
	size_t size;
	bool there;

	FL_TRY(
	    fl_txn_get(txn, FL_DBI_PIPELINE_META, "cursor", 6, &there, NULL, &value, &size, err));
	if (!there) {
		*found = false;
		return FL_OK;
	}
	head = value;
	if (size < sizeof(*head) ||
	    size - sizeof(*head) !=
		2 * (uint64_t)head->partition_count * sizeof(struct fl_partition_time) +
		    (uint64_t)head->query_count * sizeof(struct fl_query_count) +
		    (uint64_t)head->sink_count * sizeof(struct fl_sink_count))
		return FL_FAIL(
		    err, FL_E_STORE_DAMAGED, "pipeline cursor: %zu bytes do not fit", size);
	if (head->replay_from > head->r)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "pipeline cursor: replay begins after R");
	view->head = head;
	view->at_r = (const struct fl_partition_time *)(head + 1);
	view->at_replay = view->at_r + head->partition_count;
	view->queries =
	    (const struct fl_query_count *)(const void *)(view->at_replay + head->partition_count);
	view->sinks =
	    (const struct fl_sink_count *)(const void *)(view->queries + head->query_count);
	*found = true;
	return FL_OK;
}

/* At most this, so that "\0" and a row number still fit behind it into 64 bytes. */
#define SINK_KEY_MAX 55u

size_t
fl_sink_key(const char *pipeline, const char *sink, uint8_t key[64])
{
	size_t a = strlen(pipeline), b = strlen(sink), size = a + 1 + b;
	char hash[17];
	struct fl_buf whole;

	if (size <= SINK_KEY_MAX) {
		memcpy(key, pipeline, a);
		key[a] = 0;
		memcpy(key + a + 1, sink, b);
		return size;
	}
	/* Long names: their beginning and a hash of the whole. */
	fl_buf_init(&whole);
	fl_buf_add(&whole, pipeline, a);
	fl_buf_byte(&whole, '\0');
	fl_buf_add(&whole, sink, b);
	(void)snprintf(
	    hash, sizeof(hash), "%016llx", (unsigned long long)fl_hash64(whole.data, whole.size));
	memcpy(key, whole.data, SINK_KEY_MAX - 16);
	memcpy(key + SINK_KEY_MAX - 16, hash, 16);
	fl_buf_fini(&whole);
	return SINK_KEY_MAX;
}

enum fl_code
fl_sink_position_get(struct fl_txn *txn, const char *pipeline, const char *sink, bool *found,
    struct fl_sink_position *position, struct fl_err *err)
{
	const void *value;
	uint8_t key[64];
	size_t size;
	bool there;

	FL_TRY(fl_txn_get(txn, FL_DBI_EMIT_SINKS, key, fl_sink_key(pipeline, sink, key), &there,
	    NULL, &value, &size, err));
	if (!there) {
		*found = false;
		return FL_OK;
	}
	if (size != sizeof(*position))
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "position of sink \"%s\" of pipeline \"%s\": %zu bytes do not fit", sink,
		    pipeline, size);
	memcpy(position, value, sizeof(*position));
	position->error[sizeof(position->error) - 1] = '\0';
	*found = true;
	return FL_OK;
}

size_t
fl_sink_owner(const char *pipeline, const char *sink, uint8_t owner[64])
{
	size_t size = fl_sink_key(pipeline, sink, owner); /* <= 55 */

	owner[size++] = '\0';
	return size;
}

bool
fl_sink_has_letter(const char *pipeline, const char *sink, const void *key, size_t key_size)
{
	uint8_t owner[64];
	size_t size = fl_sink_owner(pipeline, sink, owner);

	return key_size == size + 8 && memcmp(key, owner, size) == 0;
}
