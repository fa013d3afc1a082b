/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_golden.c - statements and what becomes of them: tests/sql/<claims>.sqlt.
 *
 *	prelude			SQL put before each case of the file, in one line
 *	<sql>
 *	== a claim
 *	<sql>
 *	-- plan | tables | error | notices | portability | streams
 *	<what is expected>
 *
 * The case's own SQL begins at line 2, after the prelude.  With
 * FLIGHT_GOLDEN_UPDATE=1 the files are written anew: read the difference.
 */
#include "../unit.h"

#include <dirent.h>

#include "base/util.h"
#include "sql/plan.h"

#define DIR_OF_TESTS "tests/sql"
#define FILES_MAX 64

struct golden {
	const char *p;		/* unread text of the file */
	struct fl_buf prelude, claim, sql, kind, expected;
	struct fl_buf written;	/* the file as it should be */
	unsigned failed;
};

static char names[FILES_MAX][64];

/* Takes a line without its end; false at the end of the text. */
static bool
take_line(const char **p, const char **line, size_t *len)
{
	if (**p == '\0')
		return false;
	*line = *p;
	*len = strcspn(*p, "\n");
	*p += *len + ((*p)[*len] == '\n');
	return true;
}

static bool
is_mark(const char *line, size_t len, const char *mark)
{
	return len >= strlen(mark) && strncmp(line, mark, strlen(mark)) == 0;
}

static bool
is_kind(const char *line, size_t len)
{
	static const char *const KINDS[] = { "-- plan", "-- tables", "-- error", "-- notices",
		"-- portability", "-- streams" };
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(KINDS); i++)
		if (strlen(KINDS[i]) == len && strncmp(line, KINDS[i], len) == 0)
			return true;
	return false;
}

/* Lines up to the next "== " or, with until_kind, up to a "-- kind" line. */
static void
take_block(struct golden *g, struct fl_buf *out, bool until_kind)
{
	const char *before, *line;
	size_t len;

	fl_buf_reset(out);
	for (before = g->p; take_line(&g->p, &line, &len); before = g->p) {
		if (is_mark(line, len, "== ") || (until_kind && is_kind(line, len))) {
			g->p = before;
			return;
		}
		fl_buf_add(out, line, len);
		fl_buf_byte(out, '\n');
	}
}

/* Blank lines at the end do not count. */
static void
trim(struct fl_buf *buf)
{
	while (buf->size > 0 && buf->data[buf->size - 1] == '\n')
		buf->data[--buf->size] = '\0';
	if (buf->size > 0)
		fl_buf_byte(buf, '\n');
}

static void
add_section(const char *text, const char *head, struct fl_buf *out)
{
	const char *line;
	size_t len, head_len = strlen(head);
	bool in = false;

	while (take_line(&text, &line, &len)) {
		if (line[0] != ' ')
			in = len == head_len && strncmp(line, head, len) == 0;
		else if (in) {
			fl_buf_add(out, line + 2, len - 2);
			fl_buf_byte(out, '\n');
		}
	}
}

static void
show_plan(const struct fl_plan *plan, const char *kind, struct fl_buf *out)
{
	struct fl_buf text;
	uint32_t i, count;

	fl_buf_init(&text);
	fl_plan_explain(plan, &text);
	if (strcmp(kind, "-- plan") == 0)
		add_section(text.data, "queries", out);
	else if (strcmp(kind, "-- tables") == 0)
		add_section(text.data, "tables", out);
	else if (strcmp(kind, "-- streams") == 0)
		add_section(text.data, "streams", out);
	else if (strcmp(kind, "-- portability") == 0)
		fl_plan_portability(plan, out, &count);
	else
		for (i = 0; i < plan->notice_count; i++)
			fl_buf_printf(out, "%s\n", plan->notices[i]);
	fl_buf_fini(&text);
}

static void
run_sql(struct golden *g, struct fl_buf *out)
{
	struct fl_sql_env env = { .file = "t.sql", .dir = "data/pipelines/flights" };
	struct fl_err err = { .code = FL_OK };
	struct fl_plan *plan = NULL;
	struct fl_buf text, detail;

	fl_buf_init(&text);
	fl_buf_init(&detail);
	fl_buf_add(&text, g->prelude.data != NULL ? g->prelude.data : "", g->prelude.size);
	fl_buf_byte(&text, '\n');
	fl_buf_add(&text, g->sql.data != NULL ? g->sql.data : "", g->sql.size);
	if (fl_sql_compile(text.data, text.size, &env, &plan, &detail, &err) != FL_OK)
		fl_buf_printf(out, "%s %s", fl_code_name(err.code), detail.data);
	else if (strcmp(g->kind.data, "-- error") == 0)
		fl_buf_str(out, "no error\n");
	else
		show_plan(plan, g->kind.data, out);
	fl_plan_free(&plan);
	fl_buf_fini(&text);
	fl_buf_fini(&detail);
}

static void
run_case(struct golden *g, const char *file)
{
	const char *line = "";
	size_t len = 0;
	struct fl_buf got;

	take_block(g, &g->sql, true);
	fl_buf_reset(&g->kind);
	if (take_line(&g->p, &line, &len) && is_kind(line, len))
		fl_buf_add(&g->kind, line, len);
	else
		fail_msg("%s: %s: no \"-- kind\" line", file, g->claim.data);
	take_block(g, &g->expected, false);
	trim(&g->sql);
	trim(&g->expected);
	fl_buf_init(&got);
	run_sql(g, &got);
	trim(&got);
	fl_buf_printf(&g->written, "\n%s\n%s%s\n%s", g->claim.data,
	    g->sql.data != NULL ? g->sql.data : "", g->kind.data, got.data != NULL ? got.data : "");
	if (strcmp(got.data != NULL ? got.data : "", g->expected.data != NULL ? g->expected.data : "") != 0) {
		g->failed++;
		print_message("%s: %s\n--- expected\n%s--- got\n%s", file, g->claim.data,
		    g->expected.data != NULL ? g->expected.data : "", got.data != NULL ? got.data : "");
	}
	fl_buf_fini(&got);
}

static void
run_text(struct golden *g, const char *file)
{
	const char *line;
	size_t len, i;

	take_block(g, &g->prelude, false);
	fl_buf_add(&g->written, g->prelude.data != NULL ? g->prelude.data : "", g->prelude.size);
	trim(&g->written);
	if (g->prelude.size > 8 && is_mark(g->prelude.data, g->prelude.size, "prelude\n"))
		memset(g->prelude.data, ' ', 7);
	for (i = 0; i < g->prelude.size; i++)
		if (g->prelude.data[i] == '\n')
			g->prelude.data[i] = ' ';
	while (take_line(&g->p, &line, &len)) {
		fl_buf_reset(&g->claim);
		fl_buf_add(&g->claim, line, len);
		run_case(g, file);
	}
}

static void
file_holds(void **state)
{
	const char *name = *state;
	struct golden g;
	struct fl_buf text;
	struct fl_err err = { .code = FL_OK };
	char path[128];

	memset(&g, 0, sizeof(g));
	fl_buf_init(&text);
	(void)snprintf(path, sizeof(path), "%s/%s.sqlt", DIR_OF_TESTS, name);
	if (fl_file_read(path, 1 << 20, &text, &err) != FL_OK)
		fail_msg("%s", err.text);
	g.p = text.data != NULL ? text.data : "";
	run_text(&g, path);
	if (getenv("FLIGHT_GOLDEN_UPDATE") != NULL)
		assert_int_equal(fl_file_write(path, g.written.data, g.written.size, &err), FL_OK);
	else
		assert_int_equal(g.failed, 0);
	fl_buf_fini(&text);
	fl_buf_fini(&g.prelude);
	fl_buf_fini(&g.claim);
	fl_buf_fini(&g.sql);
	fl_buf_fini(&g.kind);
	fl_buf_fini(&g.expected);
	fl_buf_fini(&g.written);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
main(void)
{
	struct CMUnitTest tests[FILES_MAX];
	struct dirent *entry;
	size_t n = 0, i;
	DIR *dir = opendir(DIR_OF_TESTS);

	if (dir == NULL) {
		perror(DIR_OF_TESTS " (run from the top of the tree)");
		return 1;
	}
	while (n < FILES_MAX && (entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || strcmp(dot, ".sqlt") != 0 || (size_t)(dot - entry->d_name) >= sizeof(names[0]))
			continue;
		memcpy(names[n++], entry->d_name, (size_t)(dot - entry->d_name));
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), compare_names);
	memset(tests, 0, sizeof(tests));
	for (i = 0; i < n; i++) {
		tests[i].name = names[i];
		tests[i].test_func = file_holds;
		tests[i].initial_state = names[i];
	}
	return _cmocka_run_group_tests("sql/golden", tests, n, NULL, NULL);
}
