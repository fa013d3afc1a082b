/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_drop.c - removes one pipeline from an instance. */
#include "flightctl/ctl.h"

int
cmd_drop(struct ctl *ctl)
{
	struct fl_instance *instance = NULL;
	struct fl_err err = {0};
	bool execute = false;
	const char *value;
	int status = CTL_OK;

	while (ctl_next_option(ctl, &value) != NULL)
		execute = true;
	if (!ctl_need_args(ctl, 1, 1))
		return ctl->status;
	/* Not loaded: a pipeline that does not compile any more can be dropped. */
	if (ctl_instance_open(ctl, false, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	if (fl_instance_drop(instance, ctl->args[0], execute, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	else if (execute)
		ctl_say(ctl, "dropped: pipeline \"%s\"", ctl->args[0]);
	else
		ctl_say(ctl,
		    "pipeline \"%s\" would go, and with it its windows, the results that its sinks "
		    "have not taken (`flightctl status`: waiting), its late rows and dead letters; "
		    "nothing was done: add --execute",
		    ctl->args[0]);
	fl_instance_close(&instance);
	return status;
}
