/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_metrics.c - all metrics, in Prometheus' text format. */
#include "flightctl/ctl.h"
#include "shm/exposition.h"

int
cmd_metrics(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	const char *value, *glob;
	struct fl_err err = {0};
	struct fl_view view;
	struct fl_buf out;
	bool is_any;
	int status;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 0, 1))
		return ctl->status;
	glob = ctl->arg_count > 0 ? ctl->args[0] : NULL;
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	fl_view_read(instance, &view);
	status = ctl_say_problems(ctl, &view);
	fl_buf_init(&out);
	is_any = fl_exposition_print(instance, &view, NULL, glob, ctl->json, &out);
	out_write(&out);
	fl_buf_fini(&out);
	fl_view_fini(&view);
	fl_instance_close(&instance);
	if (is_any)
		return status;
	fprintf(stderr, "flightctl metrics: no metric is named \"%s\"; docs/metrics.md lists all\n", glob);
	return CTL_NO_OBJECT;
}
