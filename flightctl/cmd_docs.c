/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_docs.c - the reference pages, out of the tables. */
#include <string.h>

#include "expr/expr.h"
#include "flightctl/ctl.h"
#include "shm/exposition.h"

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
			"`flightctl metrics` prints them in Prometheus' text format, and so does\n"
			"the program serve at /metrics.  Counters are kept in the stores' transactions,"
			" so they survive\nrestarts exactly; but for those of serve.\n\n"
			"| name | kind | unit | means |\n|---|---|---|---|\n");
	for (int i = 0; i < FL_SERIES_COUNT; i++) {
		const struct fl_series_info *info = fl_series_info((enum fl_series)i);

		fl_buf_printf(out, "| `flight_%s{%s}` | %s | %s | %s |\n", info->name,
		    fl_scope_labels(info->scope), info->kind == FL_COUNTER ? "counter" : "gauge",
		    info->unit, info->help);
	}
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

static void
print_http(struct fl_buf *out)
{
	static const struct {
		const char *path, *methods, *type, *help;
	} rows[] = {
/* clang-format off */
#define FL_ROUTE(path, name, methods, where, type, help) { path, #methods, type, help },
#include "tbl/routes.h"
#undef FL_ROUTE
		/* clang-format on */
	};

	fl_buf_str(out,
	    "# HTTP\n\nWritten by `make docs` from include/tbl/routes.h.\n\n"
	    "The program serve runs where the instance's `serve.port` or a pipeline's "
	    "`flight.serve.port` asks\nfor it, and only reads.\n\n"
	    "| path | method | answers | |\n|---|---|---|---|\n");
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++) {
		bool has_get = strstr(rows[i].methods, "GET") != NULL;
		bool has_post = strstr(rows[i].methods, "POST") != NULL;

		fl_buf_printf(out, "| `%s` | %s%s%s | `%s` | %s |\n", rows[i].path,
		    has_get ? "GET, HEAD" : "", has_get && has_post ? ", " : "",
		    has_post ? "POST" : "", rows[i].type, rows[i].help);
	}
	fl_buf_str(out,
	    "| PATH | GET, HEAD, POST | `application/json` | What a pipeline publishes there "
	    "(`SET 'flight.publish.PATH'`): a JSON array with an object per row. |\n"
	    "\nErrors are JSON: `{\"status\":404,\"error\":\"...\"}`. 403: a page of another "
	    "site asks. 404: nothing\nis there. 405: another method, `Allow` says which. 413: the "
	    "body is larger than 64 KiB. 421: the name in\n`Host` is neither an address nor "
	    "localhost nor one of `serve.hosts`. 503: not live, not ready, or too many\nrequests wait. "
	    "What is no HTTP is answered by libmicrohttpd in its own words.\n\n"
	    "At most 256 connections, 16 of one address; more are closed at once. A connection is "
	    "closed when no\nrequest line comes for 15 s, the rest of the head takes more than 5 s, "
	    "the body more than 10 s, or the\nclient takes longer than 10 s to take the answer. "
	    "Each answer says `Cache-Control: no-store`; none\nallows other sites to read it.\n");
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
	    {"http", print_http},
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
