/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_explain.c - the plan of a pipeline. */
#include <string.h>

#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"

int
cmd_explain(struct ctl *ctl)
{
	const char *option, *value, *brokers = NULL;
	struct fl_plan *plan = NULL;
	struct fl_buf out, json;
	int status;

	while ((option = ctl_next_option(ctl, &value)) != NULL)
		brokers = value;
	if (!ctl_need_args(ctl, 1, 1))
		return ctl->status;
	status = pipeline_compile(ctl, ctl->args[0], brokers, &plan);
	if (status != CTL_OK)
		return status;
	fl_buf_init(&out);
	fl_plan_explain(plan, &out);
	if (ctl->json) {
		fl_buf_init(&json);
		fl_buf_str(&json, "{\"pipeline\":");
		fl_buf_json(&json, plan->name, strlen(plan->name));
		fl_buf_str(&json, ",\"explain\":");
		fl_buf_json(&json, out.data, out.size);
		fl_buf_str(&json, "}\n");
		out_write(&json);
		fl_buf_fini(&json);
	} else
		out_write(&out);
	fl_buf_fini(&out);
	fl_plan_free(&plan);
	return CTL_OK;
}
