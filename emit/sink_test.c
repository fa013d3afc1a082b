/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_test.c - rows as lines in memory: what flow tests expect.
 *
 * The lines outlive close and open of the connection, as those of a real sink do,
 * but not the emit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink.h"

static enum fl_code
test_open(struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	(void)position;
	(void)err;
	if (sink->impl == NULL) {
		sink->impl = fl_malloc(sizeof(struct fl_buf));
		fl_buf_init(sink->impl);
	}
	sink->keeps_no_position = true;
	*known = false;
	return FL_OK;
}

static enum fl_code
test_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct fl_buf *lines = sink->impl;
	uint32_t k;

	(void)open_again;
	if (fl_fault("emit.test.refuse")) {
		run->refused = -1;
		return FL_FAIL(err, FL_E_SINK_REFUSED, "the test asked for it");
	}
	if (fl_fault("emit.test.away"))
		return FL_FAIL(err, FL_E_IO, "the test asked for it");
	pthread_mutex_lock(&sink->emit->lock);
	for (k = 0; k < run->count; k++) {
		fl_buf_add(lines, run->bytes.data + run->rows[k].at, run->rows[k].size);
		fl_buf_byte(lines, '\n');
	}
	pthread_mutex_unlock(&sink->emit->lock);
	return FL_OK;
}

static void
test_close(struct emit_sink *sink)
{
	(void)sink;
}

static void
test_fini(struct emit_sink *sink)
{
	struct fl_buf *lines = sink->impl;

	if (lines == NULL)
		return;
	fl_buf_fini(lines);
	free(lines);
	sink->impl = NULL;
}

void
emit_test_take(struct emit *emit, const char *table, struct fl_buf *out)
{
	uint32_t i;

	pthread_mutex_lock(&emit->lock);
	for (i = 0; i < emit->sink_count; i++) {
		struct emit_sink *sink = &emit->sinks[i];
		struct fl_buf *lines = sink->impl;

		if (sink->ops != &emit_sink_test || lines == NULL ||
		    strcmp(sink->table->name, table) != 0)
			continue;
		fl_buf_add(out, lines->data != NULL ? lines->data : "", lines->size);
		fl_buf_reset(lines);
	}
	pthread_mutex_unlock(&emit->lock);
}

static char refused[64]; /* of all sinks, so that it outlives them */

void
emit_test_refuse(const char *text)
{
	(void)snprintf(refused, sizeof(refused), "%s", text);
}

static enum fl_code
test_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	size_t at = out->size;

	FL_TRY(emit_encode_text(sink, batch, i, kind, out, err));
	if (refused[0] != '\0' && memmem(out->data + at, out->size - at, refused, strlen(refused)) != NULL)
		return FL_FAIL(err, FL_E_SINK_REFUSED, "the test refuses \"%s\"", refused);
	return FL_OK;
}

const struct emit_sink_ops emit_sink_test = {
	.name = "test",
	.open = test_open,
	.encode = test_encode,
	.deliver = test_deliver,
	.close = test_close,
	.fini = test_fini,
};
