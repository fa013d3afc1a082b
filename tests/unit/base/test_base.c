/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - errors, memory, parsing and files keep their headers' word. */
#include "../unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/util.h"

static void
overlong_context_is_cut_not_overrun(void **state)
{
	struct fl_err err = {.code = FL_OK};
	int i;

	(void)state;
	(void)FL_FAIL(&err, FL_E_BAD_TYPE, "seed");
	for (i = 0; i < 1000; i++)
		(void)fl_err_context(&err, "level %d", i);
	assert_in_range(strlen(err.text), 1, FL_ERR_TEXT_SIZE - 1);
	assert_memory_equal(err.text, "level 999: level 998: ", 22);
	assert_int_equal(err.code, FL_E_BAD_TYPE);
}

static void
a_failure_without_a_place_for_it_does_not_pass_for_success(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		(void)close(STDERR_FILENO);
		_exit(fl_err_context(NULL, "lost") == FL_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
every_code_has_a_name_a_class_and_a_help(void **state)
{
	int code;

	(void)state;
	for (code = 1; code < FL_E_COUNT; code++) {
		assert_true(strlen(fl_code_name((enum fl_code)code)) >= 2);
		assert_true(strlen(fl_code_help((enum fl_code)code)) > 10);
		assert_true(fl_code_class((enum fl_code)code) != FL_CLASS_NONE);
	}
	assert_int_equal(fl_code_exit(FL_E_BAD_CONFIG), 78);
	assert_int_equal(fl_code_exit(FL_E_STORE_IO), 70);
	assert_int_equal(fl_code_exit(FL_E_BROKER_AWAY), 75);
	assert_int_equal(fl_code_exit(FL_E_USAGE), 2);
}

static void
arena_reset_keeps_its_largest_chunk(void **state)
{
	struct fl_arena arena;
	void *first;
	int i;

	(void)state;
	fl_arena_init(&arena);
	for (i = 0; i < 1000; i++)
		memset(fl_arena_alloc(&arena, 1000), i, 1000);
	fl_arena_reset(&arena);
	first = arena.at;
	for (i = 0; i < 100; i++)
		memset(fl_arena_alloc(&arena, 1000), i, 1000);
	fl_arena_reset(&arena);
	assert_ptr_equal(arena.at, first);
	assert_int_equal((uintptr_t)fl_arena_alloc(&arena, 3) % 16, 0);
	fl_arena_fini(&arena);
}

static void
numbers_of_any_length_are_appended(void **state)
{
	struct fl_buf buf;

	(void)state;
	fl_buf_init(&buf);
	fl_buf_i64(&buf, INT64_MIN);
	fl_buf_byte(&buf, ' ');
	fl_buf_i64(&buf, 0);
	fl_buf_i64(&buf, 70);
	fl_buf_printf(&buf, "%0500d", 7); /* longer than the room there is */
	assert_int_equal(buf.size, 20 + 1 + 1 + 2 + 500);
	assert_memory_equal(buf.data, "-9223372036854775808 07000", 26);
	assert_string_equal(buf.data + buf.size - 2, "07");
	fl_buf_fini(&buf);
}

static void
json_strings_are_always_valid(void **state)
{
	struct fl_buf buf;

	(void)state;
	fl_buf_init(&buf);
	fl_buf_json(&buf, "a\"\\\n\x01\xff\xc3\xa9\xed\xa0\x80", 11);
	assert_string_equal(buf.data,
	    "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	fl_buf_reset(&buf);
	fl_buf_base64(&buf, "foob", 4);
	assert_string_equal(buf.data, "Zm9vYg==");
	fl_buf_fini(&buf);
}

static void
base64_is_read_as_it_is_written(void **state)
{
	static const char *const wrong[] = {"Zg=", "Zg", "Z===", "Zg==Zg==", "Z=g=", "Zm9v\n", "Zm-v", "===="};
	unsigned char bytes[64];
	struct fl_buf text, back;

	(void)state;
	fl_buf_init(&text);
	fl_buf_init(&back);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 200);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		fl_buf_reset(&text);
		fl_buf_reset(&back);
		fl_buf_base64(&text, bytes, n);
		assert_true(fl_buf_unbase64(&back, n > 0 ? text.data : "", text.size));
		assert_int_equal(back.size, n);
		if (n > 0)
			assert_memory_equal(back.data, bytes, n);
	}
	for (size_t i = 0; i < FL_ARRAY_COUNT(wrong); i++)
		assert_false(fl_buf_unbase64(&back, wrong[i], strlen(wrong[i])));
	fl_buf_fini(&text);
	fl_buf_fini(&back);
}

static void
durations_are_read_as_flink_reads_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {{"30 s", 30000}, {"5min", 300000}, {"1 h", 3600000}, {"100 ms", 100},
	    {"2 d", 172800000}, {"30", 30}, {" 7 seconds ", 7000}, {"", -1}, {"s", -1},
	    {"-1 s", -1}, {"3 fortnights", -1}, {"99999999999999999 d", -1}};
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		int64_t ms = -1;
		bool ok = fl_parse_duration_ms(cases[i].text, &ms);

		if (ok != (cases[i].ms >= 0) || (ok && ms != cases[i].ms))
			fail_msg("duration \"%s\"", cases[i].text);
	}
}

static void
sizes_are_read_as_flink_reads_them(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {{"128MB", 128 << 20}, {"64 kb", 64 << 10}, {"1000", 1000}, {" 7 bytes ", 7},
	    {"2 GIBIBYTES", INT64_C(2) << 30}, {"1t", INT64_C(1) << 40}, {"0", 0}, {"", -1}, {"mb", -1},
	    {"-1 mb", -1}, {"1.5 mb", -1}, {"3 pb", -1}, {"99999999999999999 tb", -1}};
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		int64_t bytes = -1;
		bool ok = fl_parse_memory(cases[i].text, &bytes);

		if (ok != (cases[i].bytes >= 0) || (ok && bytes != cases[i].bytes))
			fail_msg("size \"%s\"", cases[i].text);
	}
}

static void
closest_word_is_close(void **state)
{
	static const char *const words[] = {"topic", "format", "connector"};

	(void)state;
	assert_string_equal(fl_closest("conector", words, 3), "connector");
	assert_string_equal(fl_closest("Topik", words, 3), "topic");
	assert_null(fl_closest("zzz", words, 3));
}

static void
a_written_file_reads_back(void **state)
{
	char dir[64], path[96];
	struct fl_buf buf;
	struct fl_err err;

	(void)state;
	make_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(fl_mkdirs(path, &err), FL_OK);
	(void)snprintf(path, sizeof(path), "%s/a/b/f", dir);
	assert_int_equal(fl_file_write(path, "hello", 5, &err), FL_OK);
	fl_buf_init(&buf);
	assert_int_equal(fl_file_read(path, 5, &buf, &err), FL_OK);
	assert_string_equal(buf.data, "hello");
	fl_buf_reset(&buf);
	assert_int_equal(fl_file_read(path, 4, &buf, &err), FL_E_NO_SUCH_FILE);
	fl_buf_fini(&buf);
	/* A directory is in the way: what was written for it goes. */
	(void)snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(fl_file_write(path, "hello", 5, &err), FL_E_IO);
	(void)snprintf(path, sizeof(path), "%s/a.tmp", dir);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/a/b/f", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fl_file_read(path, 4, &buf, &err), FL_E_NO_SUCH_FILE);
	remove_dir(dir);
}

static void
the_directory_of_a_path_is_named(void **state)
{
	static const char *const cases[][2] = {
	    {"/a/b", "/a"}, {"/a", "/"}, {"b", "."}, {"a/b/c", "a/b"}, {"./x", "."}};
	char dir[16];
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_dir_of(cases[i][0], dir, sizeof(dir));
		assert_string_equal(dir, cases[i][1]);
	}
	assert_int_equal(fl_dir_sync("/tmp"), 0);
	assert_int_equal(fl_dir_sync("/no/such/dir"), ENOENT);
}

static void
a_full_disk_is_told_from_other_failures(void **state)
{
	(void)state;
	assert_int_equal(fl_errno_code(ENOSPC, FL_E_IO), FL_E_DISK_FULL);
	assert_int_equal(fl_errno_code(EDQUOT, FL_E_IO), FL_E_DISK_FULL);
	assert_int_equal(fl_errno_code(EACCES, FL_E_BAD_CONFIG), FL_E_BAD_CONFIG);
}

static void
a_message_is_one_line_quoted_and_not_repeated_for_ever(void **state)
{
	char path[] = "/tmp/flight-unit-log.XXXXXX";
	int fd = mkstemp(path), old = dup(STDERR_FILENO), lines = 0, i;
	struct fl_err err;
	struct fl_buf text;

	(void)state;
	assert_true(fd >= 0 && old >= 0);
	fl_log_open("test", FL_LOG_INFO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	for (i = 0; i < 1000; i++)
		fl_info("a\nmessage number=%d", i);
	fl_debug("not wanted");
	fl_info("values a=%s b=\"%s %d\" c=%d d=\"%s\" e=%.3s f=%s (%s)", "plain", "it's \"x\"", 1, 2,
	    "one", "a b c", "", "a\nb");
	fl_info("escapes a=%s b=%s", "\\\n\t\033", "k=v");
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	fl_buf_init(&text);
	assert_int_equal(fl_file_read(path, 1 << 20, &text, &err), FL_OK);
	assert_non_null(strstr(text.data, " info  test["));
	assert_non_null(strstr(text.data, "] a message number=0\n"));
	assert_null(strstr(text.data, "wanted"));
	assert_non_null(strstr(text.data,
	    "] values a=plain b=\"it's \\\"x\\\" 1\" c=2 d=one e=\"a b\" f=\"\" (a b)\n"));
	assert_non_null(strstr(text.data, "] escapes a=\"\\\\\\n\\t?\" b=\"k=v\"\n"));
	for (i = 0; i < (int)text.size; i++)
		lines += text.data[i] == '\n';
	assert_in_range(lines, 10, 100); /* ten a second */
	fl_buf_fini(&text);
	(void)unlink(path);
	(void)close(fd);
	(void)close(old);
}

static void
an_armed_seam_strikes_once_at_its_count(void **state)
{
	(void)state;
	arm("a.b:2,c:1");
	assert_false(fl_fault("a.b"));
	assert_true(fl_fault("a.b"));
	assert_false(fl_fault("a.b"));
	assert_true(fl_fault("c"));
	disarm();
	assert_false(fl_fault("c"));
}

static long
highest_rss_kb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kb = -1;

	while (f != NULL && kb < 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "VmHWM: %ld", &kb);
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

static void
reserved_memory_was_in_use(void **state)
{
	long before = highest_rss_kb();

	(void)state;
	fl_mem_reserve(1 << 20); /* too little to matter */
	fl_mem_reserve(64 << 20);
	assert_true(highest_rss_kb() > before + (48 << 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(overlong_context_is_cut_not_overrun),
	    cmocka_unit_test(a_failure_without_a_place_for_it_does_not_pass_for_success),
	    cmocka_unit_test(every_code_has_a_name_a_class_and_a_help),
	    cmocka_unit_test(arena_reset_keeps_its_largest_chunk),
	    cmocka_unit_test(reserved_memory_was_in_use),
	    cmocka_unit_test(numbers_of_any_length_are_appended),
		cmocka_unit_test(json_strings_are_always_valid),
		cmocka_unit_test(base64_is_read_as_it_is_written),
	    cmocka_unit_test(durations_are_read_as_flink_reads_them),
	    cmocka_unit_test(sizes_are_read_as_flink_reads_them),
	    cmocka_unit_test(closest_word_is_close),
	    cmocka_unit_test(a_written_file_reads_back),
	    cmocka_unit_test(the_directory_of_a_path_is_named),
	    cmocka_unit_test(a_full_disk_is_told_from_other_failures),
	    cmocka_unit_test(a_message_is_one_line_quoted_and_not_repeated_for_ever),
	    cmocka_unit_test(an_armed_seam_strikes_once_at_its_count),
	};

	return cmocka_run_group_tests_name("base/base", tests, NULL, NULL);
}
