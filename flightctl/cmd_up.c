/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_up.c - up: pipelines into the catalog, the programs under a private supervisord. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"
#include "serve/serve.h"

#define FOLLOW_MS 100
#define IDLE_MS 500
#define LOOK_MS 5000
#define STOP_MS 70000
#define READY_MS 30000
#define SETTINGS_MAX 32

struct job {
	bool detach, apply_only, reset;
	const char *brokers;
	const char *settings[SETTINGS_MAX];
	uint32_t setting_count;
};

/* Sets one setting; instance NULL: only looks whether it could be. */
static enum fl_code
set_one(struct fl_instance *instance, const char *pair, struct fl_err *err)
{
	const char *equals = strchr(pair, '=');
	const char *names[SETTINGS_MAX], *value, *name, *closest;
	uint32_t count = 0;
	int64_t number;
	char key[64];

	if (equals == NULL || equals == pair || (size_t)(equals - pair) >= sizeof(key))
		return FL_FAIL(err, FL_E_USAGE, "--set: expected KEY=VALUE, got \"%s\"", pair);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
	while (count < SETTINGS_MAX && (name = fl_config_row(count, &value)) != NULL) {
		names[count++] = name;
		if (strcmp(name, key) != 0)
			continue;
		if (fl_parse_i64(value, &number) &&
		    (!fl_parse_i64(equals + 1, &number) || number < 0))
			return FL_FAIL(err, FL_E_BAD_OPTION,
			    "--set %s: expected a number, got \"%s\"", key, equals + 1);
		return instance == NULL ? FL_OK
					: fl_instance_set(instance, key, equals + 1, err);
	}
	closest = fl_closest(key, names, count);
	return FL_FAIL(err, FL_E_BAD_OPTION,
	    "--set: there is no setting \"%s\" of an instance%s%s%s", key,
	    closest != NULL ? ", did you mean \"" : "; docs/config.md lists all",
	    closest != NULL ? closest : "", closest != NULL ? "\"" : "");
}

/* *lock stays held: of two `up` the one that does not start leaves the catalog as it is. */
static enum fl_code
prepare(const struct ctl *ctl, const struct job *job, struct fl_instance **instance, int *lock,
    struct fl_err *err)
{
	struct fl_err ignored = {0};
	uint16_t port;

	for (uint32_t i = 0; i < job->setting_count; i++)
		FL_TRY(set_one(NULL, job->settings[i], err));
	if (access(ctl->instance, F_OK) != 0 && errno == ENOENT && ctl->arg_count == 0)
		return FL_FAIL(err, FL_E_USAGE,
		    "there is no instance \"%s\" yet: name a .sql file", ctl->instance);
	FL_TRY(super_check(ctl->instance, err)); /* before anything is made */
	if (job->reset)
		FL_TRY(pipeline_make_way(
		    ctl, ctl->instance, ctl->args, ctl->arg_count, job->brokers, err));
	FL_TRY(fl_instance_open(ctl->instance, true, instance, err));
	if (!job->apply_only) {
		FL_TRY(super_lock((*instance)->dir, lock, err));
		/* What cannot be loaded now may be about to be replaced. */
		(void)fl_instance_load(*instance, false, &ignored);
		FL_TRY(super_claim(*instance, true, err));
	}
	FL_TRY(fl_instance_set(*instance, "mode", "up", err)); /* see cmd_run.c */
	for (uint32_t i = 0; i < job->setting_count; i++)
		FL_TRY(set_one(*instance, job->settings[i], err));
	FL_TRY(pipeline_apply(
	    ctl, *instance, ctl->args, ctl->arg_count, job->brokers, job->reset, err));
	FL_TRY(fl_instance_load(*instance, false, err));
	if ((*instance)->pipeline_count == 0)
		return FL_FAIL(err, FL_E_USAGE,
		    "instance \"%s\" has no pipeline yet: name a .sql file", ctl->instance);
	FL_TRY(pipeline_check_places(*instance, err));
	FL_TRY(serve_check_instance(*instance, err));
	return fl_config_serve_port(*instance, &port, err);
}

/* Have all programs ended since they were done?  *is_finished: and nothing is left to do. */
static bool
is_done(const struct ctl *ctl, bool *is_finished)
{
	struct fl_instance *instance = NULL;
	struct fl_err ignored = {0};
	struct fl_view view;
	bool done;

	if (ctl_instance_open(ctl, true, &instance, &ignored) != FL_OK)
		return false;
	done = fl_life_is_done(instance);
	fl_view_read(instance, &view);
	*is_finished = fl_view_is_finished(instance, &view);
	fl_view_fini(&view);
	fl_instance_close(&instance);
	return done;
}

/* Prints the logs until all is done, Ctrl-C, TERM, `down` from elsewhere, or the end of
 * supervisord. */
static enum fl_code
follow(const struct ctl *ctl, pid_t pid, int64_t at[SUPER_LOG_COUNT], struct fl_err *err)
{
	enum fl_code code = FL_OK;
	bool is_gone = false, has_ended = false, is_finished = false;
	int how = 0, idle_ms = 0;

	while (!ctl_is_stopping && !is_gone && !has_ended) {
		is_gone = waitpid(pid, &how, WNOHANG) == pid;
		super_log_follow(ctl->instance, at, false);
		if (is_gone)
			break;
		poll(NULL, 0, FOLLOW_MS);
		/* Programs that end are back at once, unless they are done or need a person. */
		idle_ms = super_is_idle(pid) ? idle_ms + FOLLOW_MS : 0;
		if (idle_ms >= IDLE_MS && (idle_ms - IDLE_MS) % LOOK_MS == 0)
			has_ended = is_done(ctl, &is_finished);
	}
	if (!is_gone)
		code = super_stop(
		    ctl->instance, pid, ctl->timeout_ms > 0 ? ctl->timeout_ms : STOP_MS, err);
	super_log_follow(ctl->instance, at, false);
	if (is_gone && how != 0)
		return FL_FAIL(err, FL_E_IO, "supervisord[%d] ended by %s %d", (int)pid,
		    WIFSIGNALED(how) ? "signal" : "itself, status",
		    WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
	if (!has_ended || code != FL_OK)
		return code;
	if (!is_finished)
		return FL_FAIL(err, FL_E_IO,
		    "the programs were done before all was: there is new work, start them again");
	ctl_say(ctl, "finished: instance %s", ctl->instance);
	return FL_OK;
}

int
cmd_up(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	struct job job = {0};
	const char *option, *value;
	struct fl_err err = {0};
	int64_t log_at[SUPER_LOG_COUNT] = {0}, from_ms;
	int status = CTL_OK, lock = -1;
	pid_t pid = 0;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "detach") == 0)
			job.detach = true;
		else if (strcmp(option, "apply-only") == 0)
			job.apply_only = true;
		else if (strcmp(option, "reset") == 0)
			job.reset = true;
		else if (strcmp(option, "brokers") == 0)
			job.brokers = value;
		else if (job.setting_count < SETTINGS_MAX)
			job.settings[job.setting_count++] = value;
		else
			return ctl_usage(ctl, "more than %d times --set", SETTINGS_MAX);
	}
	if (!ctl_need_args(ctl, 0, 1000))
		return ctl->status;
	if (job.reset && ctl->arg_count == 0)
		return ctl_usage(ctl, "--reset: name the .sql files of the pipelines that start anew");
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	/* A file that is wrong must not leave an instance behind, nor stop a program. */
	for (int i = 0; i < ctl->arg_count; i++) {
		struct fl_plan *plan = NULL;

		status = pipeline_compile(ctl, ctl->args[i], job.brokers, &plan);
		fl_plan_free(&plan);
		if (status != CTL_OK)
			return status;
	}
	if (prepare(ctl, &job, &instance, &lock, &err) != FL_OK) {
		status = ctl_fail(ctl, &err);
		goto out;
	}
	if (job.apply_only)
		goto out;
	/* What is logged from here on is of this `up`, also before all are ready. */
	super_log_follow(ctl->instance, log_at, true);
	from_ms = fl_now_ms();
	if (fl_instance_reopen(instance, &err) != FL_OK || super_write(instance, &err) != FL_OK ||
	    super_start(instance, !job.detach, &pid, &err) != FL_OK) {
		status = ctl_fail(ctl, &err);
		goto out;
	}
	if (super_wait_ready(instance, pid, from_ms,
		ctl->timeout_ms > 0 ? ctl->timeout_ms : READY_MS, &err) != FL_OK) {
		status = ctl_fail(ctl, &err);
		if (super_pid(ctl->instance) != 0 && status == CTL_FAILED)
			status = CTL_DEGRADED; /* the others run */
		if (job.detach || super_pid(ctl->instance) == 0)
			goto out;
	} else
		ctl_say(ctl, "running: instance %s, supervisord[%d]", instance->dir, (int)pid);
	if (!job.detach) {
		/* Readers only look: nothing of the instance is held open meanwhile. */
		close(lock);
		lock = -1;
		fl_instance_close(&instance);
		status = follow(ctl, pid, log_at, &err) == FL_OK ? CTL_OK : ctl_fail(ctl, &err);
	}
out:
	if (lock >= 0)
		close(lock);
	fl_instance_close(&instance);
	return status;
}
