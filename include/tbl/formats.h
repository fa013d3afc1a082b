/*
 * formats.h - the formats of Kafka messages, keys and values, and of files.
 *
 * FL_FORMAT(name, code, text, prefix, letter, lines)
 *	name	FL_FORMAT_<name>
 *	code	number in plans; never reused
 *	text	'format' = 'text'
 *	prefix	fl_<prefix>_decoder_new() and fl_<prefix>_encoder_new() in lib/codec
 *	letter	stands for it in tbl/options.h
 *	lines	1: a value is one line of text, so files can hold it
 *
 * A new format is one row here and those two functions.  clang-format off
 */
FL_FORMAT(AVRO, 1, "avro", avro, 'A', 0)
FL_FORMAT(JSON, 2, "json", json, 'J', 1)
FL_FORMAT(CSV,  3, "csv",  csv,  'C', 1)
FL_FORMAT(RAW,  4, "raw",  raw,  'R', 0)
