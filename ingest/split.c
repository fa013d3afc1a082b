/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.c - lines, fields' quotes and elements of an array, each byte looked at once.
 */
#include "split.h"

#include <string.h>

#define PEEK_MAX 65536u /* an array begins within so many bytes */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
next_line(struct split *split, const char *text, size_t size, bool at_end, const char **record,
    size_t *record_size, size_t *used)
{
	const char *end;

	if (size == 0)
		return false;
	end = memchr(text + split->seen, '\n', size - split->seen);
	if (end == NULL && !at_end) {
		split->seen = size;
		return false;
	}
	*record = text;
	*record_size = end != NULL ? (size_t)(end - text) : size;
	*used = *record_size + (end != NULL ? 1 : 0);
	if (*record_size > 0 && text[*record_size - 1] == '\r')
		--*record_size;
	split->seen = 0;
	return true;
}

/* Lines or an array?  False: more text is needed to know. */
static bool
choose(struct split *split, const char *text, size_t size, bool at_end, size_t *used)
{
	size_t i = 0;

	if (size > 0 && memcmp(text, "\xef\xbb\xbf", size < 3 ? size : 3) == 0) {
		if (size < 3 && !at_end)
			return false;
		i = size < 3 ? size : 3;
	}
	while (i < size && is_blank(text[i]))
		i++;
	if (i == size && !at_end && size < PEEK_MAX)
		return false;
	split->kind = SPLIT_LINES;
	if (i < size && text[i] == '[') {
		split->kind = SPLIT_ARRAY;
		*used = i + 1;
	}
	return true;
}

static void
begin_element(struct split *split)
{
	split->seen = split->depth = 0;
	split->in_string = split->is_escaped = false;
}

/* Looks at the byte at seen; true: the element ends before it, or with it (*with). */
static bool
ends_element(struct split *split, char c, bool *with)
{
	*with = false;
	if (split->in_string) {
		if (split->is_escaped)
			split->is_escaped = false;
		else if (c == '\\')
			split->is_escaped = true;
		else
			split->in_string = c != '"';
		return false;
	}
	switch (c) {
	case '"':
		split->in_string = true;
		return false;
	case '{':
	case '[':
		split->depth++;
		return false;
	case '}':
	case ']':
		if (split->depth == 0)
			return c == ']';
		*with = --split->depth == 0;
		return *with;
	case ',':
		return split->depth == 0;
	default:
		return false;
	}
}

/* Blanks, and what separates elements.  False: the array or the text ends; *empty: a place
 * without an element. */
static bool
find_element(struct split *split, const char *text, size_t size, size_t *at, bool *empty)
{
	*empty = false;
	for (; *at < size; ++*at) {
		if (is_blank(text[*at]))
			continue;
		if (text[*at] != ',' && text[*at] != ']')
			return true;
		*empty = split->after_comma;
		split->after_comma = text[*at] == ',';
		if (text[*at] == ']')
			split->kind = SPLIT_AFTER;
		++*at;
		return *empty;
	}
	return false;
}

static bool
next_element(struct split *split, const char *text, size_t size, bool at_end, const char **record,
    size_t *record_size, size_t *used)
{
	bool empty = false, with = false, found = true;
	size_t at = 0, i;

	while (split->seen == 0 && split->kind == SPLIT_ARRAY && at < size &&
	    !(found = find_element(split, text, size, &at, &empty)))
		;
	*used = at;
	*record = text + at;
	*record_size = 0;
	if (empty)
		return true;
	if (split->kind == SPLIT_AFTER)
		return false;
	if (!found || at == size) { /* nothing but blanks */
		if (!at_end)
			return false;
		split->kind = SPLIT_LINES;
		*record = "[";
		*record_size = 1;
		return true;
	}
	for (i = at + split->seen; i < size && !ends_element(split, text[i], &with); i++)
		;
	if (i == size && !at_end) {
		split->seen = i - at;
		return false;
	}
	if (i == size)
		split->kind = SPLIT_LINES; /* the rest, whatever is wrong with it */
	split->after_comma = false;
	*used = i + (with ? 1 : 0);
	*record_size = *used - at;
	while (*record_size > 0 && is_blank(text[at + *record_size - 1]))
		--*record_size;
	if (i < size && !with && text[i] == ',') {
		++*used;
		split->after_comma = true;
	}
	begin_element(split);
	return true;
}

/* ---- CSV ---- */

/* One byte of a record; true: the record ends before it. */
static bool
ends_csv(struct split *split, char c)
{
	bool was_quote = split->after_quote, is_first = split->field_starts;

	split->after_quote = split->field_starts = false;
	if (split->in_comment)
		return c == '\n' || c == '\r';
	if (split->is_escaped) {
		split->is_escaped = false;
		return false;
	}
	if (split->escape != '\0' && c == split->escape) {
		split->is_escaped = true;
		return false;
	}
	if (split->in_string) {
		split->in_string = c != split->quote;
		split->after_quote = !split->in_string;
		return false;
	}
	if (split->quote != '\0' && c == split->quote && (is_first || was_quote)) {
		split->in_string = true; /* the first of a field, or the second of two */
		return false;
	}
	split->field_starts = c == split->delimiter;
	return c == '\n' || c == '\r';
}

static void
begin_csv(struct split *split)
{
	split->seen = 0;
	split->in_string = split->is_escaped = split->after_quote = split->in_comment = false;
	split->field_starts = true;
}

/* Where there may be comments, blanks before a record and empty lines are none of it. */
static void
look_for_comment(struct split *split, const char *text, size_t size, size_t *at)
{
	if (!split->has_comments)
		return;
	while (*at < size && (text[*at] == ' ' || text[*at] == '\n' || text[*at] == '\r'))
		++*at;
	split->in_comment = *at < size && text[*at] == '#';
}

static bool
next_csv(struct split *split, const char *text, size_t size, bool at_end, const char **record,
    size_t *record_size, size_t *used)
{
	size_t at = 0, i;
	bool is_comment;

	*used = 0;
	while (at < size) {
		if (split->seen == 0) {
			begin_csv(split);
			look_for_comment(split, text, size, &at);
			*used = at;
			if (at == size)
				return false;
		}
		for (i = at + split->seen; i < size && !ends_csv(split, text[i]); i++)
			;
		/* Is there a '\n' behind the '\r'? */
		if (!at_end && (i == size || (text[i] == '\r' && i + 1 == size))) {
			split->seen = i - at;
			return false;
		}
		*record = text + at;
		*record_size = i - at;
		is_comment = split->in_comment;
		*used = i < size ? i + 1 + (i + 1 < size && text[i] == '\r' && text[i + 1] == '\n') : size;
		split->seen = 0;
		if (!is_comment)
			return true;
		at = *used;
	}
	return false;
}

/* ---- all ---- */

bool
split_next(struct split *split, const char *text, size_t size, bool at_end, const char **record,
    size_t *record_size, size_t *used)
{
	size_t at = 0;
	bool found = false;

	*used = 0;
	if (split->kind == SPLIT_CSV)
		return next_csv(split, text, size, at_end, record, record_size, used);
	if (split->kind == SPLIT_JSON) {
		if (!choose(split, text, size, at_end, &at))
			return false;
		begin_element(split);
	}
	if (split->kind == SPLIT_ARRAY) {
		found = next_element(split, text + at, size - at, at_end, record, record_size, used);
		at += *used;
	}
	if (!found && split->kind == SPLIT_AFTER) {
		while (at < size && is_blank(text[at]))
			at++;
		split->kind = at < size ? SPLIT_LINES : SPLIT_AFTER;
	}
	*used = at;
	if (found || split->kind != SPLIT_LINES)
		return found;
	found = next_line(split, text + at, size - at, at_end, record, record_size, used);
	*used = at + (found ? *used : 0);
	return found;
}
