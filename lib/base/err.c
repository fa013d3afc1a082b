/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - raising, passing on and printing errors.
 *
 * The text grows at its front: each border says what it was doing, so that the
 * outermost context is read first.  What does not fit is cut at the end, where the
 * cause is; the code and the origin survive in fields of their own.
 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum fl_err_class class;
	const char *help;
} codes[FL_E_COUNT] = {
	[FL_OK] = {"OK", FL_CLASS_NONE, "Nothing failed."},
#define FL_ERROR(name, class, help) [FL_E_##name] = {#name, FL_CLASS_##class, help},
#include "tbl/errors.h"
#undef FL_ERROR
};

enum fl_code
fl_err_set(struct fl_err *err, enum fl_code code, int native, const char *origin, const char *fmt,
    ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	err->native = native;
	err->origin = origin;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

enum fl_code
fl_err_context(struct fl_err *err, const char *fmt, ...)
{
	char text[FL_ERR_TEXT_SIZE];
	va_list ap;
	size_t used, kept;
	int n;

	assert(err != NULL);
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used > sizeof(text) - 3)
		used = sizeof(text) - 3;
	text[used++] = ':';
	text[used++] = ' ';
	kept = strnlen(err->text, sizeof(err->text) - 1 - used);
	memmove(err->text + used, err->text, kept);
	memcpy(err->text, text, used);
	err->text[used + kept] = '\0';
	return err->code;
}

const char *
fl_code_name(enum fl_code code)
{
	return (unsigned)code < FL_E_COUNT ? codes[code].name : "UNKNOWN";
}

const char *
fl_code_help(enum fl_code code)
{
	return (unsigned)code < FL_E_COUNT ? codes[code].help : "";
}

enum fl_err_class
fl_code_class(enum fl_code code)
{
	return (unsigned)code < FL_E_COUNT ? codes[code].class : FL_CLASS_FATAL;
}

const char *
fl_class_name(enum fl_err_class class)
{
	switch (class) {
	case FL_CLASS_NONE:
		return "NONE";
	case FL_CLASS_INPUT:
		return "INPUT";
	case FL_CLASS_TRANSIENT:
		return "TRANSIENT";
	case FL_CLASS_CONFIG:
		return "CONFIG";
	case FL_CLASS_FATAL:
		return "FATAL";
	}
	return "UNKNOWN";
}

int
fl_code_exit(enum fl_code code)
{
	switch (fl_code_class(code)) {
	case FL_CLASS_NONE:
		return 0;
	case FL_CLASS_INPUT:
		return code == FL_E_USAGE ? 2 : 1;
	case FL_CLASS_TRANSIENT:
		return 75;
	case FL_CLASS_CONFIG:
		return 78;
	case FL_CLASS_FATAL:
		return 70;
	}
	return 70;
}

const char *
fl_err_print(const struct fl_err *err, char *buf, unsigned size)
{
	(void)snprintf(buf, size, "%s %s (%s)", fl_code_name(err->code), err->text,
	    err->origin != NULL ? err->origin : "?");
	return buf;
}
