/*
 * functions.h - operators and functions of the language.
 *
 * FL_FUNCTION(name, min, max, rule, kernel, flags, help)
 *	name	upper case; operators by their sign
 *	min,max	arguments; FL_ARGS_ANY: no limit
 *	rule	decides types; kernel computes (lib/expr)
 *	flags	STRICT: NULL in, NULL out; TOTAL: harmless on garbage;
 *		CLOCK: reads the step's clock; INFIX: printed between its arguments;
 *		ARRAYS: takes an ARRAY
 *	help	"usage|one sentence": docs/sql-functions.md
 * FL_EXPAND(name, min, max, expand, help)
 *	becomes a tree of others when it is bound
 * clang-format off
 */
#define FL_ARGS_ANY 255
#define S_ FL_FUNCTION_STRICT
#define T_ FL_FUNCTION_TOTAL
#define C_ FL_FUNCTION_CLOCK
#define I_ FL_FUNCTION_INFIX
#define A_ FL_FUNCTION_ARRAYS
/* Logic */
FL_EXPAND("AND", 2, FL_ARGS_ANY, fl_expand_and, "a AND b|Three-valued and; b is not evaluated where a is FALSE.")
FL_EXPAND("OR", 2, FL_ARGS_ANY, fl_expand_or, "a OR b|Three-valued or; b is not evaluated where a is TRUE.")
FL_FUNCTION("NOT", 1, 1, fl_rule_boolean, fl_kernel_not, S_|T_, "NOT a|TRUE becomes FALSE and the other way round; NULL stays NULL.")
FL_FUNCTION("IS TRUE", 1, 1, fl_rule_is, fl_kernel_is_true, 0, "a IS TRUE|Never NULL.")
FL_FUNCTION("IS NOT TRUE", 1, 1, fl_rule_is, fl_kernel_is_not_true, 0, "a IS NOT TRUE|Never NULL.")
FL_FUNCTION("IS FALSE", 1, 1, fl_rule_is, fl_kernel_is_false, 0, "a IS FALSE|Never NULL.")
FL_FUNCTION("IS NOT FALSE", 1, 1, fl_rule_is, fl_kernel_is_not_false, 0, "a IS NOT FALSE|Never NULL.")
FL_FUNCTION("IS UNKNOWN", 1, 1, fl_rule_is, fl_kernel_is_null, 0, "a IS UNKNOWN|TRUE if the BOOLEAN a is NULL.")
FL_FUNCTION("IS NOT UNKNOWN", 1, 1, fl_rule_is, fl_kernel_is_not_null, 0, "a IS NOT UNKNOWN|TRUE if the BOOLEAN a is not NULL.")
FL_FUNCTION("IS NULL", 1, 1, fl_rule_is_null, fl_kernel_is_null, A_, "a IS NULL|TRUE if a is NULL.")
FL_FUNCTION("IS NOT NULL", 1, 1, fl_rule_is_null, fl_kernel_is_not_null, A_, "a IS NOT NULL|TRUE if a is not NULL.")
/* Comparison */
FL_FUNCTION("=", 2, 2, fl_rule_compare, fl_kernel_eq, S_|T_|I_, "a = b|Strings compare by bytes; no conversion between strings and numbers.")
FL_FUNCTION("<>", 2, 2, fl_rule_compare, fl_kernel_ne, S_|T_|I_, "a <> b|Not equal; != is a syntax error, as on Flink.")
FL_FUNCTION("<", 2, 2, fl_rule_compare, fl_kernel_lt, S_|T_|I_, "a < b|Less than.")
FL_FUNCTION("<=", 2, 2, fl_rule_compare, fl_kernel_le, S_|T_|I_, "a <= b|Less than or equal.")
FL_FUNCTION(">", 2, 2, fl_rule_compare, fl_kernel_gt, S_|T_|I_, "a > b|Greater than.")
FL_FUNCTION(">=", 2, 2, fl_rule_compare, fl_kernel_ge, S_|T_|I_, "a >= b|Greater than or equal.")
FL_FUNCTION("IS DISTINCT FROM", 2, 2, fl_rule_distinct, fl_kernel_distinct, I_, "a IS DISTINCT FROM b|Not equal, where NULL equals NULL; never NULL.")
FL_FUNCTION("IS NOT DISTINCT FROM", 2, 2, fl_rule_distinct, fl_kernel_not_distinct, I_, "a IS NOT DISTINCT FROM b|Equal, where NULL equals NULL; never NULL.")
FL_FUNCTION("GREATEST", 1, FL_ARGS_ANY, fl_rule_greatest, fl_kernel_greatest, S_, "GREATEST(a, ...)|The largest; NULL if any is NULL.")
FL_FUNCTION("LEAST", 1, FL_ARGS_ANY, fl_rule_greatest, fl_kernel_least, S_, "LEAST(a, ...)|The smallest; NULL if any is NULL.")
/* Choice */
FL_EXPAND("CASE", 3, FL_ARGS_ANY, fl_expand_case, "CASE WHEN c THEN a ... [ELSE b] END|The first branch whose condition is TRUE; other branches are not evaluated.")
FL_EXPAND("COALESCE", 1, FL_ARGS_ANY, fl_expand_coalesce, "COALESCE(a, ...)|The first that is not NULL; later ones are not evaluated.")
FL_EXPAND("NULLIF", 2, 2, fl_expand_nullif, "NULLIF(a, b)|NULL if a = b, else a.")
FL_EXPAND("IF", 3, 3, fl_expand_if, "IF(condition, a, b)|a where condition is TRUE, else b.")
FL_EXPAND("IFNULL", 2, 2, fl_expand_coalesce, "IFNULL(a, b)|b where a is NULL.")
/* Arithmetic */
FL_FUNCTION("+", 2, 2, fl_rule_plus, fl_kernel_plus, S_|I_, "a + b|Integers wrap; DECIMAL beyond 38 digits is NULL; timestamp + interval.")
FL_FUNCTION("-", 1, 2, fl_rule_plus, fl_kernel_minus, S_|I_, "a - b, -a|As +.")
FL_FUNCTION("*", 2, 2, fl_rule_times, fl_kernel_times, S_|I_, "a * b|Integers wrap; DECIMAL(p1+p2+1, s1+s2).")
FL_FUNCTION("/", 2, 2, fl_rule_divide, fl_kernel_divide, S_|I_, "a / b|Integers truncate toward zero; by zero the row is a dead letter, for DOUBLE infinite.")
FL_FUNCTION("%", 2, 2, fl_rule_mod, fl_kernel_mod, S_|I_, "a % b|As MOD.")
FL_FUNCTION("MOD", 2, 2, fl_rule_mod, fl_kernel_mod, S_, "MOD(a, b)|Remainder with the sign of a, in the type of b; by zero the row is a dead letter.")
FL_FUNCTION("ABS", 1, 1, fl_rule_same_number, fl_kernel_abs, S_, "ABS(a)|Absolute value.")
FL_FUNCTION("SIGN", 1, 1, fl_rule_same_number, fl_kernel_sign, S_, "SIGN(a)|-1, 0 or 1 in the type of a.")
FL_FUNCTION("CEIL", 1, 1, fl_rule_floor, fl_kernel_ceil, S_, "CEIL(a)|Up to a whole number; DECIMAL gets scale 0.")
FL_FUNCTION("CEILING", 1, 1, fl_rule_floor, fl_kernel_ceil, S_, "CEILING(a)|As CEIL.")
FL_FUNCTION("FLOOR", 1, 1, fl_rule_floor, fl_kernel_floor, S_, "FLOOR(a)|Down to a whole number; DECIMAL gets scale 0.")
FL_FUNCTION("ROUND", 1, 2, fl_rule_round, fl_kernel_round, S_, "ROUND(a [, digits])|HALF_UP to digits after the point (default 0).")
FL_FUNCTION("SQRT", 1, 1, fl_rule_double, fl_kernel_sqrt, S_, "SQRT(a)|DOUBLE; NaN below zero.")
FL_FUNCTION("POWER", 2, 2, fl_rule_double, fl_kernel_power, S_, "POWER(a, b)|DOUBLE.")
FL_FUNCTION("EXP", 1, 1, fl_rule_double, fl_kernel_exp, S_, "EXP(a)|DOUBLE.")
FL_FUNCTION("LN", 1, 1, fl_rule_double, fl_kernel_log, S_, "LN(a)|DOUBLE; -Infinity of 0, NaN below.")
FL_FUNCTION("LOG", 1, 2, fl_rule_double, fl_kernel_log, S_, "LOG([base,] a)|As LN, or to the base.")
FL_FUNCTION("LOG2", 1, 1, fl_rule_double, fl_kernel_log2, S_, "LOG2(a)|LOG(2, a).")
FL_FUNCTION("LOG10", 1, 1, fl_rule_double, fl_kernel_log10, S_, "LOG10(a)|DOUBLE.")
/* Strings */
FL_FUNCTION("||", 2, 2, fl_rule_concat, fl_kernel_concat, S_|I_, "a || b|Joined strings; NULL if one is NULL.")
FL_FUNCTION("CONCAT", 1, FL_ARGS_ANY, fl_rule_concat, fl_kernel_concat, S_, "CONCAT(a, ...)|Joined strings; NULL if one is NULL.")
FL_FUNCTION("UPPER", 1, 1, fl_rule_case, fl_kernel_upper, S_, "UPPER(s)|Upper case, letter by letter; ß becomes SS.")
FL_FUNCTION("LOWER", 1, 1, fl_rule_case, fl_kernel_lower, S_, "LOWER(s)|Lower case, letter by letter.")
FL_FUNCTION("TRIM", 1, 2, fl_rule_string, fl_kernel_trim, S_, "TRIM([BOTH] [c FROM] s)|Without blanks, or the characters of c, at both ends.")
FL_FUNCTION("BTRIM", 1, 2, fl_rule_string, fl_kernel_trim, S_, "BTRIM(s [, c])|As TRIM(BOTH c FROM s).")
FL_FUNCTION("LTRIM", 1, 2, fl_rule_string, fl_kernel_ltrim, S_, "LTRIM(s [, c])|As TRIM(LEADING c FROM s).")
FL_FUNCTION("RTRIM", 1, 2, fl_rule_string, fl_kernel_rtrim, S_, "RTRIM(s [, c])|As TRIM(TRAILING c FROM s).")
FL_FUNCTION("REPLACE", 3, 3, fl_rule_string, fl_kernel_replace, S_, "REPLACE(s, a, b)|Every a in s replaced by b.")
FL_FUNCTION("SUBSTRING", 2, 3, fl_rule_substring, fl_kernel_substring, S_, "SUBSTRING(s, from [, count])|Characters from position from (1 is the first, -1 the last).")
FL_FUNCTION("SUBSTR", 2, 3, fl_rule_substring, fl_kernel_substring, S_, "SUBSTR(s, from [, count])|As SUBSTRING.")
FL_FUNCTION("CHAR_LENGTH", 1, 1, fl_rule_length, fl_kernel_char_length, S_, "CHAR_LENGTH(s)|Characters, not bytes.")
FL_FUNCTION("CHARACTER_LENGTH", 1, 1, fl_rule_length, fl_kernel_char_length, S_, "CHARACTER_LENGTH(s)|As CHAR_LENGTH.")
FL_FUNCTION("POSITION", 2, 2, fl_rule_length, fl_kernel_position, S_, "POSITION(a IN s)|Where a begins in s, from 1; 0 if nowhere.")
FL_FUNCTION("LIKE", 2, 3, fl_rule_like, fl_kernel_like, S_|I_, "s LIKE pattern [ESCAPE 'c']|% is any text, _ one character; case-sensitive. Without ESCAPE a backslash escapes, but not in a literal pattern without _, as on Flink.")
FL_FUNCTION("LEFT", 2, 2, fl_rule_string_int, fl_kernel_left, S_, "LEFT(s, n)|The first n characters; none below 1.")
FL_FUNCTION("RIGHT", 2, 2, fl_rule_string_int, fl_kernel_right, S_, "RIGHT(s, n)|The last n characters; none below 1.")
FL_FUNCTION("SPLIT_INDEX", 3, 3, fl_rule_split_index, fl_kernel_split_index, S_, "SPLIT_INDEX(s, separator, index)|Part number index (from 0) of s; NULL if there is none, of an empty s too. The separator is a text, or a number: the character with that code (1 to 255). An empty one is any white character.")
FL_FUNCTION("CONCAT_WS", 2, FL_ARGS_ANY, fl_rule_concat_ws, fl_kernel_concat_ws, 0, "CONCAT_WS(separator, a, ...)|Joined with the separator between, without those that are NULL; NULL if the separator is.")
FL_FUNCTION("LPAD", 3, 3, fl_rule_pad, fl_kernel_lpad, S_, "LPAD(s, n, pad)|s filled up on the left to n characters, or cut to n; NULL if n is negative or pad empty. A character beyond the basic plane counts two.")
FL_FUNCTION("RPAD", 3, 3, fl_rule_pad, fl_kernel_rpad, S_, "RPAD(s, n, pad)|As LPAD, on the right.")
FL_FUNCTION("REPEAT", 2, 2, fl_rule_string_int, fl_kernel_repeat, S_, "REPEAT(s, n)|s n times; empty below 1.")
FL_FUNCTION("REVERSE", 1, 1, fl_rule_string, fl_kernel_reverse, S_, "REVERSE(s)|The characters from the last to the first.")
FL_FUNCTION("INITCAP", 1, 1, fl_rule_string, fl_kernel_initcap, S_, "INITCAP(s)|Each word with a capital and small letters; words are of ASCII letters and digits.")
FL_FUNCTION("INSTR", 2, 2, fl_rule_locate, fl_kernel_instr, S_, "INSTR(s, a)|Where a begins in s, from 1; 0 if nowhere; 1 if a is empty.")
FL_FUNCTION("LOCATE", 2, 3, fl_rule_locate, fl_kernel_locate, S_, "LOCATE(a, s [, from])|As INSTR, looking from character from on (below 1: from the first).")
FL_FUNCTION("ASCII", 1, 1, fl_rule_length, fl_kernel_ascii, S_, "ASCII(s)|The first byte of s, -128 to 127; 0 if s is empty.")
FL_FUNCTION("CHR", 1, 1, fl_rule_chr, fl_kernel_chr, S_, "CHR(n)|The character with the code n modulo 256; empty if n is negative.")
FL_FUNCTION("HEX", 1, 1, fl_rule_hex, fl_kernel_hex, S_, "HEX(s or n)|Hexadecimal digits of the bytes of a text, or of a number as an unsigned BIGINT.")
FL_FUNCTION("JSON_VALUE", 7, 7, fl_rule_json_value, fl_kernel_json_value, 0, "JSON_VALUE(s, path [RETURNING type] [NULL, ERROR or DEFAULT x ON EMPTY] [NULL, ERROR or DEFAULT x ON ERROR])|The scalar that the path ($.a.b[0], $['a b']) leads to, as STRING, BOOLEAN, INT or DOUBLE. Where there is none, or null, or no JSON: ON EMPTY counts if the path begins with lax, else ON ERROR, as on Flink.")
FL_FUNCTION("JSON_EXISTS", 3, 3, fl_rule_json_exists, fl_kernel_json_exists, 0, "JSON_EXISTS(s, path [TRUE, FALSE, UNKNOWN or ERROR ON ERROR])|TRUE if the path leads to a value that is not null; else FALSE or, unless the path begins with lax, what ON ERROR says.")
/* Time */
FL_FUNCTION("TO_TIMESTAMP_LTZ", 2, 2, fl_rule_to_ltz, fl_kernel_to_ltz, S_, "TO_TIMESTAMP_LTZ(n, 0 or 3)|The instant n seconds (0) or milliseconds (3) after 1970.")
FL_FUNCTION("TO_TIMESTAMP", 1, 2, fl_rule_to_timestamp, fl_kernel_to_timestamp, S_, "TO_TIMESTAMP(s [, pattern])|TIMESTAMP(3) read by the pattern, default yyyy-MM-dd HH:mm:ss; NULL if it does not fit.")
FL_FUNCTION("UNIX_TIMESTAMP", 0, 2, fl_rule_unix_timestamp, fl_kernel_unix_timestamp, S_|C_, "UNIX_TIMESTAMP([s [, pattern]])|Seconds since 1970 of a text, by the zone in it (Z: +0100, UTC or GMT+01:00; X, XX, XXX: Z or +01, +0100, +01:00), else in the session zone; without a text, of the step's clock. The smallest BIGINT if it does not fit.")
FL_FUNCTION("FROM_UNIXTIME", 1, 2, fl_rule_from_unixtime, fl_kernel_from_unixtime, S_, "FROM_UNIXTIME(seconds [, pattern])|Text in the session zone.")
FL_FUNCTION("DATE_FORMAT", 2, 2, fl_rule_date_format, fl_kernel_date_format, S_, "DATE_FORMAT(timestamp, pattern)|Text by the pattern: yyyy MM dd HH mm ss SSS.")
FL_FUNCTION("EXTRACT", 2, 2, fl_rule_extract, fl_kernel_extract, S_, "EXTRACT(unit FROM time)|BIGINT; YEAR QUARTER MONTH WEEK DAY DOY DOW HOUR MINUTE SECOND MILLISECOND (of the second) EPOCH; DOW counts Sunday as 1. Of a TIMESTAMP_LTZ in the session zone, EPOCH too, as on Flink.")
FL_EXPAND("YEAR", 1, 1, fl_expand_extract, "YEAR(time)|As EXTRACT(YEAR FROM time).")
FL_EXPAND("QUARTER", 1, 1, fl_expand_extract, "QUARTER(time)|As EXTRACT(QUARTER FROM time).")
FL_EXPAND("MONTH", 1, 1, fl_expand_extract, "MONTH(time)|As EXTRACT(MONTH FROM time).")
FL_EXPAND("WEEK", 1, 1, fl_expand_extract, "WEEK(time)|As EXTRACT(WEEK FROM time).")
FL_EXPAND("DAYOFYEAR", 1, 1, fl_expand_extract, "DAYOFYEAR(time)|As EXTRACT(DOY FROM time).")
FL_EXPAND("DAYOFMONTH", 1, 1, fl_expand_extract, "DAYOFMONTH(time)|As EXTRACT(DAY FROM time).")
FL_EXPAND("DAYOFWEEK", 1, 1, fl_expand_extract, "DAYOFWEEK(time)|As EXTRACT(DOW FROM time).")
FL_EXPAND("HOUR", 1, 1, fl_expand_extract, "HOUR(time)|As EXTRACT(HOUR FROM time).")
FL_EXPAND("MINUTE", 1, 1, fl_expand_extract, "MINUTE(time)|As EXTRACT(MINUTE FROM time).")
FL_EXPAND("SECOND", 1, 1, fl_expand_extract, "SECOND(time)|As EXTRACT(SECOND FROM time).")
FL_FUNCTION("TIMESTAMPDIFF", 3, 3, fl_rule_timestampdiff, fl_kernel_timestampdiff, S_, "TIMESTAMPDIFF(unit, a, b)|Whole units from a to b, INT; SECOND MINUTE HOUR DAY WEEK, and of DATE and TIMESTAMP MONTH QUARTER YEAR.")
FL_FUNCTION("TIMESTAMPADD", 3, 3, fl_rule_timestampadd, fl_kernel_timestampadd, S_, "TIMESTAMPADD(unit, n, time)|The DATE or TIMESTAMP n units later; SECOND MINUTE HOUR (not of a DATE) DAY WEEK MONTH QUARTER YEAR; a day that its month has not becomes the last one.")
FL_FUNCTION("PROCTIME", 0, 0, fl_rule_now_ltz, fl_kernel_now, C_, "PROCTIME()|Processing time: the step's clock.")
FL_FUNCTION("CURRENT_TIMESTAMP", 0, 0, fl_rule_now_ltz, fl_kernel_now, C_, "CURRENT_TIMESTAMP|The step's clock.")
FL_FUNCTION("NOW", 0, 0, fl_rule_now_ltz, fl_kernel_now, C_, "NOW()|The step's clock.")
FL_FUNCTION("CURRENT_ROW_TIMESTAMP", 0, 0, fl_rule_now_ltz, fl_kernel_now, C_, "CURRENT_ROW_TIMESTAMP()|The step's clock.")
FL_FUNCTION("LOCALTIMESTAMP", 0, 0, fl_rule_now_local, fl_kernel_now, C_, "LOCALTIMESTAMP|The step's clock in the session zone.")
FL_FUNCTION("CURRENT_DATE", 0, 0, fl_rule_now_date, fl_kernel_now, C_, "CURRENT_DATE|The date of the step's clock in the session zone.")
FL_FUNCTION("CURRENT_WATERMARK", 1, 1, fl_rule_watermark, fl_kernel_watermark, C_, "CURRENT_WATERMARK(rowtime)|The watermark made by earlier rows; NULL before the first.")
/* Arrays */
FL_FUNCTION("[]", 2, 2, fl_rule_element, fl_kernel_element, S_|A_, "a[i]|Element i of the ARRAY a, from 1; NULL if there is none.")
FL_FUNCTION("CARDINALITY", 1, 1, fl_rule_cardinality, fl_kernel_cardinality, S_|A_, "CARDINALITY(a)|How many elements the ARRAY a has, NULLs too.")
#undef S_
#undef T_
#undef C_
#undef I_
#undef A_
