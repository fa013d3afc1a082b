/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - what consumers and producers have in common: configuration, health,
 * errors, and an end that does not hang.
 *
 * librdkafka retries nearly everything for ever and tells it to its callbacks
 * only.  The callbacks keep the last reason; calls that then time out raise that
 * reason instead of "timed out", so that a person reads "certificate verify
 * failed" and not "broker away".
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "conf.h"

#define LOG_LINES_MAX 5		 /* a client and period */
#define LOG_PERIOD_US 10000000
#define DESTROY_WAIT_S 2

void
kafka_health_init(struct kafka_health *health, const char *what)
{
	memset(health, 0, sizeof(*health));
	(void)pthread_mutex_init(&health->lock, NULL);
	health->what = what;
}

void
kafka_health_fini(struct kafka_health *health)
{
	(void)pthread_mutex_destroy(&health->lock);
}

/* What a broker says when it refuses a connection, in words that name what to change. */
static void
explain_refusal(const struct kafka_health *health, const char *text, char out[KAFKA_TEXT_SIZE])
{
	/* Java answers a certificate that is missing with the first, OpenSSL with the second. */
	static const char *const wants[] = { "alert bad certificate", "alert certificate required",
		"alert handshake failure" };
	static const char *const distrusts[] = { "alert certificate unknown", "alert unknown ca",
		"alert certificate expired", "alert certificate revoked", "alert bad certificate",
		"alert unsupported certificate" };
	size_t i;

	if (strstr(text, "certificate verify failed") != NULL && health->certificate[0] != '\0') {
		(void)snprintf(out, KAFKA_TEXT_SIZE, "%s", health->certificate);
		return;
	}
	for (i = 0; i < FL_ARRAY_COUNT(wants) && !health->has_certificate; i++)
		if (strstr(text, wants[i]) != NULL) {
			(void)snprintf(out, KAFKA_TEXT_SIZE, "the broker wants a client certificate, none is "
			    "configured (ssl.keystore.location, or ssl.certificate.location and "
			    "ssl.key.location): %s", text);
			return;
		}
	for (i = 0; i < FL_ARRAY_COUNT(distrusts) && health->has_certificate; i++)
		if (strstr(text, distrusts[i]) != NULL) {
			(void)snprintf(out, KAFKA_TEXT_SIZE, "the broker does not accept the client's "
			    "certificate: it does not trust the CA that signed it, or the certificate has "
			    "expired: %s", text);
			return;
		}
	if (strstr(text, "SASL") != NULL && health->user[0] != '\0')
		(void)snprintf(out, KAFKA_TEXT_SIZE, "the broker refuses user \"%s\"%s: %s", health->user,
		    health->is_scram_broken ? " (or it is Kafka 4, which does not take the SCRAM of this "
					      "version of librdkafka)" : "", text);
	else if (strstr(text, "unexpected eof") != NULL || strstr(text, "wrong version number") != NULL)
		(void)snprintf(out, KAFKA_TEXT_SIZE, "the TLS handshake was not answered: is it a port for "
		    "TLS? %s", text);
	else
		(void)snprintf(out, KAFKA_TEXT_SIZE, "%s", text);
}

/* librdkafka's guesses on any connection that ends early, as a killed broker's do. */
static bool
is_guess(const char *text)
{
	return strstr(text, "might be caused by incorrect security.protocol") != NULL ||
	    strstr(text, "verify that security.protocol is correctly configured") != NULL;
}

/* The same end of a connection, when a request was just on its way. */
static bool
is_bare_end(const char *text)
{
	return strstr(text, "Send failed: ") != NULL || strstr(text, "Receive failed: ") != NULL;
}

void
kafka_health_set(struct kafka_health *health, enum fl_code code, const char *text)
{
	(void)pthread_mutex_lock(&health->lock);
	/* "All brokers down" follows the reason; it must not hide it. */
	if ((health->code != FL_E_KAFKA_AUTH || code == FL_E_KAFKA_AUTH) &&
	    !(health->code == code && is_guess(health->trouble) && is_bare_end(text))) {
		health->code = code;
		if (code == FL_E_KAFKA_AUTH)
			explain_refusal(health, text, health->trouble);
		else
			(void)snprintf(health->trouble, sizeof(health->trouble), "%s", text);
	}
	(void)pthread_mutex_unlock(&health->lock);
}

void
kafka_health_clear(struct kafka_health *health)
{
	/* The hot path comes here: the lock only when there is something to clear. */
	if (__atomic_load_n(&health->code, __ATOMIC_RELAXED) == FL_OK)
		return;
	(void)pthread_mutex_lock(&health->lock);
	health->code = FL_OK;
	health->trouble[0] = '\0';
	(void)pthread_mutex_unlock(&health->lock);
}

const char *
kafka_health_show(struct kafka_health *health)
{
	(void)pthread_mutex_lock(&health->lock);
	health->shown[0] = '\0';
	if (health->code != FL_OK)
		(void)snprintf(health->shown, sizeof(health->shown), "%s %s", fl_code_name(health->code),
		    health->trouble);
	(void)pthread_mutex_unlock(&health->lock);
	return health->shown;
}

/* ---- errors ---- */

static bool
is_auth_text(const char *text)
{
	static const char *const signs[] = { "certificate", "SSL handshake", "SSL routines",
		"ssl3_read", "alert ", "SASL", "security.protocol", "Authentication failed" };

	if (text == NULL || is_guess(text))
		return false;
	for (size_t i = 0; i < FL_ARRAY_COUNT(signs); i++)
		if (strstr(text, signs[i]) != NULL)
			return true;
	return false;
}

static enum fl_code
code_of(int native)
{
	switch (native) {
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return FL_E_KAFKA_AUTH;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__WAIT_COORD:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
		return FL_E_BROKER_AWAY;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		return FL_E_TOPIC_MISSING;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return FL_E_OFFSETS_LOST;
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
		return FL_E_KAFKA_FENCED;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		return FL_E_SINK_REFUSED;
	default:
		return FL_E_KAFKA;
	}
}

enum fl_code
kafka_code(rd_kafka_resp_err_t native, const char *text)
{
	enum fl_code code = code_of((int)native);

	return (code == FL_E_BROKER_AWAY || code == FL_E_KAFKA) && is_auth_text(text) ? FL_E_KAFKA_AUTH
										       : code;
}

enum fl_code
kafka_fail(struct fl_err *err, struct kafka_health *health, rd_kafka_resp_err_t native,
    const char *text, const char *doing)
{
	enum fl_code code = kafka_code(native, text);
	char why[KAFKA_TEXT_SIZE + 8] = "";

	if (code == FL_E_BROKER_AWAY && health != NULL) {
		(void)pthread_mutex_lock(&health->lock);
		if (health->code != FL_OK) {
			code = health->code;
			(void)snprintf(why, sizeof(why), "; %s", health->trouble);
		}
		(void)pthread_mutex_unlock(&health->lock);
	}
	return FL_FAIL_NATIVE(err, code, (int)native, "could not %s: %s%s", doing,
	    text != NULL && text[0] != '\0' ? text : rd_kafka_err2str(native), why);
}

enum fl_code
kafka_committed(rd_kafka_t *rk, struct kafka_health *health, const char *topic, int32_t partition,
    int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size, struct fl_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, topic, partition);
	rd_kafka_resp_err_t native = rd_kafka_committed(rk, list, timeout_ms);
	enum fl_code code = FL_OK;

	if (native == RD_KAFKA_RESP_ERR_NO_ERROR)
		native = item->err;
	if (native != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)kafka_fail(err, health, native, NULL, "ask for the group's offset");
		code = fl_err_context(err, "topic \"%s\" partition %d", topic, partition);
	} else {
		*offset = item->offset < 0 ? -1 : item->offset;
		if (metadata_size > 0)
			(void)snprintf(metadata, metadata_size, "%.*s", (int)item->metadata_size,
			    item->metadata != NULL ? (const char *)item->metadata : "");
	}
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* ---- callbacks ---- */

static void
on_error(rd_kafka_t *rk, int native, const char *reason, void *opaque)
{
	struct kafka_health *health = opaque;
	char text[KAFKA_TEXT_SIZE];
	enum fl_code code;

	/* It follows the reason of the last one. */
	if (native == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
	    __atomic_load_n(&health->code, __ATOMIC_RELAXED) != FL_OK)
		return;
	if (native == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof(text));

		code = kafka_code(fatal, text);
	} else {
		(void)snprintf(text, sizeof(text), "%s", reason);
		code = kafka_code((rd_kafka_resp_err_t)native, reason);
	}
	if (code == FL_E_TOPIC_MISSING)
		(void)__atomic_add_fetch(&health->missing_count, 1, __ATOMIC_RELAXED);
	kafka_health_set(health, code, text);
}

/* OpenSSL's reasons (X509_V_ERR_...): its numbers are part of its ABI. */
static const struct {
	int number;
	const char *text;
} reasons[] = {
	{ 9, "it is not valid yet" },
	{ 10, "it has expired" },
	{ 18, "it is signed by itself and not among the trusted ones (ssl.truststore.location)" },
	{ 19, "its CA is not among the trusted ones (ssl.truststore.location)" },
	{ 20, "its CA is not among the trusted ones (ssl.truststore.location)" },
	{ 21, "its CA is not among the trusted ones (ssl.truststore.location)" },
	{ 23, "it was revoked" },
	{ 26, "it is not for servers" },
	{ 62, "it is for another host name" },
	{ 64, "it is for another address" },
};

/* Called for each certificate of the broker's chain; 0 ends the handshake.  librdkafka
 * says "verify failed" of all; the reason stands here alone. */
static int
on_certificate(rd_kafka_t *rk, const char *broker, int32_t broker_id, int *error, int depth,
    const char *der, size_t size, char *text, size_t text_size, void *opaque)
{
	struct kafka_health *health = opaque;
	const char *why = NULL;

	(void)rk, (void)broker_id, (void)der, (void)size;
	if (*error == 0)
		return 1;
	for (size_t i = 0; i < FL_ARRAY_COUNT(reasons); i++)
		if (reasons[i].number == *error)
			why = reasons[i].text;
	(void)pthread_mutex_lock(&health->lock);
	if (why != NULL)
		(void)snprintf(text, text_size, "%s: the broker's certificate is refused: %s%s", broker,
		    depth > 0 ? "of its CA: " : "", why);
	else
		(void)snprintf(text, text_size, "%s: the broker's certificate is refused: OpenSSL's reason %d",
		    broker, *error);
	(void)snprintf(health->certificate, sizeof(health->certificate), "%s", text);
	(void)pthread_mutex_unlock(&health->lock);
	return 0;
}

static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct kafka_health *health = rk != NULL ? rd_kafka_opaque(rk) : NULL;
	int64_t now_us = fl_monotonic_us();
	uint32_t held = 0;
	bool say;

	if (health == NULL) {
		fl_debug("kafka facility=%s text=\"%s\"", facility, text);
		return;
	}
	(void)pthread_mutex_lock(&health->lock);
	if (now_us - health->log_since_us > LOG_PERIOD_US) {
		held = health->log_held;
		health->log_since_us = now_us;
		health->log_count = health->log_held = 0;
	}
	say = health->log_count < LOG_LINES_MAX;
	if (say)
		health->log_count++;
	else
		health->log_held++;
	(void)pthread_mutex_unlock(&health->lock);
	if (!say)
		return;
	if (held > 0)
		fl_log(FL_LOG_WARN, "kafka log lines held back client=%s count=%u", health->what, held);
	fl_log(level <= 4 ? FL_LOG_WARN : FL_LOG_DEBUG, "kafka client=%s facility=%s text=\"%s\"",
	    health->what, facility, text);
}

static enum fl_code
fill_conf(rd_kafka_conf_t *conf, const struct fl_table *table, enum kafka_scope scope,
    struct fl_err *err)
{
	if (table->brokers == NULL || table->brokers[0] == '\0')
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.bootstrap.servers\" is missing", table->name);
	FL_TRY(kafka_conf_set(conf, "bootstrap.servers", table->brokers, err));
	FL_TRY(kafka_conf_set(conf, "client.id", "flight", err));
	/* Brokers come back within seconds; ten are librdkafka's default. */
	FL_TRY(kafka_conf_set(conf, "reconnect.backoff.max.ms", "1000", err));
	FL_TRY(kafka_conf_set(conf, "statistics.interval.ms", "0", err));
	return kafka_conf_properties(conf, table, scope, err);
}

static bool
is_set(const rd_kafka_conf_t *conf, const char *key)
{
	size_t size = 0;

	return rd_kafka_conf_get(conf, key, NULL, &size) == RD_KAFKA_CONF_OK && size > 1;
}

/* What the words of a refusal depend on. */
static void
note_identity(const rd_kafka_conf_t *conf, struct kafka_health *health)
{
	size_t size = sizeof(health->user), mechanism_size = 64;
	char mechanism[64] = "";

	health->has_certificate = is_set(conf, "ssl.certificate.location") ||
	    is_set(conf, "ssl.certificate.pem") || is_set(conf, "ssl.keystore.location");
	if (rd_kafka_conf_get(conf, "sasl.username", health->user, &size) != RD_KAFKA_CONF_OK)
		health->user[0] = '\0';
	/* Its nonce was made anew in the second message until 2.6.1; brokers before 4 did not mind. */
	(void)rd_kafka_conf_get(conf, "sasl.mechanism", mechanism, &mechanism_size);
	health->is_scram_broken = strncmp(mechanism, "SCRAM", 5) == 0 && rd_kafka_version() < 0x020601ff;
}

enum fl_code
kafka_conf_make(const struct fl_table *table, enum kafka_scope scope, struct kafka_health *health,
    rd_kafka_conf_t **out, struct fl_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum fl_code code = fill_conf(conf, table, scope, err);

	if (code != FL_OK) {
		rd_kafka_conf_destroy(conf);
		return code;
	}
	note_identity(conf, health);
	rd_kafka_conf_set_opaque(conf, health);
	(void)rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	*out = conf;
	return FL_OK;
}

enum fl_code
kafka_fail_new(const struct fl_table *table, const char *text, struct fl_err *err)
{
	const char *hint = "";

	/* OpenSSL asks for a password in the words of its own layers. */
	if (strstr(text, "ssl.key") != NULL && strstr(text, "mismatch") == NULL)
		hint = kafka_table_property(table, "ssl.key.password") != NULL
		    ? "; is \"properties.ssl.key.password\" right?"
		    : "; if the key is encrypted, \"properties.ssl.key.password\" is missing";
	return FL_FAIL(err, FL_E_BAD_OPTION, "table \"%s\": %s%s", table->name, text, hint);
}

/* ---- the end ---- */

struct destroyer {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	rd_kafka_t *rk;
	bool done, left;
};

static void *
run_destroy(void *arg)
{
	struct destroyer *d = arg;
	bool left;

	rd_kafka_destroy_flags(d->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	(void)pthread_mutex_lock(&d->lock);
	d->done = true;
	left = d->left;
	(void)pthread_cond_signal(&d->cond);
	(void)pthread_mutex_unlock(&d->lock);
	if (left)
		free(d);
	return NULL;
}

bool
kafka_destroy(rd_kafka_t **rk)
{
	struct destroyer *d;
	struct timespec until;
	pthread_t thread;
	bool done;

	if (*rk == NULL)
		return true;
	d = fl_calloc(1, sizeof(*d));
	d->rk = *rk;
	*rk = NULL;
	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_cond_init(&d->cond, NULL);
	if (pthread_create(&thread, NULL, run_destroy, d) != 0) {
		free(d);
		fl_warn("kafka client left open reason=\"no thread to close it\"");
		return false;
	}
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DESTROY_WAIT_S;
	(void)pthread_mutex_lock(&d->lock);
	while (!d->done && pthread_cond_timedwait(&d->cond, &d->lock, &until) != ETIMEDOUT)
		;
	done = d->done;
	d->left = !done;
	(void)pthread_mutex_unlock(&d->lock);
	if (done) {
		(void)pthread_join(thread, NULL);
		free(d);
		return true;
	}
	(void)pthread_detach(thread);
	fl_warn("kafka client does not close, left behind waited_s=%d", DESTROY_WAIT_S);
	return false;
}
