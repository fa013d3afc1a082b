/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.h - where the records of a file begin and end.
 *
 *	LINES	a record is a line, without its "\n" or "\r\n"
 *	CSV	a line, but within quotes lines do not end; comments are no records
 *	JSON	lines; but if the text begins with '[' it is one array, and a record is an
 *		element of it
 *
 * Nothing of an array is lost: what stands between two elements without a comma is a
 * record as well, so is the empty place between two commas, and what comes after the
 * array is read as lines.  An array without its ']' ends with the record "[".  Whether a
 * record is any good is the decoder's business.
 */
#ifndef INGEST_SPLIT_H
#define INGEST_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_kind { SPLIT_LINES, SPLIT_JSON, SPLIT_ARRAY, SPLIT_AFTER, SPLIT_CSV };

struct split {
	enum split_kind kind;
	size_t seen;	/* bytes of the record that have been looked at */
	uint32_t depth;	/* of the element */
	bool in_string, is_escaped, after_comma;
	char delimiter, quote, escape; /* CSV; the last two 0: none */
	bool has_comments;	       /* CSV: lines that begin with '#', empty ones */
	bool after_quote, field_starts, in_comment;
};

/*
 * The next record of the text, which begins where the last one ended.
 *
 *	at_end	nothing comes after the text
 *	used	out: bytes to be taken off the text, also when there is no record
 *
 * False: there is none (at_end), or more text is needed.  The caller may then drop bytes
 * of the text's end, if it sets seen to what is left.
 */
bool split_next(struct split *split, const char *text, size_t size, bool at_end,
    const char **record, size_t *record_size, size_t *used);

#endif
