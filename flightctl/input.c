/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - lines, or the elements of one JSON array, and when they are due.
 *
 * An array may be larger than memory: it is cut at its commas by a look at quotes and
 * brackets alone.  Whether an element is JSON the encoder says, as of a line.
 */
#include "flightctl/input.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/util.h"
#include "expr/expr.h"

void
input_init(struct input *input, FILE *file, const char *name, enum input_kind kind)
{
	*input = (struct input){.file = file, .name = name, .kind = kind};
	fl_buf_init(&input->text);
}

void
input_fini(struct input *input)
{
	fl_buf_fini(&input->text);
}

const char *
input_unit(const struct input *input)
{
	return input->kind == INPUT_ARRAY ? "element" : "line";
}

static enum fl_code
fail_bad(const struct input *input, const char *what, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_BAD_JSON, "\"%s\": %s", input->name, what);
}

static enum fl_code
check_file(const struct input *input, struct fl_err *err)
{
	if (!ferror(input->file))
		return FL_OK;
	return FL_FAIL_NATIVE(
	    err, FL_E_IO, errno, "could not read \"%s\": %s", input->name, strerror(errno));
}

static enum fl_code
check_size(const struct input *input, struct fl_err *err)
{
	if (input->text.size < INPUT_SIZE_MAX)
		return FL_OK;
	return FL_FAIL(err, FL_E_ROW_TOO_LARGE, "\"%s\" %s %lld is longer than %u bytes", input->name,
	    input_unit(input), (long long)input->number, INPUT_SIZE_MAX);
}

static int
next_solid(FILE *file)
{
	int c;

	while ((c = getc_unlocked(file)) != EOF && isspace(c))
		;
	return c;
}

/* Looks for the bracket of an array. */
static enum fl_code
begin(struct input *input, struct fl_err *err)
{
	int c;

	input->has_begun = true;
	if (input->kind == INPUT_LINES)
		return FL_OK;
	c = next_solid(input->file);
	if (c == '[') {
		input->kind = INPUT_ARRAY;
		c = next_solid(input->file);
		if (c == ']') {
			input->has_ended = true;
			if (next_solid(input->file) != EOF)
				return fail_bad(input, "something follows the array", err);
		}
	} else if (input->kind == INPUT_ARRAY) {
		FL_TRY(check_file(input, err));
		return fail_bad(input, "expected a JSON array: it does not begin with \"[\"", err);
	} else
		input->kind = INPUT_LINES;
	if (c != EOF)
		ungetc(c, input->file);
	return check_file(input, err);
}

static enum fl_code
next_line(struct input *input, bool *more, struct fl_err *err)
{
	struct fl_buf *text = &input->text;
	int c;

	do {
		fl_buf_reset(text);
		input->number++;
		while ((c = getc_unlocked(input->file)) != EOF && c != '\n') {
			FL_TRY(check_size(input, err));
			fl_buf_byte(text, (char)c);
		}
		while (text->size > 0 && text->data[text->size - 1] == '\r')
			text->data[--text->size] = '\0';
	} while (text->size == 0 && c != EOF);
	*more = text->size > 0;
	return check_file(input, err);
}

/* Up to the comma or bracket behind the element. */
static enum fl_code
next_element(struct input *input, struct fl_err *err)
{
	struct fl_buf *text = &input->text;
	bool in_text = false, is_escaped = false;
	uint32_t depth = 0;
	int c;

	fl_buf_reset(text);
	input->number++;
	for (;; fl_buf_byte(text, (char)c)) {
		FL_TRY(check_size(input, err));
		if ((c = getc_unlocked(input->file)) == EOF) {
			FL_TRY(check_file(input, err));
			return fail_bad(input, "the array does not end: \"]\" is missing", err);
		}
		if (in_text) {
			in_text = is_escaped || c != '"';
			is_escaped = !is_escaped && c == '\\';
		} else if (c == '"')
			in_text = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (depth > 0 && (c == '}' || c == ']'))
			depth--;
		else if (c == ']' || (c == ',' && depth == 0))
			break;
	}
	while (text->size > 0 && isspace((unsigned char)text->data[text->size - 1]))
		text->data[--text->size] = '\0';
	if (c == ']') {
		input->has_ended = true;
		if (next_solid(input->file) != EOF)
			return fail_bad(input, "something follows the array", err);
		return check_file(input, err);
	}
	if ((c = next_solid(input->file)) != EOF)
		ungetc(c, input->file);
	return check_file(input, err);
}

enum fl_code
input_next(struct input *input, bool *more, struct fl_err *err)
{
	if (!input->has_begun)
		FL_TRY(begin(input, err));
	*more = !input->has_ended;
	if (input->kind == INPUT_LINES)
		return next_line(input, more, err);
	return *more ? next_element(input, err) : FL_OK;
}

/* ---- times ---- */

/* "Z", "+02", "+0200", "+02:00"; nothing is UTC. */
static bool
take_offset(const char *p, int64_t *ms)
{
	int sign = *p == '-' ? -1 : 1, digits[4] = {0}, n = 0;

	*ms = 0;
	if (*p == '\0' || strcmp(p, "Z") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	for (p++; *p != '\0'; p++) {
		if (n == 2 && *p == ':' && p[1] != '\0')
			continue;
		if (n == 4 || !isdigit((unsigned char)*p))
			return false;
		digits[n++] = *p - '0';
	}
	*ms = sign * ((digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]) * INT64_C(60000);
	return n == 2 || n == 4;
}

static bool
read_time_text(const char *text, int64_t *ms)
{
	size_t size = strlen(text) > 10 ? 11 + strspn(text + 11, "0123456789:.") : 0;
	int64_t offset_ms;

	if (size == 0 || !fl_parse_timestamp(text, size, text[10] == 'T' ? 'T' : ' ', ms) ||
	    !take_offset(text + size + (text[size] == ' '), &offset_ms))
		return false;
	*ms -= offset_ms;
	return true;
}

bool
input_time(const char *json, size_t size, const char *field, int64_t *ms)
{
	json_t *row = json_loadb(json, size, JSON_DECODE_INT_AS_REAL, NULL);
	const json_t *value = row != NULL ? json_object_get(row, field) : NULL;
	bool found = false;

	if (json_is_real(value)) {
		double v = json_real_value(value);

		if (fabs(v) < 1e11)
			v *= 1000;
		if ((found = fabs(v) < 1e15))
			*ms = (int64_t)v;
	} else if (json_is_string(value))
		found = read_time_text(json_string_value(value), ms);
	json_decref(row);
	return found;
}

int64_t
player_due(struct player *player, int64_t time_ms, int64_t now_us)
{
	double wait_us;

	if (player->due_us == 0) {
		player->latest_ms = time_ms;
		return player->due_us = now_us;
	}
	if (time_ms > player->latest_ms) {
		wait_us = (double)(time_ms - player->latest_ms) * 1000 / player->speed;
		if (player->max_wait_us >= 0)
			wait_us = FL_MIN(wait_us, (double)player->max_wait_us);
		/* About 30 years: what a clock can add. */
		player->due_us += (int64_t)FL_MIN(wait_us, 1e15);
		player->latest_ms = time_ms;
	}
	return player->due_us;
}
