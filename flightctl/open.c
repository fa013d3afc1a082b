/* SPDX-License-Identifier: Apache-2.0 */
/* open.c - opening an instance for reading, and asking its brokers. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flightctl/ask.h"
#include "flightctl/ctl.h"

enum fl_code
ctl_instance_open(
    const struct ctl *ctl, bool load, struct fl_instance **instance, struct fl_err *err)
{
	struct fl_instance *opened = NULL;
	char catalog[PATH_MAX];
	struct stat st;

	if (access(ctl->instance, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "there is no instance \"%s\"; -i DIR or FLIGHT_HOME names one, `flightctl up` "
		    "makes one",
		    ctl->instance);
	if (stat(ctl->instance, &st) == 0 && !S_ISDIR(st.st_mode))
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "instance \"%s\" is a file, expected a directory", ctl->instance);
	if (access(ctl->instance, R_OK | X_OK) != 0)
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno, "cannot open instance \"%s\": %s",
		    ctl->instance, strerror(errno));
	(void)snprintf(catalog, sizeof(catalog), "%s/catalog", ctl->instance);
	if (access(catalog, F_OK) != 0 && errno == ENOENT)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "directory \"%s\" is not an instance: it holds no catalog; `flightctl up` makes "
		    "one",
		    ctl->instance);
	if (fl_instance_open(ctl->instance, false, &opened, err) != FL_OK)
		return fl_err_context(err, "instance \"%s\"", ctl->instance);
	if (load && fl_instance_load(opened, false, err) != FL_OK) {
		fl_instance_close(&opened);
		return fl_err_context(err, "instance \"%s\"", ctl->instance);
	}
	fl_life_read_mode(opened);
	*instance = opened;
	return FL_OK;
}

int
ctl_say_problems(const struct ctl *ctl, const struct fl_view *view)
{
	for (uint32_t i = 0; i < view->problem_count; i++)
		ctl_say(ctl, "%s", view->problems[i]);
	return view->problem_count > 0 ? CTL_FAILED : CTL_OK;
}

bool
ask_range(struct asker *asker, const struct fl_view *view,
    const struct fl_partition_cursor *partition, int64_t *low, int64_t *end)
{
	const struct fl_table *table = fl_view_table(view, partition->stream);
	struct fl_kafka_partition_info info;
	struct fl_err err = {0};

	if (asker->is_silent || table == NULL || table->connector != FL_CONNECTOR_KAFKA)
		return false;
	if (asker->asked != table) {
		fl_kafka_consumer_close(&asker->consumer);
		asker->asked = table;
		if (fl_kafka_consumer_open(table, "flightctl", &asker->consumer, &err) != FL_OK)
			asker->consumer = NULL;
	}
	if (asker->consumer == NULL ||
	    fl_kafka_consumer_offsets(asker->consumer, partition->topic,
		partition->partition % FL_TOPIC_STRIDE, asker->timeout_ms, &info, &err) != FL_OK) {
		fl_warn("topic \"%s\" partition %d: the broker does not tell its end: %s",
		    partition->topic, partition->partition % FL_TOPIC_STRIDE, err.text);
		asker->is_silent = true;
		return false;
	}
	*low = info.low;
	*end = info.last_stable >= 0 ? info.last_stable : info.high;
	return true;
}

void
ask_fini(struct asker *asker)
{
	fl_kafka_consumer_close(&asker->consumer);
}
