/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - a SQLite file to begin with. */
#include "jdbc/sqlite.h"

#include <sqlite3.h>
#include <stddef.h>

enum fl_code
fl_sqlite_make(const char *path, const char *statements, struct fl_err *err)
{
	enum fl_code code = FL_OK;
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, statements, NULL, NULL, NULL) != SQLITE_OK)
		code = FL_FAIL(err, FL_E_DATABASE, "could not make the SQLite file \"%s\": %s", path,
		    sqlite3_errmsg(db));
	sqlite3_close(db);
	return code;
}
