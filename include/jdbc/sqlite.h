/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.h - a SQLite file to begin with.
 */
#ifndef FL_JDBC_SQLITE_H
#define FL_JDBC_SQLITE_H

#include "base/err.h"

/* Makes the file if it is absent and runs the statements.  Errors: DATABASE. */
enum fl_code fl_sqlite_make(const char *path, const char *statements, struct fl_err *err);

#endif
