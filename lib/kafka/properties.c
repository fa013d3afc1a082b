/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.c - properties.* of a table to librdkafka's configuration.
 *
 * Portable files use the Java client's names.  The table tbl/kafka_properties.h
 * says what becomes of each; three need more than another name: stores (PEM
 * stores are librdkafka's own formats, JKS is nobody's), and the JAAS text, whose
 * user and password librdkafka takes apart.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "conf.h"

enum action {
	ACTION_TAKE, ACTION_LOWER, ACTION_OURS, ACTION_OURS_BROKERS, ACTION_OURS_GROUP,
	ACTION_OURS_QUIET, ACTION_NONE, ACTION_REFUSE, ACTION_FORMAT, ACTION_JAAS,
};

struct property {
	const char *name, *to;
	enum kafka_scope scope;
	enum action action;
};

static const struct property properties_known[] = {
#define FL_KAFKA_PROPERTY(name, to, scope, action, java) { name, to, KAFKA_##scope, ACTION_##action },
#include "tbl/kafka_properties.h"
#undef FL_KAFKA_PROPERTY
};
#define PREFIX "properties."
#define KNOWN_COUNT FL_ARRAY_COUNT(properties_known)

static const struct property *
find_property(const char *name)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (strcmp(properties_known[i].name, name) == 0)
			return &properties_known[i];
	return NULL;
}

const char *
kafka_table_property(const struct fl_table *table, const char *key)
{
	for (uint32_t i = 0; i < table->option_count; i++) {
		const char *name = table->options[i].key;

		if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 &&
		    strcmp(name + sizeof(PREFIX) - 1, key) == 0)
			return table->options[i].value;
	}
	return NULL;
}

static bool
has_java_pem(const struct fl_table *table, const char *store)
{
	char key[64];
	const char *type;

	(void)snprintf(key, sizeof(key), "ssl.%s.type", store);
	type = kafka_table_property(table, key);
	return type != NULL && strcasecmp(type, "PEM") == 0;
}

#define OUTPUT_MAX 2 /* properties that an option becomes at most */
struct output {
	struct fl_kafka_property *list;
	uint32_t count;
};

static void
add_property(struct output *out, const char *key, const char *value)
{
	out->list[out->count++] = (struct fl_kafka_property){ key, value };
}

/* ---- JAAS: Module flag key="value" ... ; as Kafka's client reads it ---- */

struct jaas {
	const char *at;
	struct fl_arena *arena;
	const char *text; /* of the token; NULL: one character, or the end */
	char sign;	  /* '=', ';' ...; 0: the end */
	bool is_open;	  /* a quote has no end */
};

static bool
is_jaas_word(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("_-$.", c) != NULL) ||
	    ((unsigned char)c & 0x80) != 0;
}

/* 'text' or "text" with \" and \\ in it. */
static void
take_jaas_quoted(struct jaas *j)
{
	char quote = *j->at++, *to = fl_arena_strdup(j->arena, j->at);

	j->text = to;
	for (; *j->at != quote && *j->at != '\0'; j->at++) {
		if (*j->at == '\\' && j->at[1] != '\0')
			j->at++;
		*to++ = *j->at;
	}
	*to = '\0';
	j->is_open = *j->at == '\0';
	if (!j->is_open)
		j->at++;
}

static void
next_jaas(struct jaas *j)
{
	const char *from;

	while (isspace((unsigned char)*j->at))
		j->at++;
	j->text = NULL;
	j->sign = *j->at;
	if (*j->at == '"' || *j->at == '\'') {
		take_jaas_quoted(j);
		return;
	}
	for (from = j->at; is_jaas_word(*j->at);)
		j->at++;
	if (j->at > from)
		j->text = fl_arena_strndup(j->arena, from, (size_t)(j->at - from));
	else if (*j->at != '\0')
		j->at++;
}

/* Never shows a value: any of them may be the password. */
static enum fl_code
fail_jaas(const struct fl_table *table, struct fl_err *err, const char *what)
{
	return FL_FAIL(err, FL_E_BAD_OPTION,
	    "table \"%s\": option \"properties.sasl.jaas.config\": %s", table->name, what);
}

static enum fl_code
take_jaas_config(const struct fl_table *table, const char *text, struct fl_arena *arena,
    struct output *out, struct fl_err *err)
{
	static const char *const modules[] = { "org.apache.kafka.common.security.plain.PlainLoginModule",
		"org.apache.kafka.common.security.scram.ScramLoginModule" };
	const char *user = NULL, *password = NULL;
	struct jaas j = { .at = text, .arena = arena };

	next_jaas(&j);
	if (j.text == NULL || (strcmp(j.text, modules[0]) != 0 && strcmp(j.text, modules[1]) != 0))
		return fail_jaas(table, err, "expected org.apache.kafka.common.security.plain."
		    "PlainLoginModule or org.apache.kafka.common.security.scram.ScramLoginModule first");
	next_jaas(&j);
	if (j.text == NULL || strcasecmp(j.text, "required") != 0)
		return fail_jaas(table, err, "expected \"required\" behind the login module");
	for (next_jaas(&j); j.text != NULL; next_jaas(&j)) {
		const char *key = j.text;

		next_jaas(&j);
		if (j.text != NULL || j.sign != '=')
			return fail_jaas(table, err, "expected \"=\" behind the name of an option");
		next_jaas(&j);
		if (j.is_open)
			return fail_jaas(table, err, "a quote is not closed");
		if (j.text == NULL)
			return fail_jaas(table, err, "expected a value behind \"=\"");
		if (strcmp(key, "username") == 0)
			user = j.text;
		else if (strcmp(key, "password") == 0)
			password = j.text;
	}
	if (j.sign != ';')
		return fail_jaas(table, err, "expected \";\" at its end");
	if (user == NULL || password == NULL)
		return fail_jaas(table, err, "expected username=\"...\" and password=\"...\"");
	add_property(out, "sasl.username", user);
	add_property(out, "sasl.password", password);
	return FL_OK;
}

static enum fl_code
check_store_type(const struct fl_table *table, const char *name, const char *value, struct fl_err *err)
{
	bool is_key = strcmp(name, "ssl.keystore.type") == 0;

	if (strcasecmp(value, "PEM") == 0 || (is_key && strcasecmp(value, "PKCS12") == 0))
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_OPTION,
	    "table \"%s\": option \"properties.%s\": expected PEM%s, got \"%s\"", table->name, name,
	    is_key ? " or PKCS12" : "", value);
}

static char *
lower_value(struct fl_arena *arena, const char *value)
{
	char *copy = fl_arena_strdup(arena, value);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static uint32_t
count_certificates(const char *pem)
{
	static const char mark[] = "-----BEGIN CERTIFICATE-----";
	uint32_t count = 0;

	for (; (pem = strstr(pem, mark)) != NULL; pem += sizeof(mark) - 1)
		count++;
	return count;
}

static enum fl_code
take_value(const struct fl_table *table, const struct property *known, const char *value,
    struct fl_arena *arena, struct output *out, struct fl_err *err)
{
	const char *name = known->name;

	if (strcmp(name, "ssl.truststore.location") == 0 && !has_java_pem(table, "truststore"))
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.ssl.truststore.location\" needs "
		    "'properties.ssl.truststore.type' = 'PEM'; other formats cannot be read", table->name);
	if (strcmp(name, "ssl.keystore.location") == 0 && has_java_pem(table, "keystore")) {
		/* Java's PEM keystore is key and chain in one file; OpenSSL picks its part. */
		add_property(out, "ssl.certificate.location", value);
		add_property(out, "ssl.key.location", value);
		return FL_OK;
	}
	if (strcmp(known->to, "ssl.certificate.pem") == 0 && count_certificates(value) > 1)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.%s\" holds %u certificates: the client would send "
		    "the first one only; put key and chain into one file and name that in "
		    "'properties.ssl.keystore.location' with 'properties.ssl.keystore.type' = 'PEM'",
		    table->name, name, count_certificates(value));
	if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 && value[0] == '\0')
		value = "none";
	add_property(out, known->to, known->action == ACTION_LOWER ? lower_value(arena, value) : value);
	return FL_OK;
}

static enum fl_code
fail_unknown(const struct fl_table *table, const char *name, struct fl_err *err)
{
	const char *names[KNOWN_COUNT], *closest;

	for (size_t i = 0; i < KNOWN_COUNT; i++)
		names[i] = properties_known[i].name;
	closest = fl_closest(name, names, KNOWN_COUNT);
	return FL_FAIL(err, FL_E_BAD_OPTION,
	    "table \"%s\": option \"properties.%s\" is not a property of a Kafka client%s%s%s",
	    table->name, name, closest != NULL ? "; did you mean \"properties." : "",
	    closest != NULL ? closest : "", closest != NULL ? "\"?" : "");
}

static void
add_notice(struct fl_buf *notices, const struct fl_table *table, const char *name, const char *why)
{
	if (notices != NULL)
		fl_buf_printf(notices, "table \"%s\": option \"properties.%s\" %s\n", table->name, name, why);
}

static enum fl_code
take_property(const struct fl_table *table, const char *name, const char *value,
    struct fl_arena *arena, struct output *out, struct fl_buf *notices, struct fl_err *err)
{
	const struct property *known = find_property(name);

	if (known == NULL)
		return fail_unknown(table, name, err);
	switch (known->action) {
	case ACTION_TAKE:
	case ACTION_LOWER:
		return take_value(table, known, value, arena, out, err);
	case ACTION_OURS:
		add_notice(notices, table, name, "is ignored: Flight decides it");
		return FL_OK;
	case ACTION_NONE:
		add_notice(notices, table, name, "is ignored: it means something to the Java client only");
		return FL_OK;
	case ACTION_OURS_BROKERS:
	case ACTION_OURS_GROUP:
	case ACTION_OURS_QUIET:
		return FL_OK;
	case ACTION_REFUSE:
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.%s\" is refused: configuration must not run code",
		    table->name, name);
	case ACTION_FORMAT:
		return check_store_type(table, name, value, err);
	case ACTION_JAAS:
		return take_jaas_config(table, value, arena, out, err);
	}
	return FL_OK;
}

enum fl_code
fl_kafka_properties(const struct fl_table *table, struct fl_arena *arena,
    struct fl_kafka_property **properties, uint32_t *count, struct fl_buf *notices, struct fl_err *err)
{
	struct output out = { FL_ARENA_ARRAY(arena, struct fl_kafka_property,
				  OUTPUT_MAX * (size_t)table->option_count + 1), 0 };

	for (uint32_t i = 0; i < table->option_count; i++) {
		const struct fl_option *option = &table->options[i];

		if (strncmp(option->key, PREFIX, sizeof(PREFIX) - 1) != 0)
			continue;
		FL_TRY(take_property(table, option->key + sizeof(PREFIX) - 1,
		    option->value != NULL ? option->value : "", arena, &out, notices, err));
	}
	*properties = out.list;
	*count = out.count;
	return FL_OK;
}

/* Scope of one of librdkafka's names. */
static enum kafka_scope
scope_of(const char *to)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (strcmp(properties_known[i].to, to) == 0)
			return properties_known[i].scope;
	return KAFKA_B;
}

/* ---- what must come together ---- */

static bool
has_any(const struct fl_table *table, const char *const *names)
{
	for (; *names != NULL; names++)
		if (kafka_table_property(table, *names) != NULL)
			return true;
	return false;
}

static enum fl_code
check_sasl(const struct fl_table *table, const char *protocol, struct fl_err *err)
{
	static const char *const users[] = { "sasl.jaas.config", "sasl.username", NULL };
	static const char *const passwords[] = { "sasl.jaas.config", "sasl.password", NULL };
	static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI" };
	const char *mechanism = kafka_table_property(table, "sasl.mechanism");
	size_t i;

	if (mechanism == NULL)
		mechanism = kafka_table_property(table, "sasl.mechanisms");
	for (i = 0; mechanism != NULL && i < FL_ARRAY_COUNT(mechanisms); i++)
		if (strcmp(mechanism, mechanisms[i]) == 0)
			break;
	if (mechanism == NULL || i == FL_ARRAY_COUNT(mechanisms))
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.security.protocol\" = \"%s\" needs "
		    "\"properties.sasl.mechanism\": expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI, "
		    "got %s%s%s", table->name, protocol, mechanism != NULL ? "\"" : "nothing",
		    mechanism != NULL ? mechanism : "", mechanism != NULL ? "\"" : "");
	if (strcmp(mechanism, "GSSAPI") != 0 && (!has_any(table, users) || !has_any(table, passwords)))
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": \"properties.sasl.mechanism\" = \"%s\" needs a user and a password: "
		    "\"properties.sasl.jaas.config\", or \"properties.sasl.username\" and "
		    "\"properties.sasl.password\"", table->name, mechanism);
	return FL_OK;
}

static enum fl_code
check_pair(const struct fl_table *table, struct fl_err *err)
{
	static const char *const certificates[] = { "ssl.certificate.location", "ssl.certificate.pem",
		"ssl.keystore.certificate.chain", NULL };
	static const char *const keys[] = { "ssl.key.location", "ssl.key.pem", "ssl.keystore.key", NULL };
	bool has_certificate = has_any(table, certificates), has_key = has_any(table, keys);

	if (has_certificate == has_key)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_OPTION, "table \"%s\": a client certificate needs its key: %s", table->name,
	    has_key ? "there is a key, but no \"properties.ssl.keystore.certificate.chain\" or "
		      "\"properties.ssl.certificate.location\"" :
		      "there is a certificate, but no \"properties.ssl.keystore.key\" or "
		      "\"properties.ssl.key.location\"");
}

static enum fl_code
check_security(const struct fl_table *table, struct fl_err *err)
{
	const char *protocol = kafka_table_property(table, "security.protocol");

	if (protocol == NULL)
		return FL_OK;
	if (strncasecmp(protocol, "SASL_", 5) == 0)
		FL_TRY(check_sasl(table, protocol, err));
	return strcasestr(protocol, "SSL") != NULL ? check_pair(table, err) : FL_OK;
}

/* Stores are opened by the client; it does not say which file it could not read. */
static enum fl_code
check_file(const struct fl_table *table, const char *key, const char *value, struct fl_err *err)
{
	size_t size = strlen(key);

	if (strncmp(key, "ssl.", 4) != 0 || size < 9 || strcmp(key + size - 9, ".location") != 0 ||
	    strcmp(value, "probe") == 0 || access(value, R_OK) == 0)
		return FL_OK;
	return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno, "table \"%s\": \"properties.%s\": file \"%s\": %s",
	    table->name, key, value, strerror(errno));
}

static enum fl_code
set_list(rd_kafka_conf_t *conf, const struct fl_table *table, enum kafka_scope scope,
    const struct fl_kafka_property *list, uint32_t count, struct fl_err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		enum kafka_scope of = scope_of(list[i].key);

		if (of != KAFKA_B && of != scope)
			continue;
		if (kafka_conf_set(conf, list[i].key, list[i].value, err) != FL_OK)
			return fl_err_context(err, "table \"%s\"", table->name);
	}
	return FL_OK;
}

static enum fl_code
set_properties(rd_kafka_conf_t *conf, const struct fl_table *table, enum kafka_scope scope,
    struct fl_arena *arena, struct fl_err *err)
{
	struct fl_kafka_property *list;
	uint32_t count;

	FL_TRY(fl_kafka_properties(table, arena, &list, &count, NULL, err));
	FL_TRY(check_security(table, err));
	for (uint32_t i = 0; i < count; i++)
		FL_TRY(check_file(table, list[i].key, list[i].value, err));
	return set_list(conf, table, scope, list, count, err);
}

static bool
is_secret(const char *key)
{
	return strstr(key, "password") != NULL || strstr(key, "key") != NULL ||
	    strstr(key, "pem") != NULL || strstr(key, "oauthbearer") != NULL;
}

enum fl_code
kafka_conf_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct fl_err *err)
{
	char text[256];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return FL_OK;
	/* librdkafka names the value of some types only. */
	if (is_secret(key) || strstr(text, value) != NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "Kafka property \"%s\": %s", key, text);
	return FL_FAIL(err, FL_E_BAD_OPTION, "Kafka property \"%s\": %s: \"%.80s\"", key, text, value);
}

enum fl_code
kafka_conf_properties(rd_kafka_conf_t *conf, const struct fl_table *table, enum kafka_scope scope,
    struct fl_err *err)
{
	struct fl_arena arena;
	enum fl_code code;

	fl_arena_init(&arena);
	code = set_properties(conf, table, scope, &arena, err);
	fl_arena_fini(&arena);
	return code;
}

/* One option at a time, so that the one that is wrong is known; files are not looked for,
 * they may lie on another machine. */
static enum fl_code
check_option(const struct fl_table *table, uint32_t i, enum kafka_scope scope, struct fl_err *err)
{
	const struct fl_option *option = &table->options[i];
	struct fl_kafka_property list[OUTPUT_MAX];
	struct output out = { list, 0 };
	rd_kafka_conf_t *conf;
	struct fl_arena arena;
	enum fl_code code;

	if (strncmp(option->key, PREFIX, sizeof(PREFIX) - 1) != 0)
		return FL_OK;
	fl_arena_init(&arena);
	conf = rd_kafka_conf_new();
	code = take_property(table, option->key + sizeof(PREFIX) - 1,
	    option->value != NULL ? option->value : "", &arena, &out, NULL, err);
	if (code == FL_OK)
		code = set_list(conf, table, scope, list, out.count, err);
	rd_kafka_conf_destroy(conf);
	fl_arena_fini(&arena);
	return code;
}

enum fl_code
fl_kafka_check(const struct fl_table *table, const struct fl_option **wrong, struct fl_err *err)
{
	enum fl_code code = FL_OK;

	for (uint32_t i = 0; i < table->option_count && code == FL_OK; i++) {
		if (table->is_source)
			code = check_option(table, i, KAFKA_C, err);
		if (code == FL_OK && table->is_sink)
			code = check_option(table, i, KAFKA_P, err);
		if (code != FL_OK)
			*wrong = &table->options[i];
	}
	if (code == FL_OK && (code = check_security(table, err)) != FL_OK)
		for (uint32_t i = 0; i < table->option_count; i++)
			if (strcmp(table->options[i].key, PREFIX "security.protocol") == 0)
				*wrong = &table->options[i];
	return code;
}
