/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - a whole pipeline in one process: its programs as threads over one
 * instance, which is temporary unless -i names one.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "aggregate/aggregate.h"
#include "emit/emit.h"
#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"
#include "ingest/ingest.h"
#include "serve/serve.h"

#define EXIT_AGAIN 75

/* Rows that no window took any more: without a word they would look like rows never read. */
static void
say_late(const struct ctl *ctl, const struct fl_instance *instance)
{
	struct fl_buf names;
	struct fl_view view;
	uint64_t all = 0;

	fl_buf_init(&names);
	fl_view_read(instance, &view);
	for (uint32_t i = 0; i < view.pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view.pipelines[i];
		uint64_t late = 0;

		for (uint32_t q = 0; p->has_cursor && q < p->cursor.query_count; q++)
			late += p->queries[q].late;
		if (late > 0)
			fl_buf_printf(&names, "%s%s %" PRIu64, all > 0 ? ", " : "",
			    p->pipeline->name, late);
		all += late;
	}
	if (all > 0)
		ctl_say(ctl,
		    "flightctl run: %" PRIu64 " late row%s, in no result (%s): they came after their "
		    "windows were complete",
		    all, all == 1 ? "" : "s", names.data);
	fl_view_fini(&view);
	fl_buf_fini(&names);
}

static enum fl_code
run_pipeline(const struct ctl *ctl, const char *dir, char **files, const char *brokers, bool reset,
    struct fl_err *err)
{
	const struct fl_program *const programs[] = {
	    &ingest_program, &aggregate_program, &emit_program, &serve_program};
	struct fl_instance *instance = NULL;
	struct fl_plan *plan = NULL;
	struct fl_err ignored = {0};
	enum fl_code code;
	uint16_t port = 0;

	FL_TRY(pipeline_read(ctl, files[0], brokers, &plan, err)); /* before anything is made */
	fl_plan_free(&plan);
	if (reset)
		FL_TRY(pipeline_make_way(ctl, dir, files, 1, brokers, err));
	FL_TRY(fl_instance_open(dir, true, &instance, err));
	instance->is_run = true;
	/* Refused before the catalog is changed: programs that run would take it up. */
	(void)fl_instance_load(instance, false, &ignored);
	code = super_claim(instance, false, err);
	/* Readers fold as the writer did: flight.max-future has another default here. */
	if (code == FL_OK)
		code = fl_instance_set(instance, "mode", "run", err);
	if (code == FL_OK)
		code = pipeline_apply(ctl, instance, files, 1, brokers, reset, err);
	if (code == FL_OK)
		code = fl_instance_load(instance, false, err);
	if (code == FL_OK)
		code = pipeline_check_places(instance, err);
	if (code == FL_OK)
		code = fl_instance_reopen(instance, err);
	if (code == FL_OK)
		code = fl_config_serve_port(instance, &port, err);
	if (code == FL_OK) {
		code = fl_programs_run(instance, programs,
		    port != 0 ? FL_PROGRAM_COUNT : FL_WRITER_COUNT, &ctl_is_stopping, err);
		say_late(ctl, instance);
		if (dlq_say(ctl, instance))
			ctl_say(ctl,
			    ctl->is_instance_named
				? "`flightctl -i %s dlq list` lists them"
				: "the temporary instance goes with them; `flightctl -i DIR run "
				  "FILE.sql` keeps them for `flightctl -i DIR dlq list`",
			    dir);
	}
	fl_instance_close(&instance);
	return code;
}

int
cmd_run(struct ctl *ctl)
{
	const char *option, *value, *brokers = NULL, *dir;
	struct fl_err err = {0};
	struct ctl_temporary temporary = {0};
	bool reset = false;
	int status = CTL_OK;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "reset") == 0)
			reset = true;
		else
			brokers = value;
	}
	if (!ctl_need_args(ctl, 1, 1))
		return ctl->status;
	dir = ctl->is_instance_named ? ctl->instance : temporary.dir;
	if (dir == temporary.dir && ctl_temporary_open("run", false, &temporary, &err) != FL_OK) {
		ctl_fail(ctl, &err);
		return fl_code_exit(err.code);
	}
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	if (run_pipeline(ctl, dir, ctl->args, brokers, reset, &err) != FL_OK) {
		status = fl_code_exit(err.code);
		if (fl_code_class(err.code) == FL_CLASS_TRANSIENT)
			status = EXIT_AGAIN;
		if (err.code == FL_E_BAD_CONFIG && err.native == EPIPE)
			status = CTL_FAILED; /* `| head`: the log has said it */
		else
			ctl_fail(ctl, &err);
	}
	ctl_temporary_close(&temporary);
	return status;
}
