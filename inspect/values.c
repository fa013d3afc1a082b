/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - SQL values of Flight as values of SQLite, and those as text. */
#include <math.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "table.h"

void
value_null(struct inspect_value *value)
{
	*value = (struct inspect_value){ .kind = INSPECT_NULL };
}

void
value_i64(struct inspect_value *value, int64_t integer)
{
	*value = (struct inspect_value){ .kind = INSPECT_INTEGER, .integer = integer };
}

void
value_text(struct inspect_value *value, const char *bytes, size_t size)
{
	*value = (struct inspect_value){ .kind = INSPECT_TEXT, .bytes = bytes, .size = size };
}

static void
value_made(struct inspect_value *value, const struct fl_buf *text)
{
	value_text(value, text->data == NULL ? "" : text->data, text->size);
}

static void
value_real(struct inspect_value *value, double real)
{
	*value = (struct inspect_value){ .kind = INSPECT_REAL, .real = real };
}

void
value_instant(struct inspect_value *value, int64_t ms, struct fl_buf *text)
{
	value_null(value);
	if (ms == FL_TIME_MIN || ms == FL_TIME_MAX)
		return;
	fl_buf_reset(text);
	fl_print_timestamp(text, ms, 'T', 3);
	fl_buf_byte(text, 'Z');
	value_made(value, text);
}

static void
value_blob(struct inspect_value *value, const char *bytes, size_t size)
{
	*value = (struct inspect_value){ .kind = INSPECT_BLOB, .bytes = bytes, .size = size };
}

void
value_col(struct inspect_value *value, const struct fl_col *col, uint32_t i, struct fl_buf *text)
{
	uint32_t size;
	const char *p;

	value_null(value);
	if (!fl_col_is_valid(col, i))
		return;
	fl_buf_reset(text);
	switch ((enum fl_type_id)col->type.id) {
	case FL_TYPE_BOOLEAN:
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		value_i64(value, fl_load_i64(col, i));
		break;
	case FL_TYPE_FLOAT: /* the shortest decimal of the float, not of its double */
		fl_print_float(text, FL_COL_AT(col, float, i));
		value_real(value, isfinite(FL_COL_AT(col, float, i)) ?
			strtod(text->data, NULL) : (double)FL_COL_AT(col, float, i));
		break;
	case FL_TYPE_DOUBLE:
		value_real(value, FL_COL_AT(col, double, i));
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		p = fl_col_str(col, i, &size);
		value_text(value, p, size);
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		p = fl_col_str(col, i, &size);
		value_blob(value, p, size);
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_print_timestamp(text, FL_COL_AT(col, int64_t, i), 'T', col->type.precision);
		if (col->type.id == FL_TYPE_TIMESTAMP_LTZ)
			fl_buf_byte(text, 'Z');
		value_made(value, text);
		break;
	case FL_TYPE_ARRAY:
		fl_col_print_json(col, i, text);
		value_made(value, text);
		break;
	case FL_TYPE_DECIMAL:
	case FL_TYPE_DATE:
	case FL_TYPE_INTERVAL:
		fl_col_print(col, i, text);
		value_made(value, text);
		break;
	case FL_TYPE_NULL:
		break;
	}
}

static int
hex_digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

void
value_printed(struct inspect_value *value, const struct fl_type *type, bool is_number,
    const struct aggregate_value *printed, struct fl_buf *text)
{
	int64_t number;

	value_null(value);
	if (printed->text == NULL)
		return;
	fl_buf_reset(text);
	if (is_number && fl_parse_i64(printed->text, &number)) {
		value_i64(value, number);
	} else if (is_number && type->id != FL_TYPE_DECIMAL) {
		value_real(value, strtod(printed->text, NULL));
	} else if (type->id == FL_TYPE_BOOLEAN) {
		value_i64(value, printed->text[0] == 'T');
	} else if (fl_type_is_bytes(type->id)) {
		for (uint32_t i = 0; i + 1 < printed->size; i += 2)
			fl_buf_byte(text,
			    (char)(hex_digit(printed->text[i]) << 4 | hex_digit(printed->text[i + 1])));
		value_blob(value, text->data, text->size);
	} else if (type->id == FL_TYPE_TIMESTAMP || type->id == FL_TYPE_TIMESTAMP_LTZ) {
		fl_buf_add(text, printed->text, printed->size);
		if (strchr(text->data, ' ') != NULL)
			*strchr(text->data, ' ') = 'T';
		value_made(value, text);
	} else {
		value_text(value, printed->text, printed->size);
	}
}

/* "Z", "+02", "+0200" or "+02:00" at the end, a blank before it or not. */
static bool
take_offset(const char *p, size_t *size, int64_t *offset_ms)
{
	size_t n = *size, i, digits = 0;
	int64_t hhmm = 0;

	*offset_ms = 0;
	if (n > 0 && (p[n - 1] == 'Z' || p[n - 1] == 'z')) {
		n--;
	} else {
		for (i = n; i > 0 && ((p[i - 1] >= '0' && p[i - 1] <= '9') || p[i - 1] == ':'); i--)
			;
		/* A minus may also be one of the date's: a time of day has no more than 8. */
		if (i == 0 || (p[i - 1] != '+' && p[i - 1] != '-') || memchr(p, ':', i) == NULL)
			return true;
		for (size_t k = i; k < n; k++)
			if (p[k] != ':') {
				hhmm = hhmm * 10 + (p[k] - '0');
				digits++;
			} else if (k != i + 2) {
				return false;
			}
		if (digits != 2 && digits != 4)
			return false;
		if (digits == 2)
			hhmm *= 100;
		if (hhmm % 100 > 59 || hhmm / 100 > 18)
			return false;
		*offset_ms = (hhmm / 100 * 60 + hhmm % 100) * (p[i - 1] == '-' ? -60000 : 60000);
		n = i - 1;
	}
	while (n > 0 && p[n - 1] == ' ')
		n--;
	*size = n;
	return true;
}

bool
value_parse_time(const char *p, size_t size, int64_t *ms)
{
	int64_t offset_ms;
	int32_t days;

	if (!take_offset(p, &size, &offset_ms))
		return false;
	if (fl_parse_timestamp(p, size, 'T', ms) || fl_parse_timestamp(p, size, ' ', ms)) {
		*ms -= offset_ms;
		return true;
	}
	if (size > 16 || !fl_parse_date(p, size, &days))
		return false;
	*ms = (int64_t)days * 86400000;
	return true;
}

bool
inspect_parse_time(const char *text, int64_t *ms)
{
	return value_parse_time(text, strlen(text), ms);
}

/* ---- as text ---- */

void
inspect_print_text(const struct inspect_value *value, struct fl_buf *out)
{
	switch (value->kind) {
	case INSPECT_NULL:
		break;
	case INSPECT_INTEGER:
		fl_buf_i64(out, value->integer);
		break;
	case INSPECT_REAL:
		fl_print_double(out, value->real);
		break;
	case INSPECT_TEXT:
		fl_buf_add(out, value->bytes, value->size);
		break;
	case INSPECT_BLOB:
		fl_buf_base64(out, value->bytes, value->size);
		break;
	}
}

void
inspect_print_json(const struct inspect_value *value, struct fl_buf *out)
{
	bool is_quoted = value->kind == INSPECT_BLOB ||
	    (value->kind == INSPECT_REAL && !isfinite(value->real));

	if (value->kind == INSPECT_NULL) {
		fl_buf_str(out, "null");
	} else if (value->kind == INSPECT_TEXT) {
		fl_buf_json(out, value->bytes, value->size);
	} else {
		if (is_quoted)
			fl_buf_byte(out, '"');
		inspect_print_text(value, out);
		if (is_quoted)
			fl_buf_byte(out, '"');
	}
}

void
inspect_print_json_row(const struct inspect_statement *statement, struct fl_buf *out)
{
	struct inspect_value value;

	fl_buf_byte(out, '{');
	for (uint32_t c = 0; c < inspect_column_count(statement); c++) {
		const char *name = inspect_column_name(statement, c);

		if (c > 0)
			fl_buf_byte(out, ',');
		fl_buf_json(out, name, strlen(name));
		fl_buf_byte(out, ':');
		inspect_value(statement, c, &value);
		inspect_print_json(&value, out);
	}
	fl_buf_byte(out, '}');
}

static void
add_field(struct fl_buf *out, const char *p, size_t size)
{
	bool is_plain = size > 0;

	for (size_t i = 0; i < size && is_plain; i++)
		is_plain = strchr(",\"\r\n", p[i]) == NULL || p[i] == '\0';
	if (is_plain) {
		fl_buf_add(out, p, size);
		return;
	}
	fl_buf_byte(out, '"');
	for (size_t i = 0; i < size; i++) {
		if (p[i] == '"')
			fl_buf_byte(out, '"');
		fl_buf_byte(out, p[i]);
	}
	fl_buf_byte(out, '"');
}

void
inspect_print_csv_names(const struct inspect_statement *statement, struct fl_buf *out)
{
	for (uint32_t c = 0; c < inspect_column_count(statement); c++) {
		const char *name = inspect_column_name(statement, c);

		if (c > 0)
			fl_buf_byte(out, ',');
		add_field(out, name, strlen(name));
	}
	fl_buf_byte(out, '\n');
}

void
inspect_print_csv_row(const struct inspect_statement *statement, struct fl_buf *out)
{
	struct inspect_value value;

	for (uint32_t c = 0; c < inspect_column_count(statement); c++) {
		if (c > 0)
			fl_buf_byte(out, ',');
		inspect_value(statement, c, &value);
		if (value.kind == INSPECT_TEXT)
			add_field(out, value.bytes, value.size);
		else
			inspect_print_text(&value, out);
	}
	fl_buf_byte(out, '\n');
}
