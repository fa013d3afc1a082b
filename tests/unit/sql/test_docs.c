/* SPDX-License-Identifier: Apache-2.0 */
/* test_docs.c - the SQL of docs/sql.md: its blocks, one after the other, are one script. */
#include "../unit.h"

#include "base/util.h"
#include "sql/plan.h"

#define PAGE "docs/sql.md"

/* The page with every line outside of the blocks left blank: lines keep their numbers. */
static unsigned
take_blocks(const char *page, struct fl_buf *script)
{
	unsigned blocks = 0;
	bool in = false;

	while (*page != '\0') {
		size_t len = strcspn(page, "\n");

		if (strncmp(page, "```", 3) == 0) {
			in = strncmp(page, "```sql", 6) == 0;
			blocks += in;
		} else if (in) {
			fl_buf_add(script, page, len);
		}
		fl_buf_byte(script, '\n');
		page += len + (page[len] == '\n');
	}
	return blocks;
}

static void
every_example_compiles(void **state)
{
	struct fl_sql_env env = { .file = PAGE, .dir = "docs", .require_insert = true };
	struct fl_err err = { .code = FL_OK };
	struct fl_buf page, script, detail;
	struct fl_plan *plan = NULL;

	(void)state;
	fl_buf_init(&page);
	fl_buf_init(&script);
	fl_buf_init(&detail);
	assert_int_equal(fl_file_read(PAGE, 1 << 20, &page, &err), FL_OK);
	assert_true(take_blocks(page.data, &script) >= 5);
	if (fl_sql_compile(script.data, script.size, &env, &plan, &detail, &err) != FL_OK)
		fail_msg("%s", detail.data);
	assert_int_equal(plan->query_count, 7);
	assert_int_equal(plan->notice_count, 0);
	fl_plan_free(&plan);
	fl_buf_fini(&page);
	fl_buf_fini(&script);
	fl_buf_fini(&detail);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_compiles),
	};

	return cmocka_run_group_tests_name("sql/docs", tests, NULL, NULL);
}
