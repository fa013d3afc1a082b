/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - the loop that all programs are.
 *
 *	open -> { step; idle? wait } -> close
 *
 * What may pass by itself (class TRANSIENT) is waited for, with the reason as the
 * program's state; what needs a person ends it with exit 78; what cannot go on ends
 * it with 70.  Absence is no error: instance, pipelines and the stores of other
 * programs are waited for, so any start order works.
 *
 * A program follows its supervisor: when that dies, the kernel sends TERM.  So a
 * supervisor killed with -9 and started again does not meet its own orphans for
 * long; what is left of them is waited for before ALREADY_RUNNING is final.
 */
#include "shm/instance.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/version.h"

#define IDLE_WAIT_MS 100
#define BEAT_MS 1000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 5000
#define ORPHAN_WAIT_MS 10000 /* for a dying process to leave its lock */
#define EXIT_USAGE 2

/* One program on its way: the state of its loop. */
struct runner {
	const struct fl_program *program;
	struct fl_instance *instance;
	const volatile sig_atomic_t *stop;
	int *failed;  /* atomic: another program of this process failed; or NULL */
	int *over;    /* atomic: of a reader: the others have ended; or NULL */
	bool reloads; /* look for changes of the catalog */
	void *self;
	struct fl_metrics *metrics;
	int backoff_ms;
	int64_t beat_us, waiting_since_us; /* monotonic */
	enum fl_code trouble;		   /* of the last turn, FL_OK: none */
	char trouble_text[FL_ERR_TEXT_SIZE];
};

enum outcome { OUTCOME_DONE, OUTCOME_STOPPED, OUTCOME_CHANGED, OUTCOME_FAILED };

static bool
is_stopping(const struct runner *r)
{
	return __atomic_load_n(r->stop, __ATOMIC_RELAXED) != 0 ||
	       (r->failed != NULL && __atomic_load_n(r->failed, __ATOMIC_RELAXED) != 0) ||
	       (r->over != NULL && __atomic_load_n(r->over, __ATOMIC_RELAXED) != 0);
}

/* ---- life signs ---- */

static void
notify_supervisor(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	socklen_t size;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
	close(fd);
}

static void
beat(struct runner *r, const char *state)
{
	int64_t now_us = fl_monotonic_us();

	if (state == NULL && now_us - r->beat_us < BEAT_MS * 1000)
		return;
	/* Metrics are for watching; a program runs without them. */
	if (r->metrics == NULL &&
	    fl_metrics_open(r->instance, r->program->name, true, &r->metrics, NULL) != FL_OK)
		r->metrics = NULL;
	fl_metrics_beat(r->metrics, state);
	r->beat_us = now_us;
}

/* ---- trouble ---- */

/* In slices: a signal or the beat is never late by more than one. */
static void
back_off(struct runner *r)
{
	int left;

	for (left = r->backoff_ms; left > 0 && !is_stopping(r); left -= BACKOFF_MIN_MS) {
		(void)usleep((useconds_t)FL_MIN(left, BACKOFF_MIN_MS) * 1000);
		beat(r, NULL);
	}
	r->backoff_ms = FL_MIN(r->backoff_ms * 2, BACKOFF_MAX_MS);
}

/* Logs and shows a trouble once, until it changes. */
static void
show_trouble(struct runner *r, const struct fl_err *err)
{
	char state[FL_ERR_TEXT_SIZE + 64];

	if (r->trouble == err->code && strcmp(r->trouble_text, err->text) == 0)
		return;
	r->trouble = err->code;
	(void)snprintf(r->trouble_text, sizeof(r->trouble_text), "%s", err->text);
	fl_warn("waiting program=%s code=%s reason=\"%s\"", r->program->name,
	    fl_code_name(err->code), err->text);
	(void)snprintf(state, sizeof(state), "waiting: %s %s", fl_code_name(err->code), err->text);
	beat(r, state);
}

static void
end_trouble(struct runner *r)
{
	r->backoff_ms = BACKOFF_MIN_MS;
	if (r->trouble == FL_OK)
		return;
	fl_info("going on program=%s after=%s", r->program->name, fl_code_name(r->trouble));
	r->trouble = FL_OK;
	beat(r, "running");
}

/* Does this pass by itself? */
static bool
can_wait(const struct runner *r, enum fl_code code)
{
	if (fl_code_class(code) == FL_CLASS_TRANSIENT)
		return true;
	if (r->self != NULL)
		return false;
	return code == FL_E_NO_SUCH_OBJECT ||
	       (code == FL_E_ALREADY_RUNNING &&
		   fl_monotonic_us() - r->waiting_since_us < ORPHAN_WAIT_MS * INT64_C(1000));
}

/* ---- the loop ---- */

static enum fl_code
open_program(struct runner *r, struct fl_err *err)
{
	void *self = NULL;

	FL_TRY(r->program->open(r->instance, &self, err));
	r->self = self;
	fl_info("running program=%s pipelines=%u", r->program->name,
	    (unsigned)r->instance->pipeline_count);
	beat(r, "running");
	notify_supervisor("READY=1");
	return FL_OK;
}

static enum fl_code
take_turn(struct runner *r, bool *worked, bool *done, struct fl_err *err)
{
	if (r->self == NULL)
		FL_TRY(open_program(r, err));
	return r->program->step(r->self, fl_now_ms(), worked, done, err);
}

static bool
is_changed(struct runner *r, int64_t *looked_us)
{
	int64_t now_us = fl_monotonic_us();
	bool changed = false;

	if (!r->reloads || now_us - *looked_us < BEAT_MS * 1000)
		return false;
	*looked_us = now_us;
	return fl_instance_changed(r->instance, &changed, NULL) == FL_OK && changed;
}

static enum outcome
turn_until_over(struct runner *r, struct fl_err *err)
{
	int64_t looked_us = fl_monotonic_us();
	bool worked, done;
	enum fl_code code;

	for (;;) {
		if (is_stopping(r))
			return OUTCOME_STOPPED;
		worked = done = false;
		err->code = FL_OK;
		code = take_turn(r, &worked, &done, err);
		if (code == FL_OK) {
			end_trouble(r);
			if (done)
				return OUTCOME_DONE;
			beat(r, NULL);
			if (!worked)
				r->program->wait(r->self, IDLE_WAIT_MS);
		} else if (is_stopping(r)) {
			return OUTCOME_STOPPED;
		} else if (can_wait(r, code)) {
			show_trouble(r, err);
			back_off(r);
		} else {
			return OUTCOME_FAILED;
		}
		if (is_changed(r, &looked_us))
			return OUTCOME_CHANGED;
	}
}

static enum outcome
run_program(struct runner *r, struct fl_err *err)
{
	enum outcome outcome;
	char state[FL_ERR_TEXT_SIZE + 64], text[FL_ERR_TEXT_SIZE + 128];

	r->backoff_ms = BACKOFF_MIN_MS;
	r->waiting_since_us = fl_monotonic_us();
	r->trouble = FL_OK;
	beat(r, "starting");
	outcome = turn_until_over(r, err);
	if (r->self != NULL)
		r->program->close(&r->self);
	r->self = NULL;
	switch (outcome) {
	case OUTCOME_DONE:
		fl_info("done program=%s", r->program->name);
		beat(r, "done");
		break;
	case OUTCOME_STOPPED:
		fl_info("stopped program=%s", r->program->name);
		beat(r, "stopped");
		break;
	case OUTCOME_CHANGED:
		fl_info("catalog changed, loading it again program=%s", r->program->name);
		beat(r, "loading");
		break;
	case OUTCOME_FAILED:
		fl_error("failed program=%s error=\"%s\"", r->program->name,
		    fl_err_print(err, text, sizeof(text)));
		(void)snprintf(
		    state, sizeof(state), "failed: %s %s", fl_code_name(err->code), err->text);
		beat(r, state);
		break;
	}
	fl_metrics_close(&r->metrics);
	return outcome;
}

/* ---- one program as a process ---- */

static volatile sig_atomic_t stop_signal;

static void
handle_stop(int signal_number)
{
	stop_signal = signal_number;
}

static void
set_signals(void)
{
	struct sigaction action = {.sa_handler = handle_stop};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

pid_t
fl_program_parent(void)
{
	const char *supervisor = getenv(FL_SUPERVISOR_ENV);
	pid_t parent = getppid();

	return supervisor == NULL || (pid_t)atoi(supervisor) == parent ? parent : 0;
}

/* False: the parent died before we looked, or while. */
static bool
follow_parent(void)
{
	pid_t parent = fl_program_parent();

	if (parent <= 1)
		return parent == 1;
	return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

static void
print_usage(const char *name, FILE *to)
{
	(void)fprintf(to,
	    "usage: flight-%s [-i DIR] [-v]\n"
	    "  -i DIR  instance (default: $FLIGHT_HOME, else ./flight.d)\n"
	    "  -v      log more\n"
	    "  -V      print the version\n"
	    "  -h      this text\n"
	    "flightctl up starts it; exit status: 0 done, 2 usage, 70 fatal, 75 try again,\n"
	    "78 needs a person.\n",
	    name);
}

/* Status to exit with at once, or -1 to go on. */
static int
parse_options(const char *name, int argc, char **argv, const char **dir, bool *verbose)
{
	int option;

	*dir = getenv("FLIGHT_HOME");
	if (*dir == NULL || **dir == '\0')
		*dir = "./flight.d";
	while ((option = getopt(argc, argv, "i:vVh")) != -1) {
		switch (option) {
		case 'i':
			*dir = optarg;
			break;
		case 'v':
			*verbose = true;
			break;
		case 'V':
			(void)printf("flight-%s %s\n", name, FL_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			print_usage(name, stdout);
			return EXIT_SUCCESS;
		default:
			print_usage(name, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(
		    stderr, "flight-%s: unexpected argument \"%s\"\n", name, argv[optind]);
		print_usage(name, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Opens the instance and loads its pipelines as soon as there is one. */
static enum fl_code
try_instance(const char *dir, struct fl_instance **instance, struct fl_err *err)
{
	if (*instance == NULL)
		FL_TRY(fl_instance_open(dir, false, instance, err));
	FL_TRY(fl_instance_load(*instance, false, err));
	if ((*instance)->pipeline_count == 0)
		return FL_FAIL(
		    err, FL_E_NO_SUCH_OBJECT, "instance \"%s\": it has no pipeline yet", dir);
	return FL_OK;
}

static enum fl_code
wait_instance(const char *dir, struct fl_instance **instance, struct fl_err *err)
{
	struct fl_err shown = {.code = FL_OK};
	int wait_ms = BACKOFF_MIN_MS;
	enum fl_code code;

	for (;;) {
		err->code = FL_OK;
		code = try_instance(dir, instance, err);
		if (code != FL_E_NO_SUCH_OBJECT && fl_code_class(code) != FL_CLASS_TRANSIENT)
			return code;
		if (stop_signal != 0)
			return FL_FAIL(err, FL_E_INTERRUPTED, "asked to stop while waiting");
		if (shown.code != err->code || strcmp(shown.text, err->text) != 0)
			fl_info(
			    "waiting code=%s reason=\"%s\"", fl_code_name(err->code), err->text);
		shown = *err;
		(void)usleep((useconds_t)wait_ms * 1000);
		wait_ms = FL_MIN(wait_ms * 2, 500);
	}
}

static int
run_process(const struct fl_program *program, const char *dir)
{
	struct fl_instance *instance = NULL;
	struct fl_err err = {.code = FL_OK};
	struct runner r = {.program = program, .stop = &stop_signal, .reloads = !program->is_reader};
	enum outcome outcome = OUTCOME_CHANGED;
	char text[FL_ERR_TEXT_SIZE + 128];
	int status = EXIT_SUCCESS;

	while (outcome == OUTCOME_CHANGED) {
		if (wait_instance(dir, &instance, &err) != FL_OK) {
			if (err.code != FL_E_INTERRUPTED) {
				fl_error("cannot load the instance error=\"%s\"",
				    fl_err_print(&err, text, sizeof(text)));
				status = fl_code_exit(err.code);
			}
			break;
		}
		r.instance = instance;
		outcome = run_program(&r, &err);
		if (outcome == OUTCOME_FAILED)
			status = fl_code_exit(err.code);
	}
	notify_supervisor("STOPPING=1");
	fl_instance_close(&instance);
	return status;
}

int
fl_program_main(const struct fl_program *program, int argc, char **argv)
{
#ifndef FL_DIAG
	struct rlimit no_core = {0, 0}; /* memory may hold passwords */
#endif
	const char *dir = NULL;
	bool verbose = false;
	int status = parse_options(program->name, argc, argv, &dir, &verbose);

	if (status >= 0)
		return status;
	fl_log_open(program->name, verbose ? FL_LOG_DEBUG : FL_LOG_INFO);
	fl_fault_init();
	(void)umask(077);
#ifndef FL_DIAG
	(void)setrlimit(RLIMIT_CORE, &no_core);
#endif
	set_signals();
	if (!follow_parent())
		return EXIT_SUCCESS;
	return run_process(program, dir);
}

/* ---- several programs as threads ---- */

struct program_thread {
	struct runner runner;
	pthread_t thread;
	bool is_started;
	int failed_own; /* atomic */
	enum outcome outcome;
	struct fl_err err;
};

static void *
thread_main(void *ctx)
{
	struct program_thread *t = ctx;

	t->outcome = run_program(&t->runner, &t->err);
	/* The first to fail leaves its number; the others stop at the next turn. */
	if (t->outcome == OUTCOME_FAILED) {
		int none = 0;

		(void)__atomic_compare_exchange_n(t->runner.failed, &none, t->failed_own, false,
		    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return NULL;
}

enum fl_code
fl_programs_run(struct fl_instance *instance, const struct fl_program *const programs[],
    uint32_t count, const volatile sig_atomic_t *stop, struct fl_err *err)
{
	struct program_thread *threads = fl_calloc(count, sizeof(*threads));
	enum fl_code code = FL_OK;
	sigset_t all, old;
	int failed = 0, over = 0, rc = 0;
	uint32_t i;

	/* Signals go to the caller's thread, which set the handler. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (i = 0; i < count && rc == 0; i++) {
		threads[i].runner = (struct runner){
		    .program = programs[i], .instance = instance, .stop = stop, .failed = &failed};
		threads[i].runner.over = programs[i]->is_reader ? &over : NULL;
		threads[i].failed_own = (int)i + 1;
		rc = pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]);
		threads[i].is_started = rc == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		__atomic_store_n(&failed, -1, __ATOMIC_RELAXED);
		code =
		    FL_FAIL_NATIVE(err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
	}
	for (i = 0; i < count; i++)
		if (threads[i].is_started && !programs[i]->is_reader)
			(void)pthread_join(threads[i].thread, NULL);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (i = 0; i < count; i++)
		if (threads[i].is_started && programs[i]->is_reader)
			(void)pthread_join(threads[i].thread, NULL);
	if (failed > 0) {
		code = threads[failed - 1].err.code;
		if (err != NULL)
			*err = threads[failed - 1].err;
	}
	free(threads);
	return code;
}
