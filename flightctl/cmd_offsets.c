/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_offsets.c - positions of the sources, and the order to ingest to change one.
 *
 * The order is a command of the catalog: ingest applies it in a transaction of its own
 * together with the number of the command, so exactly once.
 */
#include <inttypes.h>
#include <string.h>

#include "flightctl/ask.h"

#define ASK_MS 3000

struct job {
	const char *topic, *to;
	int64_t partition, offset;
	bool execute;
};

static bool
fits(const struct job *job, const struct fl_partition_cursor *p)
{
	return (job->topic == NULL || strcmp(p->topic, job->topic) == 0) &&
	       (job->partition < 0 || job->partition == p->partition % FL_TOPIC_STRIDE);
}

static void
print_positions(const struct ctl *ctl, const struct fl_view *view, const struct job *job)
{
	struct out_table table;

	out_init(&table, NULL,
	    "topic,partition#,stream#,start#,position#,end#,state,last_record#,last_time");
	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &view->partitions[i];

		if (!fits(job, p))
			continue;
		out_row(&table);
		out_cellf(&table, 0, "%s", p->topic);
		out_cellf(&table, 1, "%d", p->partition % FL_TOPIC_STRIDE);
		out_cellf(&table, 2, "%u", p->stream);
		out_cellf(&table, 3, "%" PRId64, p->start);
		out_cellf(&table, 4, "%" PRId64, p->position);
		if (p->end != INT64_MAX)
			out_cellf(&table, 5, "%" PRId64, p->end);
		out_cell(&table, 6, fl_view_partition_state(p));
		if (p->rows > 0) {
			out_cellf(&table, 7, "%" PRId64, p->last_offset);
			out_time(&table, 8, fl_view_record_time(p->last_ts));
		}
	}
	if (table.row_count == 0)
		ctl_say(ctl, "no such partition, or ingest has none yet");
	out_flush(ctl, &table);
	out_fini(&table);
}

/* What ingest would say to it; NULL: nothing against it. */
static const char *
find_objection(const struct job *job, const struct fl_partition_cursor *p, bool is_known,
    int64_t end, int64_t to)
{
	if (p->state == FL_PARTITION_ENDED)
		return "has ended";
	if (!is_known && strcmp(job->to, "offset") != 0)
		return NULL; /* ingest will ask again */
	if (to < p->position && p->reason != FL_E_TOPIC_CHANGED)
		return "records would be read twice; up --reset starts anew";
	if (is_known && to > end)
		return "beyond the end";
	return NULL;
}

/* The plan, a row per partition.  Returns how many partitions cannot be moved so. */
static uint32_t
print_plan(const struct ctl *ctl, const struct fl_view *view, const struct job *job)
{
	struct asker asker = {
	    .timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : ASK_MS)};
	struct out_table table;
	uint32_t objections = 0;

	out_init(&table, NULL, "topic,partition#,position#,end#,to#,given_up#,objection");
	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &view->partitions[i];
		int64_t low = 0, end = 0, to = job->offset;
		const char *objection;
		bool is_known;

		if (!fits(job, p))
			continue;
		is_known = ask_range(&asker, view, p, &low, &end);
		if (strcmp(job->to, "offset") != 0)
			to = strcmp(job->to, "earliest") == 0 ? low : end;
		objection = find_objection(job, p, is_known, end, to);
		objections += objection != NULL;
		out_row(&table);
		out_cellf(&table, 0, "%s", p->topic);
		out_cellf(&table, 1, "%d", p->partition % FL_TOPIC_STRIDE);
		out_cellf(&table, 2, "%" PRId64, p->position);
		if (is_known)
			out_cellf(&table, 3, "%" PRId64, end);
		if (is_known || strcmp(job->to, "offset") == 0) {
			out_cellf(&table, 4, "%" PRId64, to);
			out_cellf(&table, 5, "%" PRId64, FL_MAX(0, to - p->position));
		}
		out_cell(&table, 6, objection);
	}
	out_flush(ctl, &table);
	out_fini(&table);
	ask_fini(&asker);
	return objections;
}

static enum fl_code
reset(const struct ctl *ctl, struct fl_instance *instance, const struct fl_view *view,
    const struct job *job, struct fl_err *err)
{
	struct fl_buf arguments;
	uint64_t number = 0;
	uint32_t matches = 0, objections;
	enum fl_code code;

	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++)
		matches += fits(job, &view->partitions[i]);
	if (matches == 0)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "no source partition matches topic \"%s\"; `flightctl offsets show` lists them",
		    job->topic);
	objections = print_plan(ctl, view, job);
	if (objections > 0)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "%u of %u partitions cannot be moved so; nothing was done", objections, matches);
	if (!job->execute) {
		ctl_say(ctl, "nothing was done: add --execute");
		return FL_OK;
	}
	fl_buf_init(&arguments);
	fl_buf_str(&arguments, "{\"topic\":");
	fl_buf_json(&arguments, job->topic, strlen(job->topic));
	fl_buf_printf(&arguments,
	    ",\"partition\":%" PRId64 ",\"to\":\"%s\",\"offset\":%" PRId64 "}", job->partition,
	    job->to, job->offset);
	code = fl_command_put(instance, "ingest", "offsets-reset", arguments.data, &number, err);
	if (code == FL_OK)
		ctl_say(ctl, "command %" PRIu64 " given to ingest: %s", number, arguments.data);
	fl_buf_fini(&arguments);
	return code;
}

int
cmd_offsets(struct ctl *ctl)
{
	struct job job = {.partition = -1};
	struct fl_instance *instance = NULL;
	const char *option, *value;
	struct fl_err err = {0};
	struct fl_view view;
	int status, targets = 0;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "topic") == 0)
			job.topic = value;
		else if (strcmp(option, "partition") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.partition);
		else if (strcmp(option, "execute") == 0)
			job.execute = true;
		else {
			targets++;
			job.to = option + strlen("to-");
			if (value != NULL)
				ctl_option_i64(ctl, option, value, 0, &job.offset);
		}
	}
	if (!ctl_need_args(ctl, 1, 1))
		return ctl->status;
	if (strcmp(ctl->args[0], "reset") == 0 && (job.topic == NULL || targets != 1))
		return ctl_usage(
		    ctl, "reset wants --topic and one of --to-earliest, --to-latest, --to-offset");
	if (strcmp(ctl->args[0], "reset") != 0 && strcmp(ctl->args[0], "show") != 0)
		return ctl_usage(ctl, "expected show or reset, got \"%s\"", ctl->args[0]);
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	fl_view_read(instance, &view);
	status = ctl_say_problems(ctl, &view);
	if (strcmp(ctl->args[0], "show") == 0)
		print_positions(ctl, &view, &job);
	else if (reset(ctl, instance, &view, &job, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	fl_view_fini(&view);
	fl_instance_close(&instance);
	return status;
}
