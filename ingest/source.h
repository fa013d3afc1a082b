/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - where runs of records come from: Kafka, files, tests.
 *
 * A source is opened for one stream.  What it finds out beside records comes as
 * events, which the stream takes at the beginning of each turn; whatever may wait
 * for a broker happens on a thread of the source's own.
 *
 * Memory:  the records of a run, keys and values are the source's until release.
 * Thread:  all functions are called by the decoding thread.
 */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include "shm/step.h"
#include "sql/plan.h"

/* A longer value is a dead letter: its length is told, its bytes need not all be there. */
#define SOURCE_VALUE_MAX (64u << 20)

struct source_record { /* laid out as struct fl_kafka_message */
	int64_t offset, ts_ms; /* ts_ms -1: unknown */
	const void *key, *value; /* NULL: null */
	size_t key_size, value_size;
	void *handle;
};

struct source_run {
	struct source_record *records;
	uint32_t count, at; /* at: the next to be taken */
	bool eof;	    /* after them the end was reached */
	bool is_unread;	    /* none yet, but there is more to read at once */
	int64_t eof_offset;
};

/* What the store knows of a partition when the source is opened. */
struct source_known {
	int32_t partition;
	int64_t position, last_offset;
	bool out; /* ended or stopped: not to be looked at */
	const char *topic;
	uint64_t cluster; /* where it was read; 0: unknown */
};

enum source_event_kind {
	SOURCE_ADDED,	  /* a = start, b = end (INT64_MAX: none): new to the store */
	SOURCE_READY,	  /* a = offset to read from: a known one may be assigned */
	SOURCE_LOST,	  /* code, text: the partition must stop */
	SOURCE_DOUBT,	  /* its topic went away: to be checked before more is read */
	SOURCE_CAUGHT,	  /* a = position: confirmed to be the end; b = since, or -1: now */
	SOURCE_NOT_CAUGHT, /* a = position: it is not, or nobody answers */
	SOURCE_END,	  /* the partition is over, whatever its end was */
	SOURCE_COMPLETE,  /* bounded: no partition will be added any more */
	SOURCE_FAILED,	  /* code, text: cannot be opened as configured (CONFIG) */
};

struct source_event {
	enum source_event_kind kind;
	int32_t partition;
	int64_t a, b;
	uint64_t cluster; /* ADDED, READY: where it is read; 0: there is no such thing */
	enum fl_code code;
	char topic[FL_TOPIC_SIZE];
	char text[FL_ERR_TEXT_SIZE];
};

struct source_start {
	int32_t partition;
	int64_t offset; /* -1: stays where it is */
};

struct source;
struct source_options {
	const struct fl_table *table;
	const struct source_known *known;
	uint32_t known_count;
	uint32_t stream;
	int wake_fd; /* eventfd: written when an event waits */
	const char *dir; /* the instance's: for what a source has to keep */
};

struct source_ops {
	const char *name;
	bool is_test;	/* commits happen inside the step */
	enum fl_code (*open)(
	    const struct source_options *options, struct source **source, struct fl_err *err);
	void (*close)(struct source **source);
	bool (*next_event)(struct source *source, struct source_event *event);
	/* The partitions to read, in the order in which poll() will name them. */
	enum fl_code (*assign)(struct source *source, const struct source_start *set,
	    uint32_t count, struct fl_err *err);
	/* Takes up to max queued records of set[index]; does not wait. */
	enum fl_code (*poll)(struct source *source, uint32_t index, uint32_t max,
	    struct source_run *run, struct fl_err *err);
	void (*release)(struct source *source, struct source_run *run);
	/* ---- NULL: the source has no such thing ---- */
	/* Asks anew what is there, after SOURCE_DOUBT or a poll that found nothing more:
	 * SOURCE_READY or SOURCE_LOST will come. */
	void (*check)(struct source *source, const struct source_known *known);
	/* Oldest and newest offset, for commands; may wait some seconds. */
	enum fl_code (*offsets)(struct source *source, int32_t partition, int64_t *low,
	    int64_t *high, struct fl_err *err);
	/* Positions that are durable now. */
	void (*note)(struct source *source, const struct source_start *set, uint32_t count);
	int (*fd)(struct source *source); /* readable when there is work */
	void (*woken)(struct source *source); /* after waiting on fd */
	/* Asks to confirm, again and again, that position is the end; -1: no longer. */
	void (*watch)(struct source *source, int32_t partition, int64_t position);
	/* All that was handed out is durable. */
	void (*settled)(struct source *source);
	/* What is wrong with the way to the records, "" when nothing. */
	const char *(*trouble)(struct source *source);
};

#define FL_CONNECTOR(name, text, letter, format, source, sink) \
	extern const struct source_ops source_##source;
#include "tbl/connectors.h"
#undef FL_CONNECTOR

/* Source 'jdbc' keeps files in this folder of the instance; those of other streams go. */
#define SOURCE_SCANS "scans"
void source_scan_tidy(const char *dir, const uint32_t *streams, uint32_t count);

void source_test_push(struct source *source, int32_t partition, int64_t offset, const void *value,
    size_t size, int64_t kafka_ts_ms);
void source_test_add(struct source *source, int32_t partition);
void source_test_caught(struct source *source, int32_t partition, int64_t since_ms);
void source_test_lose(struct source *source, int32_t partition);
void source_test_end(struct source *source, int32_t partition);

#endif
