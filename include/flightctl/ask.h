/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - how far the topics of an instance's partitions go, asked from their brokers.
 */
#ifndef FL_FLIGHTCTL_ASK_H
#define FL_FLIGHTCTL_ASK_H

#include "flightctl/ctl.h"
#include "kafka/client.h"
#include "shm/view.h"

/* One broker that does not answer is asked once. */
struct asker {
	int timeout_ms;
	bool is_silent;		      /* nobody answers, or nobody is to be asked */
	const struct fl_table *asked; /* the table that consumer belongs to */
	struct fl_kafka_consumer *consumer;
};
/* False: unknown.  The end is the last stable offset, what a reader can come to. */
bool ask_range(struct asker *asker, const struct fl_view *view,
    const struct fl_partition_cursor *partition, int64_t *low, int64_t *end);
void ask_fini(struct asker *asker);

#endif
