/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.c - the field, the rule and the value out of the text of a dead letter.
 *
 *	field "qty" at byte 7: a string "twelve" cannot be converted to INT
 *	field "qty" is missing, but its column is NOT NULL
 *	field "qty": the column is NOT NULL and its value null
 *	/coordinates/0: maximum 90, got 90.5
 *	/userId: required, but missing
 *
 * each of them with "the message's key: " in front, where it was the key.
 *
 * The text is what a letter keeps, so letters of former versions and of any store can be
 * taken apart.  A text of another form has no field, and the code's name is its rule.
 */
#include <stdio.h>

#include "base/util.h"
#include "codec/codec.h"

static void
copy(char out[FL_FAULT_SIZE], const char *from, const char *to)
{
	(void)snprintf(out, FL_FAULT_SIZE, "%.*s", (int)FL_MIN(to - from, FL_FAULT_SIZE - 1), from);
}

static const char *
find(const char *p, const char *end, const char *what)
{
	return p == NULL ? NULL : memmem(p, (size_t)(end - p), what, strlen(what));
}

static const char *
find_last(const char *p, const char *end, const char *what)
{
	const char *last = NULL;

	while ((p = find(p, end, what)) != NULL)
		last = p++;
	return last;
}

/* A path of a JSON Schema as SQL writes one: "/a/0" is "a.0". */
static void
copy_path(char out[FL_FAULT_SIZE], const char *p, const char *end)
{
	size_t n = 0;

	for (p += p < end && *p == '/'; p < end && n < FL_FAULT_SIZE - 1; p++) {
		if (*p == '~' && p + 1 < end && (p[1] == '0' || p[1] == '1'))
			out[n++] = *++p == '0' ? '~' : '/';
		else
			out[n++] = *p == '/' ? '.' : *p;
	}
	out[n] = '\0';
}

/* PATH: RULE, got VALUE; or PATH: RULE, but missing.  Rule and value may hold anything. */
static void
parse_rule(const char *p, const char *end, struct fl_fault *fault)
{
	const char *colon = find(p, end, ": "), *got = find_last(colon, end, ", got ");
	const char *missing = find_last(colon, end, ", but missing");

	if (colon == NULL || (got == NULL && missing == NULL))
		return;
	if (*p == '/' || *p == '.') /* else "the record" */
		copy_path(fault->field, p, colon);
	copy(fault->rule, colon + 2, got != NULL ? got : missing);
	if (got != NULL)
		copy(fault->value, got + strlen(", got "), end);
}

static void
parse_field(const char *p, const char *end, struct fl_fault *fault)
{
	static const char to[] = " cannot be converted to ";
	const char *name = p + strlen("field \""), *close = find(name, end, "\""), *colon, *conversion, *token;

	if (close == NULL)
		return;
	copy(fault->field, name, close);
	colon = find(close, end, ": ");
	conversion = find_last(close, end, to);
	if (find(close, end, "is missing") == close + 2) {
		(void)snprintf(fault->rule, sizeof(fault->rule), "required");
	} else if (conversion != NULL && colon != NULL) {
		(void)snprintf(fault->rule, sizeof(fault->rule), "type %.*s",
		    (int)FL_MIN(end - conversion - (int)strlen(to), 100), conversion + strlen(to));
		/* "a string", "an array", "true": the kind of the token. */
		token = colon + 2;
		for (int words = *token == 'a' ? 2 : 1; words > 0 && token != NULL; words--) {
			token = find(token, conversion, " ");
			token += token != NULL;
		}
		if (token != NULL)
			copy(fault->value, token, conversion);
	}
}

void
fl_fault_parse(enum fl_code code, const char *text, size_t size, struct fl_fault *fault)
{
	static const char key[] = FL_FAULT_KEY ": ";
	const char *end = text + size;

	if (size >= sizeof(key) && memcmp(text, key, sizeof(key) - 1) == 0) {
		text += sizeof(key) - 1;
		size -= sizeof(key) - 1;
	}
	fault->field[0] = fault->value[0] = '\0';
	(void)snprintf(fault->rule, sizeof(fault->rule), "%s", fl_code_name(code));
	if (size > 7 && memcmp(text, "field \"", 7) == 0)
		parse_field(text, end, fault);
	else if (code != FL_E_BAD_JSON)
		parse_rule(text, end, fault);
	if (code == FL_E_BAD_NULL) {
		(void)snprintf(fault->rule, sizeof(fault->rule), "NOT NULL");
		(void)snprintf(fault->value, sizeof(fault->value), "null");
	}
}
