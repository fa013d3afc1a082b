/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_metrics.c - all metrics in Prometheus' text format, out of the programs' segments. */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "flightctl/ctl.h"

static void
add_metric(const struct ctl *ctl, struct fl_buf *out, const struct fl_metric_info *info,
    int64_t value, bool is_first)
{
	const char *kind = info->kind == FL_COUNTER ? "counter" : "gauge";

	if (ctl->json)
		fl_buf_printf(out,
		    "%s\n "
		    "{\"name\":\"flight_%s_%s\",\"type\":\"%s\",\"unit\":\"%s\",\"value\":%" PRId64
		    "}",
		    is_first ? "" : ",", info->program, info->name, kind, info->unit, value);
	else
		fl_buf_printf(out,
		    "# HELP flight_%s_%s %s\n# TYPE flight_%s_%s %s\nflight_%s_%s %" PRId64 "\n",
		    info->program, info->name, info->help, info->program, info->name, kind,
		    info->program, info->name, value);
}

/* What every program has: whether it lives, and its last beat. */
static void
add_lives(const struct ctl *ctl, struct fl_buf *out, const struct fl_instance *instance,
    const char *glob, bool *is_first)
{
	static const char *const names[] = {"flight_up", "flight_beat_timestamp_seconds"};
	static const char *const helps[] = {
	    "1 while the program runs.", "When the program last said that it lives."};
	struct fl_life life;

	for (uint32_t n = 0; n < FL_ARRAY_COUNT(names); n++) {
		if (glob != NULL && fnmatch(glob, names[n], 0) != 0)
			continue;
		if (!ctl->json)
			fl_buf_printf(
			    out, "# HELP %s %s\n# TYPE %s gauge\n", names[n], helps[n], names[n]);
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(fl_writers); i++) {
			double value;

			fl_life_get(instance, fl_writers[i], &life);
			value = n == 0 ? life.is_running : (double)life.beat_ms / 1000;
			if (ctl->json)
				fl_buf_printf(out,
				    "%s\n "
				    "{\"name\":\"%s\",\"type\":\"gauge\",\"program\":\"%s\","
				    "\"value\":%.*f}",
				    *is_first ? "" : ",", names[n], fl_writers[i],
				    n == 0 ? 0 : 3, value);
			else
				fl_buf_printf(out, "%s{program=\"%s\"} %.*f\n", names[n],
				    fl_writers[i], n == 0 ? 0 : 3, value);
			*is_first = false;
		}
	}
}

int
cmd_metrics(struct ctl *ctl)
{
	struct fl_metrics *segments[FL_ARRAY_COUNT(fl_writers)] = {0};
	struct fl_instance *instance = NULL;
	const char *value, *glob;
	struct fl_err err = {0};
	struct fl_buf out;
	bool is_first = true;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 0, 1))
		return ctl->status;
	glob = ctl->arg_count > 0 ? ctl->args[0] : NULL;
	if (ctl_instance_open(ctl, true, &instance, &err) != FL_OK)
		return ctl_fail(ctl, &err);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(segments); i++)
		/* A program that never ran has no segment, and no metrics. */
		if (fl_metrics_open(instance, fl_writers[i], false, &segments[i], &err) != FL_OK)
			segments[i] = NULL;
	fl_buf_init(&out);
	if (ctl->json)
		fl_buf_byte(&out, '[');
	add_lives(ctl, &out, instance, glob, &is_first);
	for (int m = 0; m < FL_METRIC_COUNT; m++) {
		const struct fl_metric_info *info = fl_metric_info((enum fl_metric)m);
		char name[128];

		snprintf(name, sizeof(name), "flight_%s_%s", info->program, info->name);
		if (glob != NULL && fnmatch(glob, name, 0) != 0)
			continue;
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(segments); i++)
			if (segments[i] != NULL && strcmp(info->program, fl_writers[i]) == 0) {
				add_metric(ctl, &out, info,
				    fl_metric_get(segments[i], (enum fl_metric)m), is_first);
				is_first = false;
			}
	}
	if (ctl->json)
		fl_buf_str(&out, "\n]\n");
	out_write(&out);
	fl_buf_fini(&out);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(segments); i++)
		fl_metrics_close(&segments[i]);
	fl_instance_close(&instance);
	if (!is_first || glob == NULL)
		return CTL_OK;
	fprintf(stderr, "flightctl metrics: no metric is named \"%s\"; docs/metrics.md lists all\n", glob);
	return CTL_NO_OBJECT;
}
