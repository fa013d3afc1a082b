/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - values of a database as JSON, by the types of the columns that take them.
 */
#include "scan.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "expr/expr.h"

static const struct fl_field *
put_name(struct fl_buf *line, const struct fl_scan *scan, uint32_t column)
{
	const struct fl_field *field = &scan->table->physical.fields[column];

	fl_buf_byte(line, column == 0 ? '{' : ',');
	fl_buf_json(line, field->name, strlen(field->name));
	fl_buf_byte(line, ':');
	return field;
}

void
scan_put_null(struct fl_buf *line, const struct fl_scan *scan, uint32_t column)
{
	(void)put_name(line, scan, column);
	fl_buf_str(line, "null");
}

void
scan_put_i64(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, int64_t v)
{
	const struct fl_field *field = put_name(line, scan, column);
	bool is_text = fl_type_is_string((enum fl_type_id)field->type.id);

	if (field->type.id == FL_TYPE_BOOLEAN && (v == 0 || v == 1)) {
		fl_buf_str(line, v != 0 ? "true" : "false");
		return;
	}
	if (is_text)
		fl_buf_byte(line, '"');
	fl_buf_i64(line, v);
	if (is_text)
		fl_buf_byte(line, '"');
}

void
scan_put_real(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, double v)
{
	const struct fl_field *field = put_name(line, scan, column);
	enum fl_type_id id = (enum fl_type_id)field->type.id;
	/* As text an integer column refuses it; as a number it would be cut. */
	bool is_text = fl_type_is_string(id) || fl_type_is_integer(id) || !isfinite(v);

	if (fl_type_is_integer(id) && v >= -9223372036854775808.0 && v < 9223372036854775808.0 && v == (double)(int64_t)v) {
		fl_buf_i64(line, (int64_t)v);
		return;
	}
	if (is_text)
		fl_buf_byte(line, '"');
	fl_print_double(line, v);
	if (is_text)
		fl_buf_byte(line, '"');
}

void
scan_put_text(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, const char *p, size_t size)
{
	const struct fl_field *field = put_name(line, scan, column);

	if (fl_type_is_bytes((enum fl_type_id)field->type.id)) {
		fl_buf_byte(line, '"');
		fl_buf_base64(line, p, size);
		fl_buf_byte(line, '"');
	} else if (field->type.id == FL_TYPE_BOOLEAN &&
	    ((size == 1 && (*p == 't' || *p == 'T')) || (size == 4 && strncasecmp(p, "true", 4) == 0))) {
		fl_buf_str(line, "true");
	} else if (field->type.id == FL_TYPE_BOOLEAN &&
	    ((size == 1 && (*p == 'f' || *p == 'F')) || (size == 5 && strncasecmp(p, "false", 5) == 0))) {
		fl_buf_str(line, "false");
	} else {
		fl_buf_json(line, p, size);
	}
}

void
scan_put_bytes(struct fl_buf *line, const struct fl_scan *scan, uint32_t column, const void *p,
    size_t size)
{
	const struct fl_field *field = put_name(line, scan, column);
	bool fits = fl_type_is_bytes((enum fl_type_id)field->type.id);

	fl_buf_str(line, fits ? "\"" : "[\"");
	fl_buf_base64(line, p, size);
	fl_buf_str(line, fits ? "\"" : "\"]");
}

enum fl_code
scan_take(struct fl_buf *line, const struct fl_scan *scan, struct fl_err *err)
{
	enum fl_code code;

	fl_buf_byte(line, '}');
	code = scan->take(scan->ctx, line->data, line->size, err);
	fl_buf_reset(line);
	return code;
}

enum fl_code
fl_scan(const struct fl_scan *scan, struct fl_err *err)
{
	switch (scan->table->jdbc->scheme) {
#define FL_JDBC_SCHEME(name, prefix, sink) \
	case FL_JDBC_##name: \
		return scan_##sink(scan, err);
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME
	}
	return FL_OK;
}
