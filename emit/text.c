/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - rows as text: the way Flink's print connector shows them.
 *
 * Flink prints external Java objects: LocalDateTime.toString() leaves out seconds
 * that are zero, Instant.toString() does not; a fraction has three digits or none.
 */
#include <inttypes.h>

#include "expr/expr.h"
#include "sink.h"

static const char *const kind_text[] = {
	[FL_CHANGE_INSERT] = "+I",
	[FL_CHANGE_UPDATE_BEFORE] = "-U",
	[FL_CHANGE_UPDATE_AFTER] = "+U",
	[FL_CHANGE_DELETE] = "-D",
};

static void
print_time(struct fl_buf *out, int64_t ms, bool is_instant)
{
	int64_t in_minute = ms % 60000;
	int seconds, millis;

	if (in_minute < 0)
		in_minute += 60000;
	fl_print_timestamp(out, ms - in_minute, 'T', 0);
	out->size -= 3; /* ":00" */
	out->data[out->size] = '\0';
	seconds = (int)(in_minute / 1000);
	millis = (int)(in_minute % 1000);
	if (is_instant || seconds != 0 || millis != 0)
		fl_buf_printf(out, ":%02d", seconds);
	if (millis != 0)
		fl_buf_printf(out, ".%03d", millis);
	if (is_instant)
		fl_buf_byte(out, 'Z');
}

static void
print_bytes(struct fl_buf *out, const char *p, uint32_t size)
{
	fl_buf_byte(out, '[');
	for (uint32_t k = 0; k < size; k++)
		fl_buf_printf(out, "%s%d", k > 0 ? ", " : "", (int8_t)p[k]);
	fl_buf_byte(out, ']');
}

static void
print_value(const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	enum fl_type_id id = col->type.id;
	uint32_t size;
	const char *p;

	if (!fl_col_is_valid(col, i)) {
		fl_buf_str(out, "null");
	} else if (id == FL_TYPE_BOOLEAN) {
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
	} else if (id == FL_TYPE_TIMESTAMP || id == FL_TYPE_TIMESTAMP_LTZ) {
		print_time(out, FL_COL_AT(col, int64_t, i), id == FL_TYPE_TIMESTAMP_LTZ);
	} else if (fl_type_is_bytes(id)) {
		p = fl_col_str(col, i, &size);
		print_bytes(out, p, size);
	} else {
		fl_col_print(col, i, out);
	}
}

void
emit_text_row(const struct fl_batch *batch, uint32_t i, uint8_t kind, struct fl_buf *out)
{
	uint32_t c;

	fl_buf_str(out, kind < FL_ARRAY_COUNT(kind_text) ? kind_text[kind] : "??");
	fl_buf_byte(out, '[');
	for (c = 0; c < batch->schema->count; c++) {
		if (c > 0)
			fl_buf_str(out, ", ");
		print_value(&batch->cols[c], i, out);
	}
	fl_buf_byte(out, ']');
}

enum fl_code
emit_encode_text(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	(void)sink;
	(void)err;
	emit_text_row(batch, i, kind, out);
	return FL_OK;
}

enum fl_code
emit_check_insert(const struct emit_sink *sink, uint8_t kind, struct fl_err *err)
{
	if (kind == FL_CHANGE_INSERT)
		return FL_OK;
	return FL_FAIL(err, FL_E_SINK_REFUSED,
	    "table \"%s\" takes new rows only, and this one is a change (%s)",
	    sink->table->name, kind < FL_ARRAY_COUNT(kind_text) ? kind_text[kind] : "?");
}

enum fl_code
emit_encode_format(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	FL_TRY(emit_check_insert(sink, kind, err));
	return fl_encode(sink->encoder, batch, i, out, err);
}
