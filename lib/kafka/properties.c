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
#include <stdlib.h>
#include <strings.h>

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
#define FL_KAFKA_PROPERTY(name, to, scope, action) { name, to, KAFKA_##scope, ACTION_##action },
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

/* name="value" or name='value' out of a JAAS line. */
static char *
take_jaas(struct fl_arena *arena, const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
		const char *p = at + len, *end;

		if (at > text && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
			continue;
		while (isspace((unsigned char)*p))
			p++;
		if (*p++ != '=')
			continue;
		while (isspace((unsigned char)*p))
			p++;
		if ((*p != '"' && *p != '\'') || (end = strchr(p + 1, *p)) == NULL)
			continue;
		return fl_arena_strndup(arena, p + 1, (size_t)(end - p - 1));
	}
	return NULL;
}

struct output {
	struct fl_kafka_property *list;
	uint32_t count;
};

static void
add_property(struct output *out, const char *key, const char *value)
{
	out->list[out->count++] = (struct fl_kafka_property){ key, value };
}

static enum fl_code
take_jaas_config(const struct fl_table *table, const char *text, struct fl_arena *arena,
    struct output *out, struct fl_err *err)
{
	char *user, *password;

	if (strstr(text, "PlainLoginModule") == NULL && strstr(text, "ScramLoginModule") == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.sasl.jaas.config\": expected PlainLoginModule "
		    "or ScramLoginModule", table->name);
	user = take_jaas(arena, text, "username");
	password = take_jaas(arena, text, "password");
	if (user == NULL || password == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "table \"%s\": option \"properties.sasl.jaas.config\": expected username=\"...\" "
		    "and password=\"...\"", table->name);
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
	/* An option becomes two properties at most. */
	struct output out = { FL_ARENA_ARRAY(arena, struct fl_kafka_property,
				  2 * (size_t)table->option_count + 1), 0 };

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

static enum fl_code
set_properties(rd_kafka_conf_t *conf, const struct fl_table *table, enum kafka_scope scope,
    struct fl_arena *arena, struct fl_err *err)
{
	struct fl_kafka_property *list;
	uint32_t count;

	FL_TRY(fl_kafka_properties(table, arena, &list, &count, NULL, err));
	for (uint32_t i = 0; i < count; i++) {
		enum kafka_scope of = scope_of(list[i].key);

		if (of != KAFKA_B && of != scope)
			continue;
		if (kafka_conf_set(conf, list[i].key, list[i].value, err) != FL_OK)
			return fl_err_context(err, "table \"%s\"", table->name);
	}
	return FL_OK;
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

/* One option at a time, so that the one that is wrong is known. */
static enum fl_code
check_option(const struct fl_table *table, uint32_t i, enum kafka_scope scope, struct fl_err *err)
{
	struct fl_table one = *table;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum fl_code code;

	one.options = &table->options[i];
	one.option_count = 1;
	code = kafka_conf_properties(conf, &one, scope, err);
	rd_kafka_conf_destroy(conf);
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
	return code;
}
