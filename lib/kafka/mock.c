/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock.c - librdkafka's mock cluster: one broker in this process, on loopback.
 *
 * It has no transaction visibility and trims partitions to 5 MiB: it serves the
 * demo and tests of error paths, never a proof of exactly once.
 */
#include <stdlib.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "conf.h"

struct fl_kafka_mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

enum fl_code
fl_kafka_mock_open(struct fl_kafka_mock **mock, struct fl_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256];
	struct fl_kafka_mock *m;
	rd_kafka_t *rk;

	rd_kafka_conf_set_log_cb(conf, NULL);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return FL_FAIL(err, FL_E_KAFKA, "could not start the embedded broker: %s", text);
	}
	m = fl_calloc(1, sizeof(*m));
	m->rk = rk;
	m->cluster = rd_kafka_mock_cluster_new(rk, 1);
	if (m->cluster == NULL) {
		fl_kafka_mock_close(&m);
		return FL_FAIL(err, FL_E_KAFKA, "could not start the embedded broker");
	}
	*mock = m;
	return FL_OK;
}

enum fl_code
fl_kafka_mock_topic(
    struct fl_kafka_mock *mock, const char *topic, uint32_t partitions, struct fl_err *err)
{
	rd_kafka_resp_err_t native = rd_kafka_mock_topic_create(mock->cluster, topic, (int)partitions, 1);

	if (native != RD_KAFKA_RESP_ERR_NO_ERROR)
		return FL_FAIL_NATIVE(err, FL_E_KAFKA, (int)native, "topic \"%s\": could not be created: %s",
		    topic, rd_kafka_err2str(native));
	return FL_OK;
}

const char *
fl_kafka_mock_brokers(const struct fl_kafka_mock *mock)
{
	return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

void
fl_kafka_mock_close(struct fl_kafka_mock **mock)
{
	if (*mock == NULL)
		return;
	if ((*mock)->cluster != NULL)
		rd_kafka_mock_cluster_destroy((*mock)->cluster);
	rd_kafka_destroy((*mock)->rk);
	free(*mock);
	*mock = NULL;
}
