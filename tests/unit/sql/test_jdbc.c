/* SPDX-License-Identifier: Apache-2.0 */
/* test_jdbc.c - the url of a database becomes parameters of its client library. */
#include "../unit.h"

#include "base/util.h"
#include "sql/plan.h"

static struct fl_plan *plan;
static struct fl_buf said;

static int
setup(void **state)
{
	(void)state;
	fl_buf_init(&said);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_plan_free(&plan);
	fl_buf_fini(&said);
	return 0;
}

static enum fl_code
compile(const char *url, const char *more)
{
	struct fl_sql_env env = { .file = "t.sql", .dir = "/dir" };
	struct fl_err err = { .code = FL_OK };
	char sql[1024];
	enum fl_code code;

	snprintf(sql, sizeof(sql), "CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (c, a) NOT ENFORCED) WITH "
	    "('connector' = 'jdbc', 'url' = '%s', 'table-name' = 't'%s)", url, more);
	fl_plan_free(&plan);
	code = fl_sql_compile(sql, strlen(sql), &env, &plan, NULL, &err);
	fl_buf_reset(&said);
	fl_buf_str(&said, err.text);
	return code;
}

/* "key=value key=value", as they go to libpq */
static void
expect(const char *url, const char *more, const char *params)
{
	const struct fl_jdbc *jdbc;
	struct fl_buf buf;
	uint32_t i;

	fl_buf_init(&buf);
	if (compile(url, more) != FL_OK)
		fail_msg("%s: %s", url, said.data);
	jdbc = plan->tables[0]->jdbc;
	for (i = 0; i < jdbc->param_count; i++)
		fl_buf_printf(&buf, "%s%s=%s", i > 0 ? " " : "", jdbc->params[i].key, jdbc->params[i].value);
	assert_string_equal(buf.data, params);
	fl_buf_fini(&buf);
}

static void
urls_become_parameters(void **state)
{
	(void)state;
	expect("jdbc:postgresql://localhost/db", "", "host=localhost port=5432 dbname=db");
	expect("jdbc:postgresql:db", "", "host=localhost port=5432 dbname=db");
	expect("jdbc:postgresql://127.0.0.1:5433/a%20b", "", "host=127.0.0.1 port=5433 dbname=a b");
	expect("jdbc:postgresql://[::1]:1/db", "", "host=::1 port=1 dbname=db");
	expect("jdbc:postgresql://%2Frun%2Fpg/db", "", "host=/run/pg port=5432 dbname=db");
	expect("jdbc:postgresql://localhost/db?user=u&password=p%26q", "",
	    "host=localhost port=5432 dbname=db user=u password=p&q");
	expect("jdbc:postgresql://localhost/db?user=u", ", 'username' = 'v', 'password' = 'w'",
	    "host=localhost port=5432 dbname=db user=v password=w");
	expect("jdbc:postgresql://localhost/db?currentSchema=a,b c&targetServerType=primary", "",
	    "host=localhost port=5432 dbname=db options=-csearch_path=a,b\\ c target_session_attrs=read-write");
}

static void
a_server_elsewhere_has_to_prove_who_it_is(void **state)
{
	(void)state;
	expect("jdbc:postgresql://h/db", "", "host=h port=5432 dbname=db sslmode=verify-full");
	expect("jdbc:postgresql://localhost,h:6000/db", "",
	    "host=localhost,h port=5432,6000 dbname=db sslmode=verify-full");
	assert_int_equal(plan->notice_count, 0);
	expect("jdbc:postgresql://h/db?sslmode=require", "", "host=h port=5432 dbname=db sslmode=require");
	assert_int_equal(plan->notice_count, 1);
	expect("jdbc:postgresql://localhost/db?ssl=true&sslrootcert=ca.pem&sslcert=/c.pem&sslkey=k.pk8", "",
	    "host=localhost port=5432 dbname=db sslmode=verify-full sslrootcert=/dir/ca.pem sslcert=/c.pem "
	    "sslkey=/dir/k.pk8");
}

static void
wrong_urls_are_refused_and_no_password_is_shown(void **state)
{
	static const char *const URLS[] = {
		"", "jdbc:postgresql:", "jdbc:postgresql://", "jdbc:postgresql:///db", "jdbc:postgresql://h:0/db",
		"jdbc:postgresql://h:65536/db", "jdbc:postgresql://h:x/db", "jdbc:postgresql://h/",
		"jdbc:postgresql://h,/db", "jdbc:postgresql://[::1/db", "jdbc:postgresql://h/d%2", "postgresql://h/db",
		"jdbc:postgresql://h/db?password=secret&user=%zz", "jdbc:postgresql://h/db?password=secret&sslmode=",
		"jdbc:postgresql://h/db?password=secret&paswort=x", "jdbc:postgresql://h:1:2/db?password=secret",
	};
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(URLS); i++) {
		if (compile(URLS[i], "") != FL_E_BAD_OPTION)
			fail_msg("\"%s\" was taken: %s", URLS[i], said.data);
		assert_null(strstr(said.data, "secret"));
	}
}

static void
a_key_is_kept_in_its_order(void **state)
{
	(void)state;
	assert_int_equal(compile("jdbc:postgresql://localhost/db", ""), FL_OK);
	assert_int_equal(plan->tables[0]->primary_key_count, 2);
	assert_int_equal(plan->tables[0]->primary_key[0], 2);
	assert_int_equal(plan->tables[0]->primary_key[1], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(urls_become_parameters),
		TEST(a_server_elsewhere_has_to_prove_who_it_is),
		TEST(wrong_urls_are_refused_and_no_password_is_shown),
		TEST(a_key_is_kept_in_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
