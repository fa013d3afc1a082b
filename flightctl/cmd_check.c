/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - is this pipeline right, and would Flink take it? */
#include <string.h>

#include "flightctl/ctl.h"
#include "flightctl/pipeline.h"

static void
add_json(struct fl_buf *out, const struct fl_plan *plan, struct fl_buf *not_portable)
{
	char *save = NULL, *line = NULL;

	fl_buf_str(out, "{\"pipeline\":");
	fl_buf_json(out, plan->name, strlen(plan->name));
	fl_buf_printf(out, ",\"tables\":%u,\"streams\":%u,\"queries\":%u,\"sinks\":%u,\"notices\":[",
	    plan->table_count, plan->stream_count, plan->query_count, plan->sink_count);
	for (uint32_t i = 0; i < plan->notice_count; i++) {
		fl_buf_str(out, i > 0 ? "," : "");
		fl_buf_json(out, plan->notices[i], strlen(plan->notices[i]));
	}
	fl_buf_str(out, "],\"not_portable\":[");
	if (not_portable->size > 0)
		line = strtok_r(not_portable->data, "\n", &save);
	for (bool is_first = true; line != NULL; line = strtok_r(NULL, "\n", &save), is_first = false) {
		fl_buf_str(out, is_first ? "" : ",");
		fl_buf_json(out, line, strlen(line));
	}
	fl_buf_str(out, "]}\n");
}

int
cmd_check(struct ctl *ctl)
{
	const char *option, *value, *brokers = NULL;
	struct fl_buf out, not_portable;
	struct fl_plan *plan = NULL;
	uint32_t count = 0;
	bool is_flink = false;
	int status;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "flink") == 0)
			is_flink = true;
		else
			brokers = value;
	}
	if (!ctl_need_args(ctl, 1, 1))
		return ctl->status;
	status = pipeline_compile(ctl, ctl->args[0], brokers, &plan);
	if (status != CTL_OK)
		return status;
	for (uint32_t i = 0; i < plan->notice_count; i++)
		ctl_say(ctl, "notice: %s", plan->notices[i]);
	fl_buf_init(&out);
	fl_buf_init(&not_portable);
	if (is_flink)
		fl_plan_portability(plan, &not_portable, &count);
	if (ctl->json)
		add_json(&out, plan, &not_portable);
	else {
		fl_buf_add(&out, not_portable.data, not_portable.size);
		if (is_flink && count == 0)
			fl_buf_str(&out, "portable: Flink takes this file as it is\n");
		fl_buf_printf(&out, "%s: %u tables, %u queries, %u sinks, no errors\n", plan->name,
		    plan->table_count, plan->query_count, plan->sink_count);
	}
	out_write(&out);
	fl_buf_fini(&not_portable);
	fl_buf_fini(&out);
	fl_plan_free(&plan);
	return count > 0 ? CTL_FAILED : CTL_OK;
}
