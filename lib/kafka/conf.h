/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - what consumer.c, producer.c and mock.c share; not for other folders, but for
 * the test that reads the configuration back.
 */
#ifndef FL_KAFKA_CONF_H
#define FL_KAFKA_CONF_H

#include <pthread.h>

#include <librdkafka/rdkafka.h>

#include "base/util.h"
#include "kafka/client.h"

#define KAFKA_TEXT_SIZE 384

/* What a client's callbacks tell: they run on other threads. */
struct kafka_health {
	pthread_mutex_t lock;
	enum fl_code code;		/* FL_OK: all is well */
	char trouble[KAFKA_TEXT_SIZE];
	char shown[KAFKA_TEXT_SIZE + 32]; /* copy that the owner reads: code and text */
	uint32_t missing_count;		/* __atomic: how often a topic was said to be missing */
	int64_t log_since_us;		/* log limit: this many lines ... */
	uint32_t log_count, log_held;	/* ... and held back since then */
	const char *what;		/* "consumer", "producer" */
	bool has_certificate;		/* of the client's own; set before the client is made */
	bool is_scram_broken;		/* of what follows too */
	char user[128];			/* SASL; "": none */
	char certificate[256];		/* why the broker's was refused last; "": it was not */
};

void kafka_health_init(struct kafka_health *health, const char *what);
void kafka_health_fini(struct kafka_health *health);
void kafka_health_set(struct kafka_health *health, enum fl_code code, const char *text);
void kafka_health_clear(struct kafka_health *health);
const char *kafka_health_show(struct kafka_health *health);

enum kafka_scope { KAFKA_B, KAFKA_C, KAFKA_P };

/* A conf with the table's brokers and properties of that scope, callbacks set and
 * health as its opaque. */
enum fl_code kafka_conf_make(const struct fl_table *table, enum kafka_scope scope,
    struct kafka_health *health, rd_kafka_conf_t **conf, struct fl_err *err);
/* Raises what rd_kafka_new() said. */
enum fl_code kafka_fail_new(const struct fl_table *table, const char *text, struct fl_err *err);
/* The whole of a consumer's and a producer's configuration. */
enum fl_code kafka_consumer_conf(const struct fl_table *table, const char *group,
    const char *isolation, struct kafka_health *health, rd_kafka_conf_t **conf, struct fl_err *err);
enum fl_code kafka_producer_conf(const struct fl_table *table, const char *transactional_id,
    struct kafka_health *health, rd_kafka_conf_t **conf, struct fl_err *err);
/* The table's properties of that scope: part of the former. */
enum fl_code kafka_conf_properties(rd_kafka_conf_t *conf, const struct fl_table *table,
    enum kafka_scope scope, struct fl_err *err);
enum fl_code kafka_conf_set(
    rd_kafka_conf_t *conf, const char *key, const char *value, struct fl_err *err);
/* Value of WITH option properties.<key>, or NULL. */
const char *kafka_table_property(const struct fl_table *table, const char *key);

enum fl_code kafka_code(rd_kafka_resp_err_t native, const char *text);
/* Raises native with its text; "doing" says what was tried.  While the client's
 * callbacks know a better reason (TLS, SASL), that is the one raised. */
enum fl_code kafka_fail(struct fl_err *err, struct kafka_health *health,
    rd_kafka_resp_err_t native, const char *text, const char *doing);
/* The offset that rk's group has committed, -1: none, and what was written beside it. */
enum fl_code kafka_committed(rd_kafka_t *rk, struct kafka_health *health, const char *topic,
    int32_t partition, int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size,
    struct fl_err *err);
/* rd_kafka_destroy() can hang for ever once a topic was deleted: it is run aside and
 * left behind after two seconds.  False: it was, and its callbacks still use health. */
bool kafka_destroy(rd_kafka_t **rk);

#endif
