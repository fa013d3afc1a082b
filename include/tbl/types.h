/*
 * types.h - SQL types and their codes in blocks.
 *
 * FL_TYPE(name, code, width, text)
 *	code	number in files; never reused
 *	width	bytes of a value in its array; 0: variable (offsets + bytes)
 *	text	SQL name
 *
 * Codes 1 to 39 are reserved for all types of the language (docs/formats.md):
 * TIME 14, TIMESTAMP(p>3) 17, TIMESTAMP_LTZ(p>3) 18, MAP 21, ROW 22.
 * clang-format off
 */
FL_TYPE(BOOLEAN,       1,  1, "BOOLEAN")
FL_TYPE(TINYINT,       2,  1, "TINYINT")
FL_TYPE(SMALLINT,      3,  2, "SMALLINT")
FL_TYPE(INT,           4,  4, "INT")
FL_TYPE(BIGINT,        5,  8, "BIGINT")
FL_TYPE(FLOAT,         6,  4, "FLOAT")
FL_TYPE(DOUBLE,        7,  8, "DOUBLE")
FL_TYPE(DECIMAL,       8, 16, "DECIMAL")
FL_TYPE(CHAR,          9,  0, "CHAR")
FL_TYPE(VARCHAR,      10,  0, "VARCHAR")
FL_TYPE(BINARY,       11,  0, "BINARY")
FL_TYPE(VARBINARY,    12,  0, "VARBINARY")
FL_TYPE(DATE,         13,  4, "DATE")
FL_TYPE(TIMESTAMP,    15,  8, "TIMESTAMP")
FL_TYPE(TIMESTAMP_LTZ,16,  8, "TIMESTAMP_LTZ")
FL_TYPE(ARRAY,        20,  0, "ARRAY")
FL_TYPE(INTERVAL,     30,  8, "INTERVAL SECOND")
FL_TYPE(NULL,         31,  1, "NULL")
