/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - dead letters that come back as rows, or go: commands of the catalog.
 *
 * dead-replay (include/shm/dead.h says how letters are named): each is decoded again, from the
 * value that stands with it if there is one, else from its own bytes.  What gives a row
 * goes into the step that is being filled, in a block of its own after its partition's: its offset
 * is an old one.  In that step's transaction the letter goes and the partition counts a row for a
 * dead record.  What fails again stays, with the new reason.
 *
 * dead-drop: the same letters go without a row; their records remain counted as dead.
 *
 * A letter that is not there, or is not the one of that clock, is passed over: a command that
 * died in the middle of its work is given again, and does the rest.  So a command waits until
 * what it did before is durable.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "stream.h"

struct letter {
	struct fl_dead_name name;
	struct fl_dead dead;
	const char *value; /* mended, or the letter's own; NULL: a null message */
	size_t value_size;
	bool is_mended;
};

struct done {
	uint32_t replayed, dropped, failed, passed_over;
	bool is_full; /* the step is; the rest waits for the next one */
};

/* In the transaction of the step; size 0: the letter goes. */
static void
put_letter(struct ingest *ingest, const struct letter *letter, const struct fl_dead *now)
{
	static const char zeros[8];
	size_t at = ingest->dead.size, was = fl_dead_size(&letter->dead);
	struct dead_entry entry;

	memset(&entry, 0, sizeof entry);
	memcpy(entry.key, letter->name.key, sizeof entry.key);
	fl_buf_add(&ingest->dead, &entry, sizeof entry);
	if (now != NULL)
		fl_dead_encode(now, &ingest->dead);
	entry.size = (uint32_t)(ingest->dead.size - at - sizeof entry);
	memcpy(ingest->dead.data + at, &entry, sizeof entry);
	fl_buf_add(&ingest->dead, zeros, FL_ROUND_UP(ingest->dead.size, 8) - ingest->dead.size);
	ingest->dead_size -= FL_MIN(ingest->dead_size, was);
	ingest->dead_size += entry.size;
	ingest->dirty = true;
	ingest->is_replaying = true;
}

static void
fail_again(struct ingest *ingest, const struct letter *letter, const struct fl_err *why)
{
	struct fl_dead dead = letter->dead;

	dead.head.code = (uint32_t)why->code;
	dead.head.reason_size = (uint32_t)strlen(why->text);
	dead.reason = why->text;
	put_letter(ingest, letter, &dead);
}

static struct part *
find_part(struct ingest *ingest, const struct letter *letter)
{
	struct stream *stream = stream_by_id(ingest, letter->dead.head.stream);

	return stream == NULL ? NULL : stream_find(stream, letter->dead.head.partition);
}

static void
replay_letter(struct ingest *ingest, const struct letter *letter, struct done *done)
{
	struct part *part = find_part(ingest, letter);
	const struct fl_dead_head *head = &letter->dead.head;
	struct source_record record = { .offset = head->offset, .ts_ms = head->kafka_ts,
		.key = head->flags & FL_DEAD_NULL_KEY ? NULL : letter->dead.key, .key_size = head->key_size,
		.value = letter->value, .value_size = letter->value_size };
	struct fl_err why = { .code = FL_OK };

	if (part == NULL || part->c.dead == 0 ||
	    (!letter->is_mended && head->value_size < head->value_full) ||
	    (part->stream->key_decoder != NULL && (head->flags & FL_DEAD_NO_KEY))) {
		done->passed_over++;
		return;
	}
	switch (stream_replay(part, &record, &why)) {
	case REPLAY_FULL:
		done->is_full = true;
		return;
	case REPLAY_DEAD:
		fail_again(ingest, letter, &why);
		done->failed++;
		return;
	case REPLAY_SKIPPED:
		part->c.skipped++;
		part->c.skipped_errors += record.value_size > 0;
		break;
	case REPLAY_ROW:
		part->c.rows++;
		/* A row of the partition ends what the log says of its end. */
		part->c.caught_since = FL_TIME_MAX;
		part->caught_waits |= part->caught_since != FL_TIME_MAX;
		break;
	}
	part->c.dead--;
	part->c.replayed++;
	put_letter(ingest, letter, NULL);
	done->replayed++;
}

/* The letter that is in the store, and the value to decode. */
static enum fl_code
get_letter(struct fl_txn *txn, const json_t *arguments, size_t i, struct fl_buf *mended, bool *found,
    struct letter *letter, struct fl_err *err)
{
	memset(letter, 0, sizeof *letter);
	*found = fl_dead_name_get(arguments, i, &letter->name) &&
	    letter->name.key_size == sizeof ((struct dead_entry *)NULL)->key;
	if (!*found)
		return FL_OK;
	FL_TRY(fl_dead_get(txn, FL_DBI_INGEST_DEAD, &letter->name, found, &letter->dead, err));
	letter->value = letter->dead.head.flags & FL_DEAD_NULL_VALUE ? NULL : letter->dead.value;
	letter->value_size = letter->dead.head.value_size;
	if (letter->name.value == NULL)
		return FL_OK;
	fl_buf_reset(mended);
	if (!fl_buf_unbase64(mended, letter->name.value, strlen(letter->name.value)))
		*found = false;
	letter->value = mended->data != NULL ? mended->data : "";
	letter->value_size = mended->size;
	letter->is_mended = true;
	return FL_OK;
}

static enum fl_code
work_off(struct ingest *ingest, struct fl_txn *txn, const json_t *arguments, bool is_drop, struct done *done,
    struct fl_err *err)
{
	size_t count = json_array_size(json_object_get(arguments, "letters"));
	enum fl_code code = FL_OK;
	struct fl_buf mended;

	fl_buf_init(&mended);
	for (size_t i = 0; code == FL_OK && !done->is_full && i < count; i++) {
		struct letter letter;
		bool found = false;

		if (ingest->dead.size > DEAD_STEP_MAX) {
			done->is_full = true;
			break;
		}

		code = get_letter(txn, arguments, i, &mended, &found, &letter, err);
		if (code != FL_OK)
			break;
		done->passed_over += !found;
		if (found && is_drop) {
			put_letter(ingest, &letter, NULL);
			done->dropped++;
		} else if (found) {
			replay_letter(ingest, &letter, done);
		}
	}
	fl_buf_fini(&mended);
	return code;
}

enum fl_code
replay_command(struct ingest *ingest, uint64_t number, const struct json_t *arguments, bool is_drop,
    struct fl_err *err)
{
	struct done done = { 0 };
	struct fl_txn *txn = NULL;
	enum fl_code code;

	/* What was done before is not in the store yet. */
	if (ingest->is_replaying || !committer_is_idle(&ingest->committer))
		return FL_FAIL(err, FL_E_INTERRUPTED, "the step before is being committed");
	FL_TRY(fl_txn_begin_read(ingest->store, &txn, err));
	code = work_off(ingest, txn, arguments, is_drop, &done, err);
	fl_txn_abort(&txn);
	FL_TRY(code);
	fl_info("dead letters command=%" PRIu64 " replayed=%u dropped=%u failed=%u passed_over=%u%s", number,
	    done.replayed, done.dropped, done.failed, done.passed_over, done.is_full ? " more=true" : "");
	if (!done.is_full)
		return FL_OK;
	ingest->full = true;
	return FL_FAIL(err, FL_E_INTERRUPTED, "the step is full");
}
