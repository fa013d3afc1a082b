/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_lag.c - per partition: how far, how much is left, and who holds the watermark back. */
#include <inttypes.h>
#include <string.h>

#include "flightctl/ask.h"

struct job {
	struct asker asker;
	int64_t over; /* -1: not asked */
	bool is_over;
	uint32_t unknown_count; /* partitions with an end to come that nobody tells */
};

static bool
is_behind(const struct fl_view *view, const struct fl_view_pipeline *p)
{
	return (p->has_cursor ? p->cursor.r : 0) < view->ingest.last_step;
}

/* Records that ingest has read and the slowest pipeline has not folded. */
static int64_t
count_unfolded(const struct fl_view *view, const struct fl_partition_cursor *partition)
{
	int64_t most = 0;

	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];
		const struct fl_partition_time *time =
		    fl_view_time(p, partition->stream, partition->partition);

		/* Once all is folded, what lies between is no record. */
		if (is_behind(view, p) && (time != NULL || !p->has_cursor))
			most = FL_MAX(most,
			    partition->position - (time != NULL ? time->offset + 1 : partition->start));
	}
	return most;
}

static void
add_partition(struct job *job, struct out_table *table, const struct fl_view *view,
    const struct fl_partition_cursor *partition)
{
	int64_t low, end = -1, lag = -1;
	const struct fl_partition_time *time = NULL;
	const struct fl_view_pipeline *pipeline = NULL;

	if (ask_range(&job->asker, view, partition, &low, &end))
		lag = FL_MAX(0, end - partition->position);
	/* The pipeline that has come least far shows the watermark. */
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_partition_time *t =
		    fl_view_time(&view->pipelines[i], partition->stream, partition->partition);

		if (t != NULL && (time == NULL || t->watermark < time->watermark)) {
			time = t;
			pipeline = &view->pipelines[i];
		}
	}
	if (job->over >= 0 && FL_MAX(lag, 0) + count_unfolded(view, partition) > job->over)
		job->is_over = true;
	if (end < 0 && partition->state != FL_PARTITION_ENDED)
		job->unknown_count++;
	out_row(table);
	out_cellf(table, 0, "%s", partition->topic);
	out_cellf(table, 1, "%d", partition->partition % FL_TOPIC_STRIDE);
	out_cellf(table, 2, "%" PRId64, partition->position);
	if (end >= 0) {
		out_cellf(table, 3, "%" PRId64, end);
		out_cellf(table, 4, "%" PRId64, lag);
	}
	out_cell(table, 5, fl_view_partition_state(partition));
	if (time == NULL)
		return;
	out_cell(table, 6, pipeline->pipeline->name);
	out_cellf(table, 7, "%" PRId64, time->offset);
	out_time(table, 8, FL_MAX(time->watermark, time->floor));
	out_cell(table, 9,
	    time->ended	 ? "ended"
	    : time->idle ? "idle"
	    : pipeline->cursor.watermark != FL_TIME_MIN &&
		    FL_MAX(time->watermark, time->floor) == pipeline->cursor.watermark
		? "holds the watermark"
		: NULL);
}

/* Whom --over 0 must not pass: steps without records count as well. */
static bool
say_behind(const struct job *job, const struct fl_view *view)
{
	bool is_some = false;

	for (uint32_t i = 0; view->has_ingest && i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];

		if (!is_behind(view, p))
			continue;
		fprintf(stderr,
		    "flightctl lag: --over %" PRId64 ": pipeline %s is %" PRIu64
		    " steps behind ingest\n",
		    job->over, p->pipeline->name,
		    view->ingest.last_step - (p->has_cursor ? p->cursor.r : 0));
		is_some = true;
	}
	return is_some;
}

int
cmd_lag(struct ctl *ctl)
{
	struct job job = {.over = -1};
	struct fl_instance *instance = NULL;
	const char *option, *value;
	struct out_table table;
	struct fl_err err = {0};
	struct fl_view view;
	int status;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "over") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.over);
		else
			job.asker.is_silent = true;
	}
	if (!ctl_need_args(ctl, 0, 0))
		return ctl->status;
	job.asker.timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 3000);
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	fl_view_read(instance, &view);
	status = ctl_say_problems(ctl, &view);
	out_init(&table, NULL,
	    "topic,partition#,position#,end#,lag#,state,pipeline,folded#,watermark,note");
	for (uint32_t i = 0; view.has_ingest && i < view.ingest.partition_count; i++)
		add_partition(&job, &table, &view, &view.partitions[i]);
	if (table.row_count == 0)
		ctl_say(ctl, "ingest has no partitions yet");
	if (!ctl->quiet)
		out_flush(ctl, &table);
	if (job.is_over)
		status = CTL_FAILED;
	if ((job.is_over || job.over == 0) && say_behind(&job, &view))
		status = CTL_FAILED;
	if (job.over >= 0 && (job.unknown_count > 0 || table.row_count == 0)) {
		fprintf(stderr,
		    "flightctl lag: --over %" PRId64 ": the lag of %s is not known\n", job.over,
		    table.row_count == 0 ? "the sources" : "every partition whose end is -");
		status = CTL_FAILED;
	}
	ask_fini(&job.asker);
	out_fini(&table);
	fl_view_fini(&view);
	fl_instance_close(&instance);
	return status;
}
