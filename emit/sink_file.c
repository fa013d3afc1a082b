/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_file.c - rows as part files in a directory; the listing is the cursor.
 *
 *	part-<id>-<first row>-<last row>.json	or .csv
 *
 * id is eight hex digits of the hash of (pipeline store, sink), so that several
 * pipelines may write into one directory and a pipeline started anew begins at row 0.
 * A part is written under a hidden name, synced, renamed, and the directory synced:
 * it is there whole or not at all, and its name says which rows need not be written
 * again.  A run whose rows were all refused leaves an empty part, for its name.
 *
 * The highest last row of the listing + 1 is the position: whoever takes parts away
 * leaves the newest.  Without any part the position in emit's store decides, which
 * follows each part: somebody has cleared the directory, and rows that were delivered
 * once are not delivered again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink.h"

struct file_impl {
	int dir_fd;
	char id[9];
};

static enum fl_code
fail_io(struct emit_sink *sink, const char *what, const char *name, struct fl_err *err)
{
	int native = errno;

	return FL_FAIL_NATIVE(err, native == ENOSPC || native == EDQUOT ? FL_E_DISK_FULL : FL_E_IO,
	    native, "table \"%s\": could not %s \"%s/%s\": %s", sink->table->name, what,
	    sink->table->path, name, strerror(native));
}

/* "part-ID-FIRST-LAST.FORMAT" of this sink, else false. */
static bool
parse_name(const struct emit_sink *sink, const char *name, uint64_t *last)
{
	const struct file_impl *impl = sink->impl;
	uint64_t first;
	char id[9];
	int used = 0;

	if (sscanf(name, "part-%8[0-9a-f]-%20" SCNu64 "-%20" SCNu64 ".%n", id, &first, last,
		&used) != 3 || used == 0 || strcmp(name + used, fl_format_name(sink->table->format)) != 0)
		return false;
	return strcmp(id, impl->id) == 0 && first <= *last && *last < UINT64_MAX;
}

/* Reads the position off the names and removes parts that a crash left unfinished. */
static enum fl_code
list_parts(struct emit_sink *sink, bool *known, uint64_t *next, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	char temp[32];
	struct dirent *entry;
	uint64_t last;
	DIR *dir;
	int fd;

	snprintf(temp, sizeof(temp), ".part-%s-", impl->id);
	if ((fd = openat(impl->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (dir = fdopendir(fd)) == NULL) {
		enum fl_code code = fail_io(sink, "list", "", err);

		if (fd >= 0)
			close(fd);
		return code;
	}
	*known = false;
	*next = 0;
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, temp, strlen(temp)) == 0) {
			(void)unlinkat(impl->dir_fd, entry->d_name, 0);
		} else if (parse_name(sink, entry->d_name, &last)) {
			*known = true;
			*next = FL_MAX(*next, last + 1);
		}
	}
	if (errno != 0) {
		enum fl_code code = fail_io(sink, "list", "", err);

		closedir(dir);
		return code;
	}
	closedir(dir);
	return FL_OK;
}

static void
file_close(struct emit_sink *sink)
{
	struct file_impl *impl = sink->impl;

	if (impl == NULL)
		return;
	if (impl->dir_fd >= 0)
		close(impl->dir_fd);
	free(impl);
	sink->impl = NULL;
}

static enum fl_code
file_open(struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	const struct fl_table *table = sink->table;
	struct file_impl *impl;
	enum fl_code code;
	uint64_t hash;

	FL_TRY(fl_mkdirs(table->path, err));
	file_close(sink);
	sink->impl = impl = fl_calloc(1, sizeof(*impl));
	hash = fl_hash64_seed(table->name, strlen(table->name),
	    fl_hash64(&sink->position.store, sizeof(sink->position.store)));
	snprintf(impl->id, sizeof(impl->id), "%08" PRIx32, (uint32_t)(hash >> 32));
	impl->dir_fd = open(table->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (impl->dir_fd < 0)
		return fail_io(sink, "open", "", err);
	/* A part renamed by a killed predecessor may be in the cache only; what the
	 * listing says is believed from now on, so it has to be on disk. */
	if (fsync(impl->dir_fd) != 0)
		return fail_io(sink, "sync", "", err);
	if ((code = list_parts(sink, known, &position->next, err)) != FL_OK)
		return code;
	position->store = sink->position.store;
	position->generation = 0;
	return FL_OK;
}

static enum fl_code
file_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	FL_TRY(emit_encode_format(sink, batch, i, kind, out, err));
	fl_buf_byte(out, '\n');
	return FL_OK;
}

static enum fl_code
write_all(struct emit_sink *sink, int fd, const char *temp, const char *p, size_t size, struct fl_err *err)
{
	size_t at = 0;

	while (at < size) {
		ssize_t n = write(fd, p + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_io(sink, "write", temp, err);
		at += (size_t)n;
	}
	return FL_OK;
}

static enum fl_code
write_header(struct emit_sink *sink, int fd, const char *temp, struct fl_err *err)
{
	struct fl_codec_options codec = fl_table_codec(sink->table);
	struct fl_buf line;
	enum fl_code code;

	if (!sink->table->csv_header)
		return FL_OK;
	fl_buf_init(&line);
	fl_csv_put_header(&codec, &line);
	code = write_all(sink, fd, temp, line.data, line.size, err);
	fl_buf_fini(&line);
	return code;
}

static enum fl_code
write_part(struct emit_sink *sink, const struct emit_run *run, const char *temp, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	enum fl_code code;
	uint32_t k;
	int fd;

	fd = openat(impl->dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fail_io(sink, "create", temp, err);
	code = write_header(sink, fd, temp, err);
	for (k = 0; k < run->count && code == FL_OK; k++) {
		size_t from = run->rows[k].at, size = run->rows[k].size;

		/* Rows lie one after the other: write as many as there are at once. */
		while (k + 1 < run->count && run->rows[k + 1].at == from + size)
			size += run->rows[++k].size;
		code = write_all(sink, fd, temp, run->bytes.data + from, size, err);
	}
	if (code == FL_OK && fsync(fd) != 0)
		code = fail_io(sink, "sync", temp, err);
	if (close(fd) != 0 && code == FL_OK)
		code = fail_io(sink, "close", temp, err);
	return code;
}

static enum fl_code
file_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	char name[96], temp[100];
	enum fl_code code;

	snprintf(name, sizeof(name), "part-%s-%012" PRIu64 "-%012" PRIu64 ".%s", impl->id,
	    run->first, run->next - 1, fl_format_name(sink->table->format));
	snprintf(temp, sizeof(temp), ".%s", name);
	code = write_part(sink, run, temp, err);
	if (code == FL_OK && fl_fault("emit.before_rename"))
		code = FL_FAIL(err, FL_E_IO, "fault before the rename");
	if (code != FL_OK) {
		(void)unlinkat(impl->dir_fd, temp, 0);
		return code;
	}
	*open_again = true; /* from here on the listing knows better than we do */
	if (renameat(impl->dir_fd, temp, impl->dir_fd, name) != 0)
		return fail_io(sink, "rename to", name, err);
	if (fl_fault("emit.after_rename"))
		return FL_FAIL(err, FL_E_IO, "fault after the rename");
	if (fsync(impl->dir_fd) != 0)
		return fail_io(sink, "sync", "", err);
	*open_again = false;
	return FL_OK;
}

const struct emit_sink_ops emit_sink_file = {
	.name = "filesystem",
	.open = file_open,
	.encode = file_encode,
	.deliver = file_deliver,
	.close = file_close,
};
