/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.c - tables for people and machines: collected first, printed in one write.
 *
 * Nothing is printed while a read transaction is open: a slow terminal must not hold
 * back the pages that the writer wants to use again.
 */
#include "flightctl/ctl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expr/expr.h"

#define ROWS_AHEAD 8u

uint32_t
out_column(struct out_table *table, const char *name, bool is_number)
{
	uint32_t old = table->column_count, count = old + 1;
	const char **names = FL_ARENA_ARRAY(&table->arena, const char *, count);
	bool *numbers = FL_ARENA_ARRAY(&table->arena, bool, count);

	assert(table->row_count == 0);
	for (uint32_t c = 0; c < old; c++) {
		names[c] = table->names[c];
		numbers[c] = table->is_number[c];
	}
	names[old] = fl_arena_strdup(&table->arena, name);
	numbers[old] = is_number;
	table->names = names;
	table->is_number = numbers;
	table->column_count = count;
	return old;
}

void
out_init(struct out_table *table, const char *title, const char *columns)
{
	char *copy = fl_strdup(columns), *save = NULL;

	*table = (struct out_table){.title = title};
	fl_arena_init(&table->arena);
	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		size_t len = strlen(word);
		bool is_number = len > 0 && word[len - 1] == '#';

		if (is_number)
			word[len - 1] = '\0';
		out_column(table, word, is_number);
	}
	free(copy);
}

void
out_fini(struct out_table *table)
{
	free(table->cells);
	table->cells = NULL;
	fl_arena_fini(&table->arena);
}

void
out_reserve(struct out_table *table, uint32_t row_max)
{
	if (row_max <= table->row_max)
		return;
	table->row_max = row_max;
	table->cells = fl_realloc(
	    table->cells, sizeof(*table->cells) * table->row_max * table->column_count);
}

void
out_row(struct out_table *table)
{
	if (table->row_count == table->row_max)
		out_reserve(table, FL_MAX(16, table->row_max * 2));
	memset(table->cells + (size_t)table->row_count * table->column_count, 0,
	    sizeof(*table->cells) * table->column_count);
	table->row_count++;
}

void
out_cell(struct out_table *table, uint32_t column, const char *text)
{
	const char **cell =
	    &table->cells[(size_t)(table->row_count - 1) * table->column_count + column];
	const char *above = table->row_count > 1 ? *(cell - table->column_count) : NULL;

	if (text == NULL)
		*cell = NULL;
	else if (above != NULL && strcmp(above, text) == 0)
		*cell = above; /* columns of long tables repeat */
	else
		*cell = fl_arena_strdup(&table->arena, text);
}

void
out_cell_kept(struct out_table *table, uint32_t column, const char *text)
{
	table->cells[(size_t)(table->row_count - 1) * table->column_count + column] = text;
}

void
out_cellf(struct out_table *table, uint32_t column, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_cell(table, column, text);
}

void
out_time(struct out_table *table, uint32_t column, int64_t ms)
{
	char text[32];

	out_cell(
	    table, column, ms == FL_TIME_MIN || ms == FL_TIME_MAX ? NULL : out_instant(ms, text));
}

const char *
out_instant(int64_t ms, char buf[32])
{
	struct fl_buf text;

	if (ms == FL_TIME_MIN || ms == FL_TIME_MAX) {
		strcpy(buf, "-");
		return buf;
	}
	fl_buf_init(&text);
	fl_print_timestamp(&text, ms, 'T', ms % 1000 != 0 ? 3 : 0);
	snprintf(buf, 32, "%.30sZ", text.data);
	fl_buf_fini(&text);
	return buf;
}

/* The buffer has room for the line. */
static void
add_padded(struct fl_buf *out, const char *text, size_t width, bool is_right, bool is_last)
{
	size_t len = strlen(text), pad = len < width ? width - len : 0;
	char *at = out->data + out->size;

	if (is_right) {
		memset(at, ' ', pad);
		at += pad;
	}
	memcpy(at, text, len);
	at += len;
	if (!is_right && !is_last) {
		memset(at, ' ', pad);
		at += pad;
	}
	*at++ = is_last ? '\n' : ' ';
	if (!is_last)
		*at++ = ' ';
	*at = '\0';
	out->size = (size_t)(at - out->data);
}

/* Length of a text; *is_clean false where control characters of data would reach a terminal. */
static size_t
look_at(const char *text, bool *is_clean)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p != '\0'; p++)
		if (*p < ' ' || *p == 127)
			*is_clean = false;
	return (size_t)(p - (const unsigned char *)text);
}

static const char *
printable(const char *text, struct fl_buf *scratch)
{
	fl_buf_reset(scratch);
	for (const char *p = text; *p != '\0'; p++)
		fl_buf_byte(scratch, (unsigned char)*p >= ' ' && *p != 127 ? *p : '?');
	return scratch->size > 0 ? scratch->data : "";
}

/* The texts of a long table may lie anywhere: those of a later row are on their way. */
static void
fetch_ahead(const struct out_table *table, uint32_t row)
{
	const char *const *cells = table->cells + ((size_t)row + ROWS_AHEAD) * table->column_count;

	if (row + ROWS_AHEAD < table->row_count)
		for (uint32_t c = 0; c < table->column_count; c++)
			__builtin_prefetch(cells[c]);
}

void
out_print(const struct out_table *table, struct fl_buf *out)
{
	uint32_t count = table->column_count;
	size_t *widths = fl_calloc(count + 1, sizeof(*widths)), line = 1;
	struct fl_buf scratch;
	bool is_clean = true;

	fl_buf_init(&scratch);
	for (uint32_t c = 0; c < count; c++)
		widths[c] = strlen(table->names[c]);
	for (uint32_t r = 0; r < table->row_count; r++) {
		fetch_ahead(table, r);
		for (uint32_t c = 0; c < count; c++) {
			const char *cell = table->cells[(size_t)r * count + c];
			size_t len = cell == NULL ? 1 : look_at(cell, &is_clean);

			widths[c] = FL_MAX(widths[c], len);
		}
	}
	for (uint32_t c = 0; c < count; c++)
		line += widths[c] + 2;
	fl_buf_reserve(out, line * (table->row_count + 1)); /* but for cells that are cleaned */
	for (uint32_t c = 0; c < count; c++)
		add_padded(out, table->names[c], widths[c], table->is_number[c], c + 1 == count);
	for (uint32_t r = 0; r < table->row_count; r++) {
		fl_buf_reserve(out, line);
		fetch_ahead(table, r);
		for (uint32_t c = 0; c < count; c++) {
			const char *cell = table->cells[(size_t)r * count + c];

			if (cell == NULL)
				cell = "-";
			else if (!is_clean)
				cell = printable(cell, &scratch);
			add_padded(out, cell, widths[c], table->is_number[c], c + 1 == count);
		}
	}
	fl_buf_fini(&scratch);
	free(widths);
}

/* JSON has no NaN and no Infinity: such a number goes as a string. */
void
out_json_value(struct fl_buf *out, const char *text, bool is_number)
{
	if (is_number && (strpbrk(text, "INT") == NULL))
		fl_buf_str(out, text);
	else
		fl_buf_json(out, text, strlen(text));
}

void
out_json(const struct out_table *table, struct fl_buf *out)
{
	fl_buf_byte(out, '[');
	for (uint32_t r = 0; r < table->row_count; r++) {
		fl_buf_str(out, r > 0 ? ",\n {" : "\n {");
		for (uint32_t c = 0; c < table->column_count; c++) {
			const char *cell = table->cells[(size_t)r * table->column_count + c];

			if (c > 0)
				fl_buf_byte(out, ',');
			fl_buf_json(out, table->names[c], strlen(table->names[c]));
			fl_buf_byte(out, ':');
			if (cell == NULL)
				fl_buf_str(out, "null");
			else
				out_json_value(out, cell, table->is_number[c]);
		}
		fl_buf_byte(out, '}');
	}
	fl_buf_str(out, table->row_count > 0 ? "\n]" : "]");
}

void
out_flush(const struct ctl *ctl, const struct out_table *table)
{
	struct fl_buf out;

	fl_buf_init(&out);
	if (ctl->json) {
		out_json(table, &out);
		fl_buf_byte(&out, '\n');
	} else if (table->row_count > 0)
		out_print(table, &out);
	out_write(&out);
	fl_buf_fini(&out);
}

static bool is_unread; /* nobody reads stdout any more, or it takes no more */
static bool is_refused; /* ... for another reason than that its reader went away */

bool
out_is_read(void)
{
	return !is_unread;
}

/* `| head` is no mistake and needs no words; a full disk does. */
static void
fail_out(int native)
{
	if (native != EPIPE && !is_refused) {
		fprintf(stderr, "flightctl: could not write to standard output: %s\n",
		    strerror(native));
		is_refused = true;
	}
	is_unread = true;
}

int
out_end(int status)
{
	if (fflush(stdout) != 0 && !is_unread) {
		fail_out(errno);
		return status == CTL_OK ? CTL_FAILED : status;
	}
	return is_refused && status == CTL_OK ? CTL_FAILED : status;
}

bool
out_write(const struct fl_buf *buf)
{
	if (fflush(stdout) != 0) {
		fail_out(errno);
		return false;
	}
	for (size_t at = 0; at < buf->size;) {
		ssize_t n = write(STDOUT_FILENO, buf->data + at, buf->size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail_out(n < 0 ? errno : EIO);
			return false;
		}
		at += (size_t)n;
	}
	return true;
}
