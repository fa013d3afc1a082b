/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_file.c - the records of a file, or of the files of a directory; bounded.
 *
 * Partition = the file's index in sorted order, offset = the record's number from 0; what
 * a record is: split.h.  A file that is called *.json may hold one JSON array.  The
 * list is made once per start; a file that is not where it was, or has become
 * shorter than what was read of it, stops its partition: records must not be taken
 * twice or missed.  Names that begin with '.' or '_' are left out, as in Flink, and in a
 * directory what is no regular file; a pipe or a device has no end and cannot be read again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "split.h"

#define READ_SIZE (1u << 20)
#define FILES_MAX 2500
#define POLL_READS_MAX 16 /* a record that is longer does not keep the program from ending */

struct file {
	char *path;
	int fd;
	int64_t line;	     /* number of the next record */
	struct split split;
	struct fl_buf text;  /* bytes read and not yet handed out */
	size_t at;	     /* of the next record in text */
	size_t dropped;	     /* bytes after those SOURCE_VALUE_MAX of a record that are kept */
	bool at_eof, is_done, said_end;
	bool known, out;
	int64_t position;    /* of the store */
	char stored_name[FL_TOPIC_SIZE];
};

struct source {
	const struct fl_table *table;
	struct file *files;
	uint32_t file_count;
	uint32_t event_at;	 /* next file to announce */
	bool said_complete;
	int32_t *reading;
	struct source_record *records;
	uint32_t record_max;
	bool run_out;	/* a run is with the stream: its file has not ended yet */
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
set_split(const struct fl_table *table, struct file *file)
{
	size_t size = strlen(file->path);

	if (table->format == FL_FORMAT_CSV)
		file->split = (struct split){ .kind = SPLIT_CSV, .delimiter = table->csv.delimiter,
			.quote = table->csv.quote, .escape = table->csv.escape,
			.has_comments = table->csv.allow_comments };
	else if (table->format == FL_FORMAT_JSON && size > 5 && strcmp(file->path + size - 5, ".json") == 0)
		file->split.kind = SPLIT_JSON;
}

static void
add_file(struct source *source, const char *dir, const char *name)
{
	struct file *file;
	size_t size = strlen(dir) + strlen(name) + 2;

	source->files = fl_realloc(source->files, (source->file_count + 1) * sizeof *source->files);
	file = &source->files[source->file_count++];
	memset(file, 0, sizeof *file);
	file->fd = -1;
	fl_buf_init(&file->text);
	file->path = fl_malloc(size);
	(void)snprintf(file->path, size, "%s%s%s", dir, name[0] != '\0' ? "/" : "", name);
	set_split(source->table, file);
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static bool
is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static enum fl_code
check_regular(const char *path, mode_t mode, struct fl_err *err)
{
	if (S_ISREG(mode))
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_CONFIG, "path \"%s\" is %s: expected a regular file or a directory of them",
	    path, S_ISFIFO(mode) ? "a named pipe" : S_ISCHR(mode) ? "a character device" :
	    S_ISBLK(mode) ? "a block device" : S_ISSOCK(mode) ? "a socket" : "no file");
}

static enum fl_code
list_files(struct source *source, const char *path, struct fl_err *err)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0)
		return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, errno, "path \"%s\": %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		FL_TRY(check_regular(path, st.st_mode, err));
		add_file(source, path, "");
		return FL_OK;
	}
	dir = opendir(path);
	if (dir == NULL)
		return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, errno, "path \"%s\": %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL && source->file_count <= FILES_MAX) {
		if (entry->d_name[0] == '.' || entry->d_name[0] == '_')
			continue;
		add_file(source, path, entry->d_name);
		if (!is_regular(source->files[source->file_count - 1].path))
			free(source->files[--source->file_count].path);
	}
	(void)closedir(dir);
	if (source->file_count > FILES_MAX)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "path \"%s\": more than %d files", path, FILES_MAX);
	if (source->file_count > 0)
		qsort(source->files, source->file_count, sizeof *source->files, compare_files);
	return FL_OK;
}

static void
file_close(struct source **out)
{
	struct source *source = *out;

	*out = NULL;
	for (uint32_t i = 0; i < source->file_count; i++) {
		if (source->files[i].fd >= 0)
			(void)close(source->files[i].fd);
		free(source->files[i].path);
		fl_buf_fini(&source->files[i].text);
	}
	free(source->files);
	free(source->reading);
	free(source->records);
	free(source);
}

static enum fl_code
file_open(const struct source_options *options, struct source **out, struct fl_err *err)
{
	struct source *source = fl_calloc(1, sizeof *source);

	source->table = options->table;
	if (list_files(source, options->table->path, err) != FL_OK) {
		file_close(&source);
		return err->code;
	}
	for (uint32_t i = 0; i < options->known_count; i++) {
		const struct source_known *known = &options->known[i];
		struct file *file;

		if (known->partition < 0 || (uint32_t)known->partition >= source->file_count) {
			if (known->out)
				continue;
			(void)FL_FAIL(err, FL_E_TOPIC_CHANGED, "path \"%s\": file \"%s\" was being read and is gone",
			    options->table->path, known->topic);
			file_close(&source);
			return err->code;
		}
		file = &source->files[known->partition];
		file->known = true;
		file->out = known->out;
		file->position = known->position;
		(void)snprintf(file->stored_name, sizeof file->stored_name, "%s", known->topic);
	}
	*out = source;
	return FL_OK;
}

static void
fill_event(const struct source *source, struct source_event *event, enum source_event_kind kind, uint32_t index)
{
	memset(event, 0, sizeof *event);
	event->kind = kind;
	event->partition = (int32_t)index;
	if (index < source->file_count)
		(void)snprintf(event->topic, sizeof event->topic, "%s", base_name(source->files[index].path));
}

static bool
file_next_event(struct source *source, struct source_event *event)
{
	while (source->event_at < source->file_count) {
		uint32_t index = source->event_at++;
		struct file *file = &source->files[index];

		if (!file->known) {
			fill_event(source, event, SOURCE_ADDED, index);
			event->a = 0;
			event->b = INT64_MAX;
			return true;
		}
		if (file->out)
			continue;
		fill_event(source, event, SOURCE_READY, index);
		event->a = file->position;
		if (strcmp(event->topic, file->stored_name) != 0) {
			event->kind = SOURCE_LOST;
			event->code = FL_E_TOPIC_CHANGED;
			(void)snprintf(event->text, sizeof event->text,
			    "file %u of the directory is now \"%.220s\", it was \"%.220s\"", index, event->topic,
			    file->stored_name);
		}
		return true;
	}
	if (!source->said_complete) {
		source->said_complete = true;
		fill_event(source, event, SOURCE_COMPLETE, 0);
		return true;
	}
	for (uint32_t i = 0; i < source->file_count && !source->run_out; i++) {
		struct file *file = &source->files[i];

		if (!file->is_done || file->said_end)
			continue;
		file->said_end = true;
		fill_event(source, event, SOURCE_END, i);
		if (file->line < file->position) {
			event->kind = SOURCE_LOST;
			event->code = FL_E_TOPIC_CHANGED;
			(void)snprintf(event->text, sizeof event->text,
			    "the file has %" PRId64 " records, %" PRId64 " were read before", file->line,
			    file->position);
		}
		return true;
	}
	return false;
}

static enum fl_code
file_assign(struct source *source, const struct source_start *set, uint32_t count, struct fl_err *err)
{
	(void)err;
	source->reading = fl_realloc(source->reading, (count + 1u) * sizeof *source->reading);
	for (uint32_t i = 0; i < count; i++)
		source->reading[i] = set[i].partition;
	return FL_OK;
}

/* It was a regular file when it was listed; what it is now must not block. */
static enum fl_code
open_file(struct file *file, struct fl_err *err)
{
	struct stat st;

	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &st) != 0)
		return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, errno, "file \"%s\": %s", file->path,
		    strerror(errno));
	return check_regular(file->path, st.st_mode, err);
}

static enum fl_code
read_more(struct file *file, struct fl_err *err)
{
	ssize_t got;

	if (file->fd < 0)
		FL_TRY(open_file(file, err));
	if (file->at > 0) {
		memmove(file->text.data, file->text.data + file->at, file->text.size - file->at);
		file->text.size -= file->at;
		file->at = 0;
	}
	if (file->text.size > SOURCE_VALUE_MAX) {
		file->dropped += file->text.size - SOURCE_VALUE_MAX;
		file->text.size = file->split.seen = SOURCE_VALUE_MAX;
	}
	fl_buf_reserve(&file->text, READ_SIZE);
	do
		got = read(file->fd, file->text.data + file->text.size, READ_SIZE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "file \"%s\": %s", file->path, strerror(errno));
	file->at_eof = got == 0;
	file->text.size += (size_t)got;
	return FL_OK;
}

/* The next record that is whole in text. */
static bool
next_record(struct file *file, const char **record, size_t *size)
{
	size_t used;
	bool found = split_next(&file->split, file->text.data + file->at, file->text.size - file->at,
	    file->at_eof, record, size, &used);

	file->at += used;
	if (!found) {
		file->is_done = file->at_eof;
		return false;
	}
	*size += file->dropped;
	file->dropped = 0;
	file->line++;
	return true;
}

/* The first record of a file with a header names the columns and is none itself; its
 * number is used up. */
static enum fl_code
take_header(const struct source *source, const struct file *file, const char *line, size_t size,
    struct fl_err *err)
{
	struct fl_codec_options codec = fl_table_codec(source->table);
	struct fl_err why = { .text = "the header is too long" };

	if (size > SOURCE_VALUE_MAX || fl_csv_check_header(&codec, line, size, &why) != FL_OK)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "file \"%s\": %s; see flight.table.%s.csv-header", file->path,
		    why.text, source->table->name);
	return FL_OK;
}

static enum fl_code
file_poll(struct source *source, uint32_t index, uint32_t max, struct source_run *run, struct fl_err *err)
{
	struct file *file = &source->files[source->reading[index]];
	const char *line;
	size_t size;
	int reads = 0;

	memset(run, 0, sizeof *run);
	if (source->record_max < max) {
		source->records = fl_realloc(source->records, max * sizeof *source->records);
		source->record_max = max;
	}
	while (run->count == 0 && !file->is_done && reads < POLL_READS_MAX) {
		int64_t number = file->line;

		while (run->count < max && next_record(file, &line, &size)) {
			if (number == 0 && source->table->csv_header)
				FL_TRY(take_header(source, file, line, size, err));
			else if (number >= file->position)
				source->records[run->count++] = (struct source_record){ .offset = number,
					.ts_ms = -1, .value = line, .value_size = size };
			number++;
		}
		if (run->count == 0 && !file->at_eof) {
			FL_TRY(read_more(file, err));
			reads++;
		}
	}
	run->is_unread = run->count == 0 && !file->is_done;
	run->records = source->records;
	source->run_out = run->count > 0;
	return FL_OK;
}

static void
file_release(struct source *source, struct source_run *run)
{
	(void)run;
	source->run_out = false;
}

const struct source_ops source_file = {
	.name = "filesystem",
	.open = file_open,
	.close = file_close,
	.next_event = file_next_event,
	.assign = file_assign,
	.poll = file_poll,
	.release = file_release,
};
