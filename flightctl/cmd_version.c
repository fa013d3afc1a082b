/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - which Flight this is. */
#include "base/version.h"
#include "flightctl/ctl.h"

int
cmd_version(struct ctl *ctl)
{
	const char *value;

	/* Also reached by -V, where the options have been read already. */
	if (!ctl->stop && ctl->command != NULL && ctl->command->run == cmd_version &&
	    (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 0, 0)))
		return ctl->status;
	if (ctl->json)
		printf("{\"version\":\"%s\",\"format\":%d}\n", FL_VERSION, FL_FORMAT_VERSION);
	else
		printf("flight %s (store format %d)\n", FL_VERSION, FL_FORMAT_VERSION);
	return CTL_OK;
}
