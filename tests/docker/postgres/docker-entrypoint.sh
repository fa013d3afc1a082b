#!/bin/sh
# docker-entrypoint.sh - makes the cluster once, with the .sql files of the usual folder; then the server.
set -eu
if [ ! -e "$PGDATA/made" ]; then
	find "$PGDATA" -mindepth 1 -delete # of a start that was killed
	printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
	initdb -U postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password -E UTF8 --locale=C.UTF-8
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	pg_ctl -w -o "-c listen_addresses=''" start
	for sql in /docker-entrypoint-initdb.d/*.sql; do
		psql -v ON_ERROR_STOP=1 -U postgres -f "$sql"
	done
	pg_ctl -w stop
	: >"$PGDATA/made"
fi
exec "$@" -c listen_addresses='*'
