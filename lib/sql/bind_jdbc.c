/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_jdbc.c - the url of 'connector' = 'jdbc': rows of tbl/jdbc_schemes.h.
 *
 *	jdbc:postgresql://host:port,host:port/database?name=value&...
 *
 * becomes parameters of libpq.  Names are pgjdbc's (tbl/jdbc_properties.h), so that the
 * same text runs on Flink.  What was not written and differs from pgjdbc: a server that is
 * not on this machine has to show a certificate (sslmode=verify-full).  No message
 * repeats the url: it may hold a password.
 *
 *	jdbc:sqlite:PATH	relative to the .sql file
 */
#include <stdio.h>
#include <string.h>

#include "bind.h"

#define PARAMS_MAX 40u
#define HOSTS_SIZE 4096u

enum action { PASS, PATH, ENUM_OF, TARGET, SSL, SCHEMA, NONE };
#define ACTION_PASS PASS
#define ACTION_PATH PATH
#define ACTION_ENUM ENUM_OF
#define ACTION_TARGET TARGET
#define ACTION_SSL SSL
#define ACTION_SCHEMA SCHEMA
#define ACTION_NONE NONE

static const struct property {
	const char *name, *to;
	enum action action;
	const char *choices;
} PROPERTIES[] = {
#define FL_JDBC_PROPERTY(name, to, action, choices) { name, to, ACTION_##action, choices },
#include "tbl/jdbc_properties.h"
#undef FL_JDBC_PROPERTY
};

struct url {
	struct bind *b;
	struct fl_table *table;
	uint32_t line, col;
};

static enum fl_code
bad_url(const struct url *u, const char *expected)
{
	return BIND_FAIL(u->b, FL_E_BAD_OPTION, u->line, u->col, NULL,
	    "Invalid value for option 'url' of table '%.80s', expected %s", u->table->name, expected);
}

static const char *
get_param(const struct fl_table *t, const char *key)
{
	uint32_t i;

	for (i = 0; i < t->jdbc->param_count; i++)
		if (strcmp(t->jdbc->params[i].key, key) == 0)
			return t->jdbc->params[i].value;
	return NULL;
}

void
bind_jdbc_param(struct bind *b, struct fl_table *t, const char *key, const char *value)
{
	struct fl_jdbc *jdbc = t->jdbc;
	uint32_t i;

	if (jdbc->params == NULL)
		jdbc->params = FL_ARENA_ARRAY(b->arena, struct fl_param, PARAMS_MAX);
	for (i = 0; i < jdbc->param_count; i++)
		if (strcmp(jdbc->params[i].key, key) == 0)
			break;
	if (i == jdbc->param_count)
		jdbc->param_count++; /* at most one for each property and place */
	jdbc->params[i] = (struct fl_param){ .key = key, .value = value };
}

/* "%2F" to "/"; NULL: a '%' without two digits, or a NUL byte. */
static const char *
decode(const struct url *u, const char *from, size_t size)
{
	char *out = fl_arena_strndup(u->b->arena, from, size), *to = out;
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned byte;
		int used = 0;

		if (from[i] != '%') {
			*to++ = from[i];
			continue;
		}
		if (i + 2 >= size || sscanf(from + i + 1, "%2x%n", &byte, &used) != 1 || used != 2 ||
		    byte == 0)
			return NULL;
		*to++ = (char)byte;
		i += 2;
	}
	*to = '\0';
	return out;
}

static bool
is_loopback(const char *host)
{
	return host[0] == '/' || strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "::1") == 0;
}

/* "host:port", "host", "[::1]:5432" */
static enum fl_code
read_host(const struct url *u, const char *text, size_t size, struct fl_buf *hosts,
    struct fl_buf *ports, bool *all_near)
{
	const char *colon, *host;
	int64_t port = 5432;
	size_t host_size = size;

	colon = size > 0 ? memrchr(text, ':', size) : NULL;
	if (size > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', size);

		if (end == NULL || (end + 1 < text + size && end[1] != ':'))
			return bad_url(u, "'[address]:port' for an address with colons");
		host_size = (size_t)(end - text - 1);
		colon = end + 1 < text + size ? end + 1 : NULL;
		host = fl_arena_strndup(u->b->arena, text + 1, host_size);
	} else {
		if (colon != NULL)
			host_size = (size_t)(colon - text);
		host = decode(u, text, host_size);
		if (host != NULL && strchr(host, ':') != NULL)
			return bad_url(u, "'[address]:port' for an address with colons");
	}
	if (host == NULL || host[0] == '\0' || strchr(host, ',') != NULL)
		return bad_url(u, "a host's name or address before the ':'");
	if (colon != NULL && (!fl_parse_i64(fl_arena_strndup(u->b->arena, colon + 1,
	    size - (size_t)(colon + 1 - text)), &port) || port < 1 || port > 65535))
		return bad_url(u, "a port from 1 to 65535 after the host's ':'");
	fl_buf_printf(hosts, "%s%s", hosts->size > 0 ? "," : "", host);
	fl_buf_printf(ports, "%s%" PRId64, ports->size > 0 ? "," : "", port);
	*all_near &= is_loopback(host);
	return FL_OK;
}

static enum fl_code
read_hosts(const struct url *u, const char *text, size_t size, bool *all_near)
{
	struct fl_arena *arena = u->b->arena;
	struct fl_buf hosts, ports;
	enum fl_code code = FL_OK;
	size_t at = 0, n;

	*all_near = true;
	if (size == 0) { /* jdbc:postgresql:database, as pgjdbc has it */
		text = "localhost";
		size = strlen(text);
	}
	fl_buf_init(&hosts);
	fl_buf_init(&ports);
	do {
		const char *comma = memchr(text + at, ',', size - at);

		n = comma != NULL ? (size_t)(comma - text) - at : size - at;
		code = read_host(u, text + at, n, &hosts, &ports, all_near);
		at += n + 1;
	} while (code == FL_OK && at <= size);
	if (code == FL_OK) {
		bind_jdbc_param(u->b, u->table, "host", fl_arena_strdup(arena, hosts.data));
		bind_jdbc_param(u->b, u->table, "port", fl_arena_strdup(arena, ports.data));
	}
	fl_buf_fini(&hosts);
	fl_buf_fini(&ports);
	return code;
}

/* currentSchema=a,b: names as they are; libpq's options want spaces and '\' escaped. */
static void
set_schema(const struct url *u, const char *value)
{
	struct fl_buf buf;

	fl_buf_init(&buf);
	fl_buf_str(&buf, "-csearch_path=");
	for (; *value != '\0'; value++) {
		if (*value == ' ' || *value == '\\' || *value == '\t')
			fl_buf_byte(&buf, '\\');
		fl_buf_byte(&buf, *value);
	}
	bind_jdbc_param(u->b, u->table, "options", fl_arena_strndup(u->b->arena, buf.data, buf.size));
	fl_buf_fini(&buf);
}

static enum fl_code
apply_property(const struct url *u, const struct property *p, const char *value)
{
	struct bind *b = u->b;
	int choice;

	if (value[0] == '\0' && p->action != NONE)
		return bad_url(u, fl_arena_printf(b->arena, "a value for '%s'", p->name));
	switch (p->action) {
	case PATH:
		value = bind_path(b, value);
		break;
	case ENUM_OF:
	case TARGET:
	case SSL:
		choice = bind_choice(p->choices, value, false);
		if (choice < 0)
			return bad_url(u, fl_arena_printf(b->arena, "'%s' to be one of %s", p->name, p->choices));
		if (p->action == TARGET)
			value = choice == 0 ? "any" : "read-write";
		if (p->action == SSL && choice == 1 && get_param(u->table, "sslmode") == NULL)
			bind_jdbc_param(b, u->table, "sslmode", "verify-full");
		break;
	case SCHEMA:
		set_schema(u, value);
		break;
	case NONE:
		bind_notice(b, u->line, "'%s' in the url is ignored: it means something to the Java driver "
		    "only", p->name);
		break;
	case PASS:
		break;
	}
	if (p->to != NULL)
		bind_jdbc_param(b, u->table, p->to, value);
	return FL_OK;
}

static enum fl_code
read_property(const struct url *u, const char *text, size_t size)
{
	const char *names[FL_ARRAY_COUNT(PROPERTIES)], *hint, *name, *value;
	const char *equals = memchr(text, '=', size);
	size_t i, name_size = equals != NULL ? (size_t)(equals - text) : size;

	name = decode(u, text, name_size);
	value = equals == NULL ? "true" : decode(u, equals + 1, size - name_size - 1);
	if (name == NULL || value == NULL)
		return bad_url(u, "two digits of base 16 after each '%' of its parameters");
	for (i = 0; i < FL_ARRAY_COUNT(PROPERTIES); i++) {
		names[i] = PROPERTIES[i].name;
		if (strcmp(name, names[i]) == 0)
			return apply_property(u, &PROPERTIES[i], value);
	}
	hint = bind_did_you_mean(u->b, name, names, FL_ARRAY_COUNT(names));
	return BIND_FAIL(u->b, FL_E_BAD_OPTION, u->line, u->col, hint,
	    "the url of table '%.80s': '%.80s' is not a property that Flight knows%s%s", u->table->name,
	    name, hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

static enum fl_code
read_properties(const struct url *u, const char *text)
{
	for (size_t n; text[0] != '\0'; text += n + (text[n] == '&')) {
		n = strcspn(text, "&");
		if (n > 0)
			FL_TRY(read_property(u, text, n));
	}
	return FL_OK;
}

static enum fl_code
bind_jdbc_postgres(const struct url *u, const char *rest)
{
	struct fl_jdbc *jdbc = u->table->jdbc;
	const char *slash, *database, *mode;
	size_t query = strcspn(rest, "?"), hosts_size = 0;
	bool all_near = true;

	if (strncmp(rest, "//", 2) == 0) {
		rest += 2;
		query -= 2;
		slash = memchr(rest, '/', query);
		hosts_size = slash != NULL ? (size_t)(slash - rest) : query;
		if (hosts_size == 0 || hosts_size > HOSTS_SIZE)
			return bad_url(u, "jdbc:postgresql://host:port/database?name=value&...");
	}
	FL_TRY(read_hosts(u, rest, hosts_size, &all_near));
	slash = rest + hosts_size + (hosts_size > 0 && hosts_size < query);
	database = decode(u, slash, query - (size_t)(slash - rest));
	if (database == NULL || database[0] == '\0')
		return bad_url(u, "the database's name: jdbc:postgresql://host:port/database?name=value&...");
	bind_jdbc_param(u->b, u->table, "dbname", database);
	jdbc->database = database;
	jdbc->where = fl_arena_printf(u->b->arena, "%.*s/%s", hosts_size > 0 ? (int)hosts_size : 9,
	    hosts_size > 0 ? rest : "localhost", database);
	if (rest[query] == '?')
		FL_TRY(read_properties(u, rest + query + 1));
	mode = get_param(u->table, "sslmode");
	if (!all_near && mode == NULL)
		bind_jdbc_param(u->b, u->table, "sslmode", "verify-full");
	else if (!all_near && strcmp(mode, "verify-full") != 0)
		bind_notice(u->b, u->line, "sslmode=%s: who the server is, is not checked in full", mode);
	return FL_OK;
}

/* The driver for Java also takes a database in memory, URIs and parameters. */
static enum fl_code
bind_jdbc_sqlite(const struct url *u, const char *rest)
{
	const char *path = rest;

	if (path[0] == '\0' || path[0] == ':' || strncmp(path, "file:", 5) == 0 ||
	    strchr(path, '?') != NULL)
		return bad_url(u, "jdbc:sqlite:PATH, a file's path without parameters");
	u->table->place = path;
	path = bind_path(u->b, path);
	u->table->beside = path != u->table->place ? fl_arena_strdup(u->b->arena, u->b->env->dir) : NULL;
	u->table->jdbc->database = u->table->jdbc->where = path;
	return FL_OK;
}

enum fl_code
bind_jdbc_url(struct bind *b, struct fl_table *t, const char *text, uint32_t line, uint32_t col)
{
	struct url u = { .b = b, .table = t, .line = line, .col = col };
	const char *list = "";

#define FL_JDBC_SCHEME(name, prefix, sink) \
	if (strncmp(text, prefix, strlen(prefix)) == 0) { \
		t->jdbc->scheme = FL_JDBC_##name; \
		return bind_jdbc_##sink(&u, text + strlen(prefix)); \
	} \
	list = fl_arena_printf(b->arena, "%s%s%s...", list, list[0] != '\0' ? ", " : "", prefix);
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME
	if (strncmp(text, "jdbc:", 5) != 0)
		return bad_url(&u, list);
	return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, line, col, NULL,
	    "table '%.80s': the database '%.*s' is not supported; there is %s", t->name,
	    (int)(5 + strcspn(text + 5, ":")), text, list);
}
