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
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "expr/expr.h"

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
out_row(struct out_table *table)
{
	if (table->row_count == table->row_max) {
		table->row_max = FL_MAX(16, table->row_max * 2);
		table->cells = fl_realloc(table->cells,
		    sizeof(*table->cells) * table->row_max * table->column_count);
	}
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

void
out_lines_init(struct out_lines *lines, const struct out_table *table)
{
	*lines = (struct out_lines){.table = table,
	    .widths = fl_calloc(table->column_count + 1u, sizeof(*lines->widths)),
	    .at = fl_calloc(table->column_count + 1u, sizeof(*lines->at))};
	for (uint32_t c = 0; c < table->column_count; c++)
		lines->widths[c] = strlen(table->names[c]);
}

void
out_lines_fini(struct out_lines *lines)
{
	free(lines->widths);
	free(lines->at);
	*lines = (struct out_lines){0};
}

void
out_lines_begin(struct out_lines *lines, struct fl_buf *out)
{
	const struct out_table *table = lines->table;
	size_t at = 0;
	char *line, *end;

	for (uint32_t c = 0; c < table->column_count; c++) {
		lines->at[c] = at;
		at += lines->widths[c] + 2;
	}
	lines->size_max = at;
	fl_buf_reserve(out, 2 * lines->size_max);
	line = end = out->data + out->size;
	memset(line, ' ', lines->size_max);
	for (uint32_t c = 0; c < table->column_count; c++)
		end = out_put(lines, line, c, table->names[c], strlen(table->names[c]));
	out->size = (size_t)(out_lines_end(lines, line, end) - out->data);
}

/* Control characters of data must not reach a terminal. */
char *
out_put(const struct out_lines *lines, char *line, uint32_t column, const char *text, size_t size)
{
	char *to = line + lines->at[column];

	if (lines->table->is_number[column])
		to += lines->widths[column] - size;
	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
	return to + size;
}

/* What a text has in bytes behind the first of each letter is put behind it in blanks. */
char *
out_lines_end(const struct out_lines *lines, char *line, char *end)
{
	if (!fl_ascii((const uint8_t *)line, (size_t)(end - line))) {
		for (uint32_t c = lines->table->column_count - 1; c > 0; c--) {
			char *next = line + lines->at[c];
			size_t more = 0;

			for (const char *p = line + lines->at[c - 1]; p < next && p < end; p++)
				more += ((unsigned char)*p & 0xc0) == 0x80;
			if (more == 0 || next > end)
				continue;
			memmove(next + more, next, (size_t)(end - next));
			memset(next, ' ', more);
			end += more;
		}
	}
	*end++ = '\n';
	return end;
}

void
out_print(const struct out_table *table, struct fl_buf *out)
{
	const char *const *cell = table->cells;
	struct out_lines lines;

	out_lines_init(&lines, table);
	for (uint32_t r = 0; r < table->row_count; r++)
		for (uint32_t c = 0; c < table->column_count; c++, cell++)
			out_widen(&lines, c, *cell == NULL ? 1 : strlen(*cell));
	out_lines_begin(&lines, out);
	cell = table->cells;
	for (uint32_t r = 0; r < table->row_count; r++) {
		char *line, *end;

		fl_buf_reserve(out, 2 * lines.size_max);
		line = end = out->data + out->size;
		memset(line, ' ', lines.size_max);
		for (uint32_t c = 0; c < table->column_count; c++, cell++)
			end = *cell == NULL ? out_put(&lines, line, c, "-", 1)
					    : out_put(&lines, line, c, *cell, strlen(*cell));
		out->size = (size_t)(out_lines_end(&lines, line, end) - out->data);
	}
	fl_buf_reserve(out, 1);
	out->data[out->size] = '\0';
	out_lines_fini(&lines);
}

/* JSON has no NaN and no Infinity: such a number goes as a string. */
void
out_json_value(struct fl_buf *out, const char *text, size_t size, bool is_number)
{
	if (is_number && strpbrk(text, "INT") == NULL)
		fl_buf_add(out, text, size);
	else
		fl_buf_json(out, text, size);
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
				out_json_value(out, cell, strlen(cell), table->is_number[c]);
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
