/*
 * jdbc_properties.h - what may stand behind the '?' of a jdbc:postgresql: url.
 *
 * FL_JDBC_PROPERTY(name, to, action, choices)
 *	name	as pgjdbc has it
 *	to	libpq's parameter
 *	action	PASS; PATH (a file, from the .sql file's directory); ENUM (one of choices);
 *		TARGET; SSL; SCHEMA; NONE (accepted with a notice)
 *	choices	ENUM, TARGET: "a|b|c"
 *
 * clang-format off
 */
FL_JDBC_PROPERTY("user",             "user",                 PASS,    NULL)
FL_JDBC_PROPERTY("password",         "password",             PASS,    NULL)
FL_JDBC_PROPERTY("ssl",              NULL,                   SSL,     "false|true")
FL_JDBC_PROPERTY("sslmode",          "sslmode",              ENUM,    "disable|allow|prefer|require|verify-ca|verify-full")
FL_JDBC_PROPERTY("sslrootcert",      "sslrootcert",          PATH,    NULL)
FL_JDBC_PROPERTY("sslcert",          "sslcert",              PATH,    NULL)
FL_JDBC_PROPERTY("sslkey",           "sslkey",               PATH,    NULL)
FL_JDBC_PROPERTY("sslpassword",      "sslpassword",          PASS,    NULL)
FL_JDBC_PROPERTY("channelBinding",   "channel_binding",      ENUM,    "disable|prefer|require")
FL_JDBC_PROPERTY("gssEncMode",       "gssencmode",           ENUM,    "disable|prefer|require")
FL_JDBC_PROPERTY("targetServerType", "target_session_attrs", TARGET,  "any|primary|master")
FL_JDBC_PROPERTY("currentSchema",    NULL,                   SCHEMA,  NULL)
FL_JDBC_PROPERTY("ApplicationName",          NULL, NONE, NULL)
FL_JDBC_PROPERTY("adaptiveFetch",            NULL, NONE, NULL)
FL_JDBC_PROPERTY("binaryTransfer",           NULL, NONE, NULL)
FL_JDBC_PROPERTY("connectTimeout",           NULL, NONE, NULL)
FL_JDBC_PROPERTY("defaultRowFetchSize",      NULL, NONE, NULL)
FL_JDBC_PROPERTY("loginTimeout",             NULL, NONE, NULL)
FL_JDBC_PROPERTY("preparedStatementCacheQueries", NULL, NONE, NULL)
FL_JDBC_PROPERTY("preparedStatementCacheSizeMiB", NULL, NONE, NULL)
FL_JDBC_PROPERTY("prepareThreshold",         NULL, NONE, NULL)
FL_JDBC_PROPERTY("reWriteBatchedInserts",    NULL, NONE, NULL)
FL_JDBC_PROPERTY("socketTimeout",            NULL, NONE, NULL)
FL_JDBC_PROPERTY("stringtype",               NULL, NONE, NULL)
FL_JDBC_PROPERTY("tcpKeepAlive",             NULL, NONE, NULL)
