/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_docs.c - the reference pages, out of the tables. */
#include <string.h>

#include "expr/expr.h"
#include "flightctl/ctl.h"

static void
print_config(struct fl_buf *out)
{
	static const struct {
		const char *scope, *name, *value, *help;
	} rows[] = {
/* clang-format off */
#define FL_CONFIG(scope, name, value, help) { #scope, name, value, help },
#include "tbl/config.h"
#undef FL_CONFIG
	};
	static const struct {
		const char *key, *choices, *help;
	} settings[] = {
#define FL_SETTING(name, key, kind, choices, help) { key, choices, help },
#define FL_TABLE_SETTING(name, key, help) { "flight.table.TABLE." key, NULL, help },
#include "tbl/settings.h"
	};
	/* clang-format on */
	static const struct {
		const char *scope, *text;
	} parts[] = {
		{ "INSTANCE", "## Of the instance\n\n`flightctl up --set KEY=VALUE`; kept in its catalog." },
		{ "PROCESS", "## Of a process\n\nEnvironment variables." },
	};

	fl_buf_str(out,
	    "# Settings\n\nWritten by `make docs` from include/tbl/settings.h and config.h.  There is no "
	    "configuration file.\n\n## Of a pipeline\n\n`SET 'KEY' = 'VALUE';` in the .sql file.\n\n"
	    "| key | does |\n|---|---|\n");
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(settings); i++) {
		fl_buf_printf(out, "| `%s` | %s", settings[i].key, settings[i].help);
		if (settings[i].choices != NULL && strchr(settings[i].choices, '|') != NULL) {
			fl_buf_str(out, ": ");
			for (const char *c = settings[i].choices; *c != '\0'; c++)
				fl_buf_str(out, *c == '|' ? ", " : (char[]){ *c, '\0' });
		}
		fl_buf_str(out, " |\n");
	}
	for (uint32_t p = 0; p < FL_ARRAY_COUNT(parts); p++) {
		fl_buf_printf(out, "\n%s\n\n| key | default | does |\n|---|---|---|\n", parts[p].text);
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
			if (strcmp(rows[i].scope, parts[p].scope) == 0)
				fl_buf_printf(out, "| `%s` | %s | %s |\n", rows[i].name, rows[i].value,
				    rows[i].help);
	}
}

static void
print_metrics(struct fl_buf *out)
{
	fl_buf_str(out, "# Metrics\n\nWritten by `make docs` from include/tbl/metrics.h.\n\n"
			"`flightctl metrics` prints them in Prometheus' text format.  Counters are "
			"kept in the stores'\n"
			"transactions and only mirrored, so they survive restarts exactly.\n\n"
			"| name | kind | unit | means |\n|---|---|---|---|\n"
			"| `flight_up{program}` | gauge |  | 1 while the program runs. |\n"
			"| `flight_beat_timestamp_seconds{program}` | gauge | seconds | When the "
			"program last said that it "
			"lives. |\n");
	for (int i = 0; i < FL_METRIC_COUNT; i++) {
		const struct fl_metric_info *m = fl_metric_info((enum fl_metric)i);

		fl_buf_printf(out, "| `flight_%s_%s` | %s | %s | %s |\n", m->program, m->name,
		    m->kind == FL_COUNTER ? "counter" : "gauge", m->unit, m->help);
	}
}

static void
print_errors(struct fl_buf *out)
{
	fl_buf_str(out,
	    "# Errors\n\nWritten by `make docs` from include/tbl/errors.h.\n\n"
	    "| class | what happens | exit status of the program |\n|---|---|---|\n"
	    "| INPUT | the record becomes a dead letter, or the statement is refused | goes on (a "
	    "command: 1) |\n"
	    "| TRANSIENT | it is tried again, with a growing wait | goes on, or 75 |\n"
	    "| CONFIG | a person has to change something | 78, not started again |\n"
	    "| FATAL | the process ends and starts again from its last commit | 70 |\n\n"
	    "| code | class | means |\n|---|---|---|\n");
	for (int i = 1; i < FL_E_COUNT; i++) {
		enum fl_code code = (enum fl_code)i;

		fl_buf_printf(out, "| `%s` | %s | %s |\n", fl_code_name(code),
		    fl_class_name(fl_code_class(code)), fl_code_help(code));
	}
}

int
cmd_docs(struct ctl *ctl)
{
	static const struct {
		const char *name;
		void (*print)(struct fl_buf *out);
	} pages[] = {
	    {"cli", ctl_print_cli_page},
	    {"config", print_config},
	    {"metrics", print_metrics},
	    {"errors", print_errors},
	    {"sql-functions", fl_functions_print_markdown},
	};
	struct fl_buf out;
	const char *value;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 1, 1))
		return ctl->status;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(pages); i++)
		if (strcmp(pages[i].name, ctl->args[0]) == 0) {
			fl_buf_init(&out);
			pages[i].print(&out);
			out_write(&out);
			fl_buf_fini(&out);
			return CTL_OK;
		}
	fprintf(stderr, "flightctl docs: there is no page \"%s\"; there is: %s\n", ctl->args[0],
	    ctl->command->arguments);
	return CTL_NO_OBJECT;
}
