/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - flightctl: finds the command in its table and runs it, once or again
 * and again. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flightctl/ctl.h"

/* As lib/base/mem.c has it, but with large pages: a third of the time of a snapshot of many
 * keys is the first touch of small ones. */
extern const char *malloc_conf;
const char *malloc_conf = "thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,"
			  "lg_extent_max_active_fit:30,narenas:1,"
			  "tcache_nslots_small_max:2000,lg_tcache_nslots_mul:4";

static int
run_once(struct ctl *ctl)
{
	struct ctl once = *ctl;
	char **argv = fl_calloc((size_t)ctl->argc + 1, sizeof(*argv));
	int status;

	/* getopt_long() reorders what it reads: each round gets a copy. */
	memcpy(argv, ctl->argv, (size_t)ctl->argc * sizeof(*argv));
	once.argv = argv;
	status = ctl->command->run(&once);
	if (once.stop)
		ctl->watch_ms = 0;
	else if (once.watch_ms > 0)
		ctl->watch_ms = once.watch_ms;
	ctl->timeout_ms = once.timeout_ms;
	free(argv);
	return out_end(status);
}

static int
run_command(struct ctl *ctl)
{
	bool is_terminal = isatty(STDOUT_FILENO) != 0;
	int64_t began_us = fl_monotonic_us();
	struct fl_err err = {0};

	for (;;) {
		int status = run_once(ctl);
		int64_t left_ms = ctl->timeout_ms - (fl_monotonic_us() - began_us) / 1000;

		if (ctl->watch_ms == 0 || ctl->command->access != CTL_READS || !out_is_read())
			return status;
		if (ctl->timeout_ms > 0 && left_ms <= ctl->watch_ms) { /* no round comes before its end */
			usleep((useconds_t)FL_MAX(left_ms, 0) * 1000);
			(void)FL_FAIL(&err, FL_E_TIMED_OUT, "watched for the %g s of --timeout",
			    (double)ctl->timeout_ms / 1000);
			return ctl_fail(ctl, &err);
		}
		usleep((useconds_t)ctl->watch_ms * 1000);
		if (is_terminal)
			out_write(&(struct fl_buf){.data = (char[]){"\033[H\033[2J"}, .size = 7});
	}
}

static int
fail_unknown(const char *name)
{
	static const char *names[64];
	uint32_t name_count = 0;
	const char *close;

	for (const struct ctl_command *c; name_count < FL_ARRAY_COUNT(names) &&
					  (c = ctl_command_row(name_count)) != NULL;)
		names[name_count++] = c->name;
	close = fl_closest(name, names, name_count);
	fprintf(stderr,
	    "flightctl: there is no command \"%s\"%s%s%s; flightctl --help lists them\n", name,
	    close != NULL ? ", did you mean \"" : "", close != NULL ? close : "",
	    close != NULL ? "\"" : "");
	return CTL_USAGE;
}

/* A descriptor that is closed would be the next file's, a store's: whoever prints then must
 * fail, not write into it. */
static void
hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int
main(int argc, char **argv)
{
	static struct fl_buf excerpt;
	struct ctl ctl = {.instance = getenv("FLIGHT_HOME"), .excerpt = &excerpt};
	const char *value, *option;

	hold_standard_files();
	fl_fault_init();
	signal(SIGPIPE, SIG_IGN);
	ctl.is_instance_named = ctl.instance != NULL && ctl.instance[0] != '\0';
	if (!ctl.is_instance_named)
		ctl.instance = "./flight.d";

	/* Options before the command: global ones only. */
	ctl.argc = argc;
	ctl.argv = argv;
	option = ctl_next_option(&ctl, &value);
	if (ctl.stop)
		return out_end(ctl.status);
	if (option != NULL || ctl.arg_count == 0) {
		ctl_print_usage(stderr);
		return CTL_USAGE;
	}
	if (strcmp(ctl.args[0], "help") == 0) {
		const char *name = ctl.arg_count > 1 && strcmp(ctl.args[1], "help") != 0 ? ctl.args[1] : NULL;
		const struct ctl_command *about = name != NULL ? ctl_command_find(name) : NULL;

		if (name != NULL && about == NULL) {
			(void)fail_unknown(name);
			return CTL_NO_OBJECT;
		}
		if (about != NULL)
			ctl_print_help(about, true, stdout);
		else
			ctl_print_usage(stdout);
		return out_end(CTL_OK);
	}
	ctl.command = ctl_command_find(ctl.args[0]);
	if (ctl.command == NULL)
		return fail_unknown(ctl.args[0]);
	ctl_log_open(&ctl);
	ctl.argc = ctl.arg_count;
	ctl.argv = ctl.args;
	ctl.started = false;
	return run_command(&ctl);
}
