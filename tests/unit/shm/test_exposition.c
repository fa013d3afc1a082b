/* SPDX-License-Identifier: Apache-2.0 */
/* test_exposition.c - metrics as Prometheus and as JSON, out of a view made by hand. */
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "shm/exposition.h"

struct fixture {
	struct fl_instance instance;
	struct fl_partition_cursor partitions[2];
	struct fl_view view;
	struct fl_buf out;
	char dir[64];
};

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	make_dir(f->dir);
	f->instance.dir = f->dir;
	f->view.has_ingest = true;
	f->view.ingest.partition_count = 2;
	f->view.partitions = f->partitions;
	snprintf(f->partitions[0].topic, sizeof(f->partitions[0].topic), "a\"b\\c\nd");
	f->partitions[0].position = 10;
	f->partitions[0].stream = 1;
	snprintf(f->partitions[1].topic, sizeof(f->partitions[1].topic), "t");
	f->partitions[1].partition = FL_TOPIC_STRIDE + 3;
	f->partitions[1].position = 5;
	f->partitions[1].stream = 2;
	fl_buf_init(&f->out);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fl_buf_fini(&f->out);
	remove_dir(f->dir);
	free(f);
	return 0;
}

static void
label_values_are_escaped(void **state)
{
	struct fixture *f = *state;

	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_partition_position", false, &f->out));
	assert_string_equal(f->out.data,
	    "# HELP flight_partition_position Offset that ingest reads next.\n"
	    "# TYPE flight_partition_position gauge\n"
	    "flight_partition_position{topic=\"a\\\"b\\\\c\\nd\",partition=\"0\",stream=\"1\"} 10\n"
	    "flight_partition_position{topic=\"t\",partition=\"3\",stream=\"2\"} 5\n");
}

static void
lag_is_never_negative_and_absent_where_no_end_is_known(void **state)
{
	struct fixture *f = *state;
	int64_t ends[] = { -1, 4 };

	assert_true(fl_exposition_print(
	    &f->instance, &f->view, ends, "flight_partition_lag", false, &f->out));
	assert_non_null(strstr(f->out.data, "{topic=\"t\",partition=\"3\",stream=\"2\"} 0\n"));
	assert_null(strstr(f->out.data, "stream=\"1\""));
}

static void
letters_are_labelled_by_whose_they_are_and_oddities_are_none(void **state)
{
	struct fixture *f = *state;
	struct fl_view_tally tallies[] = {
		{ FL_ROLE_INGEST, NULL, "orders", 3, FL_OK, 7 },
		{ FL_ROLE_INGEST, NULL, "orders", 3, FL_E_BAD_JSON, 2 },
		{ FL_ROLE_PIPELINE, "p", "q", 0, FL_E_DIVISION_BY_ZERO, 4 },
		{ FL_ROLE_EMIT, "p", "s", 0, FL_E_SINK_REFUSED, UINT64_MAX },
	};

	f->view.tallies = (struct fl_tallies){.rows = tallies, .count = FL_ARRAY_COUNT(tallies)};
	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_dead_letters_total", false, &f->out));
	assert_non_null(strstr(f->out.data,
	    "# TYPE flight_dead_letters_total counter\n"
	    "flight_dead_letters_total{program=\"ingest\",source=\"orders\",stream=\"3\",error=\"BAD_JSON\"} 2\n"
	    "flight_dead_letters_total{program=\"aggregate\",pipeline=\"p\",query=\"q\",error=\"DIVISION_BY_ZERO\"} 4\n"
	    "flight_dead_letters_total{program=\"emit\",pipeline=\"p\",sink=\"s\",error=\"SINK_REFUSED\"} "
	    "18446744073709551615\n"));
	assert_null(strstr(f->out.data, " 7\n"));
	assert_int_equal(fl_view_letters(&f->view, FL_ROLE_INGEST, NULL), 2);
	fl_buf_reset(&f->out);
	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_oddities_total", false, &f->out));
	assert_non_null(strstr(f->out.data, "\nflight_oddities_total{source=\"orders\",stream=\"3\"} 7\n"));
}

static void
a_partition_s_dead_letters_that_came_back_stay_counted(void **state)
{
	struct fixture *f = *state;

	f->partitions[1].dead = 2;
	f->partitions[1].replayed = 3;
	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_partition_dead_total", false, &f->out));
	assert_non_null(strstr(f->out.data, "{topic=\"t\",partition=\"3\",stream=\"2\"} 5\n"));
}

static void
a_family_without_a_value_has_no_head(void **state)
{
	struct fixture *f = *state;

	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_partition_lag", false, &f->out));
	assert_int_equal(f->out.size, 0);
}

static void
a_glob_that_fits_no_name_says_so(void **state)
{
	struct fixture *f = *state;

	assert_false(
	    fl_exposition_print(&f->instance, &f->view, NULL, "flight_nothing*", false, &f->out));
}

static void
json_names_the_labels_as_fields(void **state)
{
	struct fixture *f = *state;

	assert_true(fl_exposition_print(
	    &f->instance, &f->view, NULL, "flight_partition_stopped", true, &f->out));
	assert_string_equal(f->out.data,
	    "[\n {\"name\":\"flight_partition_stopped\",\"type\":\"gauge\",\"topic\":\"a\\\"b\\\\c\\n"
	    "d\",\"partition\":\"0\",\"stream\":\"1\",\"value\":0},\n"
	    " {\"name\":\"flight_partition_stopped\",\"type\":\"gauge\",\"topic\":\"t\","
	    "\"partition\":\"3\",\"stream\":\"2\",\"value\":0}\n]\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(label_values_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    lag_is_never_negative_and_absent_where_no_end_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    letters_are_labelled_by_whose_they_are_and_oddities_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_partition_s_dead_letters_that_came_back_stay_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_family_without_a_value_has_no_head, setup, teardown),
		cmocka_unit_test_setup_teardown(a_glob_that_fits_no_name_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(json_names_the_labels_as_fields, setup, teardown),
	};

	return cmocka_run_group_tests_name("shm/exposition", tests, NULL, NULL);
}
