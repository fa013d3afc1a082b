/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_lag.c - per partition: how far, how much is left, and who holds the watermark back. */
#include <inttypes.h>
#include <string.h>

#include "flightctl/ctl.h"
#include "flightctl/view.h"
#include "kafka/client.h"

struct job {
	bool is_offline;
	int64_t over; /* -1: not asked */
	int timeout_ms;
	bool is_over;
	const struct fl_table *asked; /* the table that consumer belongs to */
	struct fl_kafka_consumer *consumer;
};

/* The table of a stream of some pipeline; NULL: its pipeline was dropped. */
static const struct fl_table *
stream_table(const struct view *view, uint32_t stream)
{
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_pipeline *p = view->pipelines[i].pipeline;

		for (uint32_t s = 0; s < p->plan->stream_count; s++)
			if (p->stream_ids[s] == stream)
				return p->plan->streams[s].table;
	}
	return NULL;
}

/* End of a partition as the broker tells; -1: unknown. */
static int64_t
ask_end(struct job *job, const struct fl_table *table, const struct fl_partition_cursor *partition)
{
	struct fl_kafka_partition_info info;
	struct fl_err err = {0};

	if (job->is_offline || table == NULL || table->connector != FL_CONNECTOR_KAFKA)
		return -1;
	if (job->asked != table) {
		fl_kafka_consumer_close(&job->consumer);
		job->asked = table;
		if (fl_kafka_consumer_open(table, "flightctl", &job->consumer, &err) != FL_OK)
			job->consumer = NULL;
	}
	if (job->consumer == NULL ||
	    fl_kafka_consumer_offsets(job->consumer, partition->topic, partition->partition,
		job->timeout_ms, &info, &err) != FL_OK) {
		fl_warn("topic \"%s\" partition %d: the broker does not tell its end: %s",
		    partition->topic, partition->partition, err.text);
		job->is_offline = true; /* once is enough waiting */
		return -1;
	}
	return info.last_stable >= 0 ? info.last_stable : info.high;
}

static void
add_partition(struct job *job, struct out_table *table, const struct view *view,
    const struct fl_partition_cursor *partition)
{
	int64_t end = ask_end(job, stream_table(view, partition->stream), partition);
	int64_t lag = end < 0 ? -1 : FL_MAX(0, end - partition->position);
	const struct fl_partition_time *time = NULL;
	const struct view_pipeline *pipeline = NULL;

	/* The pipeline that has come least far shows the watermark. */
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_partition_time *t =
		    view_time(&view->pipelines[i], partition->stream, partition->partition);

		if (t != NULL && (time == NULL || t->watermark < time->watermark)) {
			time = t;
			pipeline = &view->pipelines[i];
		}
	}
	if (job->over >= 0 && lag > job->over)
		job->is_over = true;
	out_row(table);
	out_cellf(table, 0, "%.63s", partition->topic);
	out_cellf(table, 1, "%d", partition->partition);
	out_cellf(table, 2, "%" PRId64, partition->position);
	if (end >= 0) {
		out_cellf(table, 3, "%" PRId64, end);
		out_cellf(table, 4, "%" PRId64, lag);
	}
	out_cell(table, 5, view_partition_state(partition));
	if (time == NULL)
		return;
	out_cell(table, 6, pipeline->pipeline->name);
	out_cellf(table, 7, "%" PRId64, time->offset);
	out_time(table, 8, FL_MAX(time->watermark, time->floor));
	out_cell(table, 9,
	    time->ended	 ? "ended"
	    : time->idle ? "idle"
	    : FL_MAX(time->watermark, time->floor) == pipeline->cursor.watermark
		? "holds the watermark"
		: "");
}

int
cmd_lag(struct ctl *ctl)
{
	struct job job = {.over = -1};
	struct fl_instance *instance = NULL;
	const char *option, *value;
	struct out_table table;
	struct fl_err err = {0};
	struct view view;
	int status = CTL_OK;

	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "over") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.over);
		else
			job.is_offline = true;
		if (ctl->stop)
			return ctl->status;
	}
	if (!ctl_need_args(ctl, 0, 0))
		return ctl->status;
	job.timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 3000);
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	view_read(instance, &view);
	for (uint32_t i = 0; i < view.problem_count; i++) {
		ctl_say(ctl, "%s", view.problems[i]);
		status = CTL_FAILED;
	}
	out_init(&table, NULL,
	    "topic,partition#,position#,end#,lag#,state,pipeline,folded#,watermark,note");
	for (uint32_t i = 0; view.has_ingest && i < view.ingest.partition_count; i++)
		add_partition(&job, &table, &view, &view.partitions[i]);
	if (table.row_count == 0)
		ctl_say(ctl, "ingest has no partitions yet");
	out_flush(ctl, &table);
	if (job.is_over)
		status = CTL_FAILED;
	fl_kafka_consumer_close(&job.consumer);
	out_fini(&table);
	view_fini(&view);
	fl_instance_close(&instance);
	return status;
}
