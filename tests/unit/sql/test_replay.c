/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay.c - which sinks can have a row that they refused later: by the plan. */
#include "../unit.h"

#include "base/util.h"
#include "sql/plan.h"

static const char SOURCE[] =
    "SET 'table.local-time-zone' = 'Europe/Berlin';"
    "CREATE TABLE s (a INT, b STRING, c INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH "
    "('connector' = 'filesystem', 'path' = '/s', 'format' = 'json');";
#define SINK(columns) \
	"CREATE TABLE t (" columns ") WITH ('connector' = 'jdbc', 'url' = 'jdbc:postgresql://h/d', " \
	"'table-name' = 't');"
#define WINDOW(columns, keys) \
	"INSERT INTO t SELECT " columns " FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) " \
	"GROUP BY window_start, window_end" keys
#define DEDUP(by) \
	"INSERT INTO t SELECT a, b FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY " by " ORDER BY p) AS r FROM s) " \
	"WHERE r = 1"
#define UPDATING "its query is updating"
#define KEY "its table has a PRIMARY KEY: the key"
#define MENDED "its table has a PRIMARY KEY: a mended"

static void
rows_of_a_key_are_not_given_to_a_sink_that_may_have_a_newer_one(void **state)
{
	static const struct {
		const char *sql, *objection, *mended; /* "": none */
	} cases[] = {
		{ SINK("a INT, b STRING") "INSERT INTO t SELECT a, b FROM s", "", "" },
		{ SINK("a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED") "INSERT INTO t SELECT a, b FROM s", KEY, KEY },
		{ SINK("a INT, n BIGINT, PRIMARY KEY (a) NOT ENFORCED")
		  "INSERT INTO t SELECT a, COUNT(*) FROM s GROUP BY a", UPDATING, UPDATING },
		/* Windows. */
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3), PRIMARY KEY (w, a) NOT ENFORCED")
		  WINDOW("COUNT(*), a, window_end", ", a"), "", MENDED },
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3)") WINDOW("COUNT(*), a, window_end", ", a"), "", "" },
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3), PRIMARY KEY (a) NOT ENFORCED")
		  WINDOW("COUNT(*), a, window_end", ", a"), KEY, KEY },
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3), PRIMARY KEY (w, a) NOT ENFORCED")
		  WINDOW("COUNT(*), a, window_end", ", a, b"), KEY, KEY },
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3), PRIMARY KEY (w, n) NOT ENFORCED")
		  WINDOW("COUNT(*), a, window_end", ", a"), KEY, KEY },
		{ SINK("n BIGINT, a INT, w TIMESTAMP(3), PRIMARY KEY (w, a) NOT ENFORCED")
		  WINDOW("COUNT(*), a / 2, window_end", ", a"), KEY, KEY },
		{ SINK("n BIGINT, w TIMESTAMP(3), PRIMARY KEY (w) NOT ENFORCED") WINDOW("COUNT(*), window_start", ""), "",
		  MENDED },
		{ SINK("n BIGINT, w TIMESTAMP(3), PRIMARY KEY (w) NOT ENFORCED")
		  "INSERT INTO t SELECT COUNT(*), window_start FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(p), INTERVAL '1' MINUTE))"
		  " GROUP BY window_start, window_end", KEY, KEY },
		{ SINK("n BIGINT, w TIMESTAMP(3), PRIMARY KEY (w) NOT ENFORCED")
		  "EXECUTE STATEMENT SET BEGIN " WINDOW("COUNT(*), window_start", "") "; "
		  WINDOW("SUM(CAST(a AS BIGINT)), window_start", "") "; END", KEY, KEY },
		/* The best of each window: rows by rank are others each time, rows by key are not. */
		{ SINK("a INT, n BIGINT, w TIMESTAMP(3), r BIGINT, PRIMARY KEY (w, a) NOT ENFORCED")
		  "INSERT INTO t SELECT a, n, w, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY w, e ORDER BY n DESC) AS r"
		  " FROM (SELECT a, COUNT(*) AS n, window_start AS w, window_end AS e FROM TABLE(TUMBLE(TABLE s,"
		  " DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, a)) WHERE r <= 3", "", MENDED },
		{ SINK("a INT, n BIGINT, w TIMESTAMP(3), r BIGINT, PRIMARY KEY (w, r) NOT ENFORCED")
		  "INSERT INTO t SELECT a, n, w, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY w, e ORDER BY n DESC) AS r"
		  " FROM (SELECT a, COUNT(*) AS n, window_start AS w, window_end AS e FROM TABLE(TUMBLE(TABLE s,"
		  " DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, a)) WHERE r <= 3", KEY, KEY },
		/* What a deduplication lets through. */
		{ SINK("a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED") DEDUP("a"), "", MENDED },
		{ SINK("a INT, b STRING, PRIMARY KEY (a, b) NOT ENFORCED") DEDUP("b"), "", MENDED },
		{ SINK("a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED") DEDUP("a, b"), KEY, KEY },
		{ SINK("a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED") DEDUP("c"), KEY, KEY },
		{ "SET 'table.exec.state.ttl' = '1 d';" SINK("a INT, b STRING, PRIMARY KEY (a) NOT ENFORCED") DEDUP("a"), KEY,
		  KEY },
	};

	(void)state;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_sql_env env = { .file = "t.sql", .dir = "/dir" };
		struct fl_err err = { .code = FL_OK };
		struct fl_plan *plan = NULL;
		struct fl_buf sql;

		fl_buf_init(&sql);
		fl_buf_printf(&sql, "%s%s", SOURCE, cases[i].sql);
		if (fl_sql_compile(sql.data, sql.size, &env, &plan, NULL, &err) != FL_OK)
			fail_msg("%s: %s", cases[i].sql, err.text);
		for (uint32_t mended = 0; mended < 2; mended++) {
			const char *got = fl_plan_no_replay(plan, 0, mended);
			const char *want = mended ? cases[i].mended : cases[i].objection;

			got = got != NULL ? got : "";
			if (strncmp(got, want, strlen(want)) != 0 || (want[0] == '\0' && got[0] != '\0'))
				fail_msg("%s: \"%s\", expected \"%s\"", cases[i].sql, got, want);
		}
		fl_plan_free(&plan);
		fl_buf_fini(&sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_key_are_not_given_to_a_sink_that_may_have_a_newer_one),
	};

	return cmocka_run_group_tests_name("sql/replay", tests, NULL, NULL);
}
