/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - rows as text: the way Flink's print connector shows them, and as JSON.
 *
 * Flink prints external Java objects: LocalDateTime.toString() leaves out seconds
 * that are zero, Instant.toString() does not; a fraction has three digits or none.
 */
#include <inttypes.h>
#include <math.h>

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
print_value(const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	uint32_t size, k;
	const char *p;

	if (!fl_col_is_valid(col, i)) {
		fl_buf_str(out, "null");
		return;
	}
	switch ((enum fl_type_id)col->type.id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
		break;
	case FL_TYPE_TIMESTAMP:
		print_time(out, FL_COL_AT(col, int64_t, i), false);
		break;
	case FL_TYPE_TIMESTAMP_LTZ:
		print_time(out, FL_COL_AT(col, int64_t, i), true);
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		p = fl_col_str(col, i, &size);
		fl_buf_byte(out, '[');
		for (k = 0; k < size; k++)
			fl_buf_printf(out, "%s%d", k > 0 ? ", " : "", (int8_t)p[k]);
		fl_buf_byte(out, ']');
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		p = fl_col_str(col, i, &size);
		fl_buf_add(out, p, size);
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
	case FL_TYPE_FLOAT:
	case FL_TYPE_DOUBLE:
	case FL_TYPE_DECIMAL:
	case FL_TYPE_DATE:
	case FL_TYPE_INTERVAL:
	case FL_TYPE_NULL:
		fl_col_print(col, i, out);
		break;
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

static bool
is_json_number(const struct fl_col *col, uint32_t i)
{
	if (col->type.id == FL_TYPE_DOUBLE)
		return isfinite(FL_COL_AT(col, double, i));
	if (col->type.id == FL_TYPE_FLOAT)
		return isfinite(FL_COL_AT(col, float, i));
	return fl_type_is_numeric((enum fl_type_id)col->type.id);
}

void
emit_text_json(const struct fl_batch *batch, uint32_t i, struct fl_buf *out)
{
	struct fl_buf text;
	uint32_t c;

	fl_buf_init(&text);
	fl_buf_byte(out, '{');
	for (c = 0; c < batch->schema->count; c++) {
		const struct fl_col *col = &batch->cols[c];
		const char *name = batch->schema->fields[c].name;

		if (c > 0)
			fl_buf_str(out, ",");
		fl_buf_json(out, name, strlen(name));
		fl_buf_byte(out, ':');
		fl_buf_reset(&text);
		if (!fl_col_is_valid(col, i) || col->type.id == FL_TYPE_BOOLEAN ||
		    is_json_number(col, i)) {
			print_value(col, i, out);
		} else if (fl_type_is_bytes((enum fl_type_id)col->type.id)) {
			uint32_t size;
			const char *p = fl_col_str(col, i, &size);

			fl_buf_byte(out, '"');
			fl_buf_base64(out, p, size);
			fl_buf_byte(out, '"');
		} else {
			print_value(col, i, &text);
			fl_buf_json(out, text.data != NULL ? text.data : "", text.size);
		}
	}
	fl_buf_byte(out, '}');
	fl_buf_fini(&text);
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
emit_encode_format(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	if (kind != FL_CHANGE_INSERT)
		return FL_FAIL(err, FL_E_SINK_REFUSED,
		    "table \"%s\" takes new rows only, and this one is a change (%s)",
		    sink->table->name, kind < FL_ARRAY_COUNT(kind_text) ? kind_text[kind] : "?");
	return fl_encode(sink->encoder, batch, i, out, err);
}
