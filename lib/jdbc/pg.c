/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.c - a session with a PostgreSQL server: connecting, asking, what errors mean.
 */
#include "jdbc/pg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <postgresql/libpq-fe.h>

#include "base/util.h"

#define CONNECT_TIMEOUT_MS 10000
#define SLICE_MS 250 /* a program that shall end is not late by more */
#define PASSWORD_MAX 1024u
#define EXTRA_PARAMS 9u

/* ---- errors ---- */

/* A server's words on one line. */
static const char *
flatten(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; text != NULL && *text != '\0' && n + 1 < size; text++)
		buf[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
	while (n > 0 && buf[n - 1] == ' ')
		n--;
	buf[n] = '\0';
	return buf;
}

enum fl_code
fl_pg_fail_away(struct fl_pg *pg, const char *what, struct fl_err *err)
{
	char text[300];

	return FL_FAIL(err, FL_E_DATABASE_AWAY, "table \"%s\" at %s: %s: %s", pg->table->name,
	    pg->table->jdbc->where, what, flatten(PQerrorMessage(pg->conn), text, sizeof(text)));
}

/*
 * What libpq 15 and the server do not say of a certificate.  tls is the session that failed, which
 * libpq has given back; NULL: there was none.
 */
static const char *
explain_tls(const char *message, const SSL *tls)
{
	const bool has_certificate = tls != NULL && SSL_get_certificate(tls) != NULL;

	if (tls != NULL && strstr(message, "certificate verify failed") != NULL) {
		switch (SSL_get_verify_result(tls)) {
		case X509_V_ERR_CERT_HAS_EXPIRED:
			return "; the server's certificate, or one above it, has expired";
		case X509_V_ERR_CERT_NOT_YET_VALID:
			return "; the server's certificate, or one above it, is not valid yet";
		case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		case X509_V_ERR_CERT_SIGNATURE_FAILURE:
			return "; the server's certificate is not of an authority in sslrootcert";
		case X509_V_ERR_CERT_REVOKED:
			return "; the server's certificate was revoked";
		default:
			return "";
		}
	}
	if (strstr(message, "does not match host name") != NULL)
		return "; the server's certificate is for another host";
	if (tls != NULL && !has_certificate && strstr(message, "certificate") != NULL)
		return "; no client certificate is configured (sslcert and sslkey)";
	if (has_certificate && strstr(message, "alert unknown ca") != NULL)
		return "; the server does not know the authority of the client's certificate (sslcert)";
	if (has_certificate && strstr(message, "alert certificate expired") != NULL)
		return "; the client's certificate (sslcert) has expired";
	return "";
}

static enum fl_code
fail_connect(struct fl_pg *pg, const SSL *tls, struct fl_err *err)
{
	static const char *const REFUSALS[] = { "FATAL:", "certificate", "SSL", "password", "private key" };
	static const char *const SOON[] = { "starting up", "shutting down", "recovery mode", "too many clients",
		"closed the connection" };
	const char *message = PQerrorMessage(pg->conn);
	bool is_refusal = false;
	char text[300];
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(REFUSALS); i++)
		is_refusal |= strstr(message, REFUSALS[i]) != NULL;
	for (i = 0; i < FL_ARRAY_COUNT(SOON); i++)
		is_refusal &= strstr(message, SOON[i]) == NULL;
	return FL_FAIL(err, is_refusal ? FL_E_DATABASE_AUTH : FL_E_DATABASE_AWAY,
	    "table \"%s\" at %s: no connection: %s%s", pg->table->name, pg->table->jdbc->where,
	    flatten(message, text, sizeof(text)), explain_tls(message, tls));
}

static enum fl_code
code_of(const char *state)
{
	static const struct {
		const char *prefix;
		enum fl_code code;
	} STATES[] = {
		{ "22", FL_E_SINK_REFUSED }, { "23", FL_E_SINK_REFUSED },
		{ "42P01", FL_E_TABLE_MISSING }, { "42703", FL_E_TABLE_MISSING },
		{ "42P10", FL_E_TABLE_MISSING }, { "3F", FL_E_TABLE_MISSING },
		{ "428C9", FL_E_TABLE_MISSING },
		{ "42501", FL_E_DATABASE_AUTH }, { "28", FL_E_DATABASE_AUTH },
		{ "08", FL_E_DATABASE_AWAY }, { "57P", FL_E_DATABASE_AWAY },
		{ "53100", FL_E_DISK_FULL },
	};
	size_t i;

	for (i = 0; state != NULL && i < FL_ARRAY_COUNT(STATES); i++)
		if (strncmp(state, STATES[i].prefix, strlen(STATES[i].prefix)) == 0)
			return STATES[i].code;
	return FL_E_DATABASE;
}

/* What the server said; where in the rows, if it is about one. */
enum fl_code
fl_pg_fail_result(struct fl_pg *pg, const PGresult *res, struct fl_err *err)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *column = PQresultErrorField(res, PG_DIAG_COLUMN_NAME);
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	char text[240], more[160];
	const char *at;

	/* COPY t, line 2, column n: "x" */
	if (column == NULL && context != NULL && (at = strstr(context, ", column ")) != NULL)
		column = at + strlen(", column ");
	flatten(column, more, sizeof(more));
	return FL_FAIL(err, code_of(state), "table \"%s\" at %s: %s%s%s%s%s (SQLSTATE %s)",
	    pg->table->name, pg->table->jdbc->where,
	    flatten(primary != NULL ? primary : PQresultErrorMessage(res), text, sizeof(text)),
	    more[0] != '\0' ? "; column " : "", more, detail != NULL ? "; " : "",
	    detail != NULL ? detail : "", state != NULL ? state : "unknown");
}

/* ---- asking without blocking for ever ---- */

static bool
is_stopping(const struct fl_pg *pg)
{
	return pg->is_stopping(pg->ctx);
}

static enum fl_code
fail_stopping(struct fl_pg *pg, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_INTERRUPTED, "table \"%s\" at %s: no answer so far, and the program ends",
	    pg->table->name, pg->table->jdbc->where);
}

/*
 * Sends what is buffered and waits for the next result; NULL: there is none.  A server may
 * take long, behind a lock; one that is gone is noticed by keepalives.
 */
enum fl_code
fl_pg_next(struct fl_pg *pg, PGresult **res, struct fl_err *err)
{
	int64_t began_us = fl_monotonic_us();
	int left;

	for (;;) {
		struct pollfd fd = { .fd = PQsocket(pg->conn), .events = POLLIN };

		if ((left = PQflush(pg->conn)) < 0)
			return fl_pg_fail_away(pg, "the connection broke", err);
		if (left == 0 && !PQisBusy(pg->conn))
			break;
		if (left > 0)
			fd.events |= POLLOUT;
		if (poll(&fd, 1, SLICE_MS) > 0 && (fd.revents & (POLLIN | POLLERR | POLLHUP)) != 0 &&
		    PQconsumeInput(pg->conn) == 0)
			return fl_pg_fail_away(pg, "the connection broke", err);
		if (is_stopping(pg) && fl_monotonic_us() - began_us > 2000000)
			return fail_stopping(pg, err);
	}
	*res = PQgetResult(pg->conn);
	return FL_OK;
}

/* Reads all results; the last one that was good goes to *last (may be NULL), the first that
 * was not makes the error. */
enum fl_code
fl_pg_finish(struct fl_pg *pg, PGresult **last, struct fl_err *err)
{
	enum fl_code first = FL_OK, code;
	PGresult *res;

	for (;;) {
		if ((code = fl_pg_next(pg, &res, err)) != FL_OK)
			return code;
		if (res == NULL)
			break;
		switch (PQresultStatus(res)) {
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
			if (last != NULL) {
				PQclear(*last);
				*last = res;
				res = NULL;
			}
			break;
		case PGRES_COPY_IN:
			PQclear(res);
			return FL_OK; /* the rows come next */
		case PGRES_EMPTY_QUERY:
		case PGRES_COPY_OUT:
		case PGRES_BAD_RESPONSE:
		case PGRES_NONFATAL_ERROR:
		case PGRES_FATAL_ERROR:
		case PGRES_COPY_BOTH:
		case PGRES_SINGLE_TUPLE:
		case PGRES_PIPELINE_SYNC:
		case PGRES_PIPELINE_ABORTED:
			if (first == FL_OK)
				first = fl_pg_fail_result(pg, res, err);
			break;
		}
		PQclear(res);
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return first == FL_OK ? fl_pg_fail_away(pg, "the connection broke", err) :
		    (err->code = FL_E_DATABASE_AWAY);
	return first;
}

enum fl_code
fl_pg_run(struct fl_pg *pg, const char *sql, PGresult **last, struct fl_err *err)
{
	if (PQsendQuery(pg->conn, sql) == 0)
		return fl_pg_fail_away(pg, "the connection broke", err);
	return fl_pg_finish(pg, last, err);
}

/* ---- connecting ---- */

/* The file is read again for each connection: passwords change. */
static enum fl_code
read_password(struct fl_pg *pg, char *password, struct fl_err *err)
{
	const char *path = pg->table->jdbc->password_file;
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return FL_FAIL_NATIVE(err, FL_E_DATABASE_AUTH, errno,
		    "table \"%s\": could not open the password file \"%s\": %s", pg->table->name, path,
		    strerror(errno));
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
		close(fd);
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": the password file \"%s\" has mode %04o, expected one that only its owner "
		    "can read (chmod 0400)", pg->table->name, path, (unsigned)(st.st_mode & 07777));
	}
	n = read(fd, password, PASSWORD_MAX - 1);
	close(fd);
	if (n <= 0 || (size_t)n == PASSWORD_MAX - 1)
		return FL_FAIL(err, FL_E_DATABASE_AUTH,
		    "table \"%s\": the password file \"%s\" holds no password of 1 to %u bytes",
		    pg->table->name, path, PASSWORD_MAX - 2);
	password[n] = '\0';
	password[strcspn(password, "\r\n")] = '\0';
	return FL_OK;
}

static void
hear_notice(void *arg, const char *message)
{
	char text[300];

	(void)arg;
	fl_debug("the database says text=%s", flatten(message, text, sizeof(text)));
}

/* libpq gives its TLS session back before it says that a connection failed. */
static void
hold_tls(struct fl_pg *pg, SSL **tls)
{
	SSL *now = PQsslStruct(pg->conn, "OpenSSL");

	if (now == NULL || now == *tls)
		return;
	SSL_free(*tls);
	*tls = SSL_up_ref(now) == 1 ? now : NULL;
}

static enum fl_code
poll_connection(struct fl_pg *pg, SSL **tls, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + CONNECT_TIMEOUT_MS * INT64_C(1000);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		struct pollfd fd = { .fd = PQsocket(pg->conn),
			.events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT };

		if (PQstatus(pg->conn) == CONNECTION_BAD || status == PGRES_POLLING_FAILED)
			return fail_connect(pg, *tls, err);
		if (poll(&fd, 1, SLICE_MS) > 0)
			status = PQconnectPoll(pg->conn);
		else if (is_stopping(pg))
			return fail_stopping(pg, err);
		if (fl_monotonic_us() > until_us)
			return FL_FAIL(err, FL_E_DATABASE_AWAY, "table \"%s\" at %s: no connection within %d s",
			    pg->table->name, pg->table->jdbc->where, CONNECT_TIMEOUT_MS / 1000);
		hold_tls(pg, tls);
	}
	return FL_OK;
}

enum fl_code
fl_pg_connect(struct fl_pg *pg, struct fl_err *err)
{
	const struct fl_jdbc *jdbc = pg->table->jdbc;
	const char **keys = fl_calloc(jdbc->param_count + EXTRA_PARAMS, sizeof(keys[0]));
	const char **values = fl_calloc(jdbc->param_count + EXTRA_PARAMS, sizeof(values[0]));
	char password[PASSWORD_MAX] = "";
	enum fl_code code = FL_OK;
	SSL *tls = NULL;
	uint32_t n, i;
	const struct fl_param extra[] = {
		{ "application_name", pg->application }, { "client_encoding", "UTF8" },
		{ "keepalives_idle", "10" }, { "keepalives_interval", "5" }, { "keepalives_count", "3" },
		{ "tcp_user_timeout", "25000" },
	};

	for (n = 0; n < jdbc->param_count; n++) {
		keys[n] = jdbc->params[n].key;
		values[n] = jdbc->params[n].value;
	}
	for (i = 0; i < FL_ARRAY_COUNT(extra); i++, n++) {
		keys[n] = extra[i].key;
		values[n] = extra[i].value;
	}
	if (jdbc->password_file != NULL) {
		code = read_password(pg, password, err);
		keys[n] = "password";
		values[n++] = password;
	}
	if (code == FL_OK) {
		pg->conn = PQconnectStartParams(keys, values, 0);
		if (pg->conn == NULL)
			code = FL_FAIL(err, FL_E_DATABASE, "out of memory");
	}
	explicit_bzero(password, sizeof(password));
	free(keys);
	free(values);
	FL_TRY(code);
	(void)PQsetNoticeProcessor(pg->conn, hear_notice, NULL);
	code = poll_connection(pg, &tls, err);
	SSL_free(tls);
	FL_TRY(code);
	if (PQsetnonblocking(pg->conn, 1) != 0)
		return fl_pg_fail_away(pg, "the connection broke", err);
	return FL_OK;
}

/* ---- names ---- */

void
fl_pg_quote_text(struct fl_buf *out, const char *text)
{
	if (strchr(text, '\\') != NULL)
		fl_buf_byte(out, 'E');
	fl_buf_byte(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			fl_buf_byte(out, *text);
		fl_buf_byte(out, *text);
	}
	fl_buf_byte(out, '\'');
}

/* One part of a name; *at is left behind it. */
static const char *
split_part(const char **at, struct fl_arena *arena)
{
	const char *from = *at;
	char *part, *to;

	if (*from != '"') {
		*at = from + strcspn(from, ".\"");
		return fl_arena_strndup(arena, from, (size_t)(*at - from));
	}
	part = to = fl_arena_strdup(arena, from);
	for (from++; *from != '\0'; from++) {
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from;
	}
	*to = '\0';
	*at = from;
	return part;
}

enum fl_code
fl_pg_split_name(const char *text, struct fl_arena *arena, const char **schema, const char **table,
    struct fl_err *err)
{
	const char *at = text, *first = split_part(&at, arena), *second = NULL;

	if (*at == '.') {
		at++;
		second = split_part(&at, arena);
	}
	if (*at != '\0' || first[0] == '\0' || (second != NULL && second[0] == '\0'))
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "'table-name' = '%.120s', expected 'table' or 'schema.table'", text);
	*schema = second != NULL ? first : NULL;
	*table = second != NULL ? second : first;
	return FL_OK;
}

static void
put_lower_text(struct fl_buf *out, const char *text)
{
	fl_buf_str(out, "lower(");
	fl_pg_quote_text(out, text);
	fl_buf_byte(out, ')');
}

/* The name as written, else in small letters: Flink's driver does not quote it. */
static void
put_either(struct fl_buf *out, const char *column, const char *text)
{
	fl_buf_printf(out, "%s IN (", column);
	fl_pg_quote_text(out, text);
	fl_buf_str(out, ", ");
	put_lower_text(out, text);
	fl_buf_byte(out, ')');
}

static void
sql_find_table(struct fl_buf *out, const char *schema, const char *table)
{
	fl_buf_str(out, "SELECT c.oid, quote_ident(n.nspname), quote_ident(c.relname) "
	    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	    "WHERE c.relkind IN ('r', 'p', 'v', 'f') AND ");
	put_either(out, "c.relname", table);
	if (schema != NULL) {
		fl_buf_str(out, " AND ");
		put_either(out, "n.nspname", schema);
	} else {
		fl_buf_str(out, " AND pg_catalog.pg_table_is_visible(c.oid)");
	}
	fl_buf_str(out, " ORDER BY c.relname = ");
	fl_pg_quote_text(out, table);
	fl_buf_str(out, " DESC");
	if (schema != NULL) {
		fl_buf_str(out, ", n.nspname = ");
		fl_pg_quote_text(out, schema);
		fl_buf_str(out, " DESC");
	}
	fl_buf_str(out, " LIMIT 1");
}

/* The row of the column of that name, else of that name in small letters; -1. */
static int
find_column(const PGresult *columns, const char *name)
{
	int row, found = -1;

	for (row = 0; row < PQntuples(columns); row++) {
		const char *text = PQgetvalue(columns, row, 0);

		if (strcmp(text, name) == 0)
			return row;
		if (strcasecmp(text, name) == 0 && text[strcspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0')
			found = row;
	}
	return found;
}

static enum fl_code
fail_columns(struct fl_pg *pg, const char *table, const PGresult *columns, const char *missing,
    struct fl_err *err)
{
	char list[201] = "";
	int row, n = 0;

	for (row = 0; row < PQntuples(columns) && n < (int)sizeof(list) - 1; row++)
		n += snprintf(list + n, sizeof(list) - (size_t)n, "%s%s", row > 0 ? ", " : "",
		    PQgetvalue(columns, row, 0));
	return FL_FAIL(err, FL_E_TABLE_MISSING, "table \"%s\" at %s: %s has no column \"%s\"; it has %s",
	    pg->table->name, pg->table->jdbc->where, table, missing, list);
}

enum fl_code
fl_pg_find_table(
    struct fl_pg *pg, struct fl_arena *arena, struct fl_pg_found *found, struct fl_err *err)
{
	const char *schema, *name;
	PGresult *res = NULL;
	struct fl_buf sql;
	enum fl_code code;

	found->oid = NULL;
	FL_TRY(fl_pg_split_name(pg->table->jdbc->table_name, arena, &schema, &name, err));
	fl_buf_init(&sql);
	sql_find_table(&sql, schema, name);
	code = fl_pg_run(pg, sql.data, &res, err);
	fl_buf_fini(&sql);
	if (code == FL_OK && PQntuples(res) == 1) {
		found->oid = fl_arena_strdup(arena, PQgetvalue(res, 0, 0));
		found->schema = fl_arena_strdup(arena, PQgetvalue(res, 0, 1));
		found->table = fl_arena_printf(arena, "%s.%s", found->schema, PQgetvalue(res, 0, 2));
	}
	PQclear(res);
	return code;
}

enum fl_code
fl_pg_find_columns(struct fl_pg *pg, struct fl_arena *arena, const struct fl_pg_found *found,
    const char **names, const char **attnums, struct fl_err *err)
{
	const struct fl_schema *schema = &pg->table->physical;
	PGresult *res = NULL;
	struct fl_buf sql;
	enum fl_code code;
	uint32_t i;

	fl_buf_init(&sql);
	fl_buf_printf(&sql, "SELECT attname, quote_ident(attname), attnum FROM pg_catalog.pg_attribute "
	    "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum", found->oid);
	code = fl_pg_run(pg, sql.data, &res, err);
	fl_buf_fini(&sql);
	for (i = 0; code == FL_OK && i < schema->count; i++) {
		int row = find_column(res, schema->fields[i].name);

		if (row < 0) {
			code = fail_columns(pg, found->table, res, schema->fields[i].name, err);
			break;
		}
		names[i] = fl_arena_strdup(arena, PQgetvalue(res, row, 1));
		attnums[i] = fl_arena_strdup(arena, PQgetvalue(res, row, 2));
	}
	PQclear(res);
	return code;
}
