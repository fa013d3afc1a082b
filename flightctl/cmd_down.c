/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_down.c - ends the programs of an instance. */
#include "flightctl/ctl.h"

#define STOP_MS 70000

int
cmd_down(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	struct fl_err err = {0};
	enum fl_code code;
	const char *value;
	pid_t pid;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 0, 0))
		return ctl->status;
	pid = super_pid(ctl->instance);
	if (pid == 0) {
		/* Says which directory is none; the pipelines do not matter here. */
		code = ctl_instance_open(ctl, false, &instance, &err);
		if (code == FL_OK)
			code = super_wait_orphans(instance, &err);
		fl_instance_close(&instance);
		if (code != FL_OK)
			return ctl_fail(ctl, &err);
		ctl_say(ctl, "instance %s is not running", ctl->instance);
		return CTL_OK;
	}
	if (super_stop(ctl->instance, pid, ctl->timeout_ms > 0 ? ctl->timeout_ms : STOP_MS, &err) !=
	    FL_OK)
		return ctl_fail(ctl, &err);
	ctl_say(ctl, "ended: instance %s", ctl->instance);
	return CTL_OK;
}
