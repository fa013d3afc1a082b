/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.c - the table of functions: finding a row, printing the manual.
 */
#include <stdio.h>
#include <strings.h>

#include "base/util.h"
#include "kernel.h"

static const struct fl_function functions[] = {
#define FL_FUNCTION(n, min, max, rule, kern, f, h)                                                 \
	{.name = (n),                                                                              \
	    .arg_min = (min),                                                                      \
	    .arg_max = (max),                                                                      \
	    .type_rule = (rule),                                                                   \
	    .kernel = (kern),                                                                      \
	    .flags = (f),                                                                          \
	    .help = (h)},
#define FL_EXPAND(n, min, max, exp, h)                                                             \
	{.name = (n), .arg_min = (min), .arg_max = (max), .expand = (exp), .help = (h)},
#include "tbl/functions.h"
#undef FL_FUNCTION
#undef FL_EXPAND
};

const struct fl_function *
fl_function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(functions); i++)
		if (strlen(functions[i].name) == len &&
		    strncasecmp(functions[i].name, name, len) == 0)
			return &functions[i];
	return NULL;
}

const struct fl_function *
fl_function_row(uint32_t i)
{
	return i < FL_ARRAY_COUNT(functions) ? &functions[i] : NULL;
}

static void
print_help_row(const char *help, struct fl_buf *out)
{
	const char *bar = strrchr(help, '|');

	/* "a || b" holds bars itself: the last one parts usage from text. */
	fl_buf_str(out, "| `");
	for (const char *p = help; p < bar; p++) {
		if (*p == '|')
			fl_buf_byte(out, '\\');
		fl_buf_byte(out, *p);
	}
	fl_buf_printf(out, "` | %s |\n", bar + 1);
}

void
fl_functions_print_markdown(struct fl_buf *out)
{
	fl_buf_str(out, "# Operators and functions\n\n"
			"Written by `make docs` from include/tbl/functions.h, aggregates.h and windows.h.\n\n"
			"Names may be written in any case. Unless the text says otherwise a NULL\n"
			"argument gives NULL. A row whose evaluation fails (CAST of bad text,\n"
			"division by zero) becomes a dead letter; Flink would fail the job.\n\n"
			"| usage | meaning |\n|---|---|\n");
	for (size_t i = 0; i < FL_ARRAY_COUNT(functions); i++)
		print_help_row(functions[i].help, out);
	fl_buf_str(out,
	    "| `CAST(a AS type)` | Converts; text that does not fit is an error of the row. |\n"
	    "| `TRY_CAST(a AS type)` | As CAST, but NULL instead of an error. |\n");
	fl_buf_str(out,
	    "\n## Aggregates\n\n"
	    "All skip NULL; over no value SUM, AVG, MIN and MAX are NULL and COUNT is 0.\n"
	    "All take `FILTER (WHERE ...)`.\n\n"
	    "| usage | meaning |\n|---|---|\n");
	for (uint32_t i = 0; fl_agg_row(i) != NULL; i++)
		print_help_row(fl_agg_row(i)->help, out);
	fl_buf_str(out, "\n## Windows\n\n"
			"`FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(timecol), size interval[, offset "
			"interval]))`; HOP has its slide before size.\n\n| name | meaning |\n|---|---|\n");
#define FL_WINDOW(name, ident, step, help) fl_buf_str(out, "| `" #name "` | " help " |\n");
#include "tbl/windows.h"
#undef FL_WINDOW
}
