/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - commands of the catalog that ingest applies.
 *
 * offsets-reset {"topic", "partition" (-1: all), "to": earliest|latest|offset,
 * "offset"}: a stopped or reading partition goes on elsewhere, and a HOLE mark says
 * which offsets were given up.  Going back is refused: rows would be counted twice;
 * `up --reset` starts anew instead.
 *
 * dead-replay and dead-drop: replay.c.
 *
 * The number of the command is stored with the step that holds its marks, so each
 * is applied once.  One that needs a broker that is away is tried again later.
 */
#include <inttypes.h>
#include <jansson.h>

#include "stream.h"

struct target {
	const char *topic, *to;
	int64_t partition, offset;
};

static enum fl_code
resolve(struct part *part, const struct target *target, int64_t *offset, struct fl_err *err)
{
	struct stream *stream = part->stream;
	int64_t low, high;

	if (stream->ops->offsets == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "lines of files are read in order, none is left out");
	FL_TRY(stream->ops->offsets(stream->source, part->c.partition, &low, &high, err));
	if (strcmp(target->to, "offset") != 0) {
		*offset = strcmp(target->to, "earliest") == 0 ? low : high;
		return FL_OK;
	}
	/* A position that the topic does not have would look like a topic made anew. */
	*offset = FL_MIN(target->offset, high);
	if (*offset < target->offset)
		fl_warn("offsets reset goes to the end topic=%s partition=%d asked=%" PRId64
			" end=%" PRId64, part->c.topic, part->c.partition, target->offset, high);
	return FL_OK;
}

static void
move_part(struct part *part, int64_t offset)
{
	struct stream *stream = part->stream;
	uint32_t reason = part->c.state == FL_PARTITION_STOPPED ? part->c.reason : (uint32_t)FL_OK;

	if (offset < part->c.position && part->c.reason != FL_E_TOPIC_CHANGED) {
		fl_warn("offsets reset refused stream=%u topic=%s partition=%d position=%" PRId64
			" to=%" PRId64 " reason=\"records would be read twice\"", part->c.stream,
		    part->c.topic, part->c.partition, part->c.position, offset);
		return;
	}
	marks_add(stream->ingest, FL_MARK_HOLE, part, part->c.position, offset, reason);
	letters_move(part, offset, reason, offset < part->c.position);
	if (offset >= part->c.position) {
		part->c.gaps += (uint64_t)(offset - part->c.position);
	} else { /* another topic of that name: its offsets begin anew */
		part->c.passed_before += (uint64_t)(part->c.position - part->c.start);
		part->c.start = offset;
	}
	part->c.position = offset;
	part->c.state = FL_PARTITION_READING;
	part->c.reason = FL_OK;
	part->c.last_offset = -1;
	part->c.cluster = 0; /* whatever is there now */
	part->assign_from = offset;
	part->verify = part->at_end = false;
	/* Announced again: read on once the mark is durable. */
	part->state = PART_NEW;
	stream->assign_due = true;
	fl_info("offsets reset stream=%u topic=%s partition=%d to=%" PRId64, part->c.stream,
	    part->c.topic, part->c.partition, offset);
}

static bool
fits(const struct part *part, const struct target *target)
{
	return part->stream->letters_of == NULL && strcmp(part->c.topic, target->topic) == 0 && part->c.state != FL_PARTITION_ENDED &&
	    (target->partition < 0 || target->partition == part->c.partition % FL_TOPIC_STRIDE);
}

static enum fl_code
reset_offsets(struct ingest *ingest, const struct target *target, struct fl_err *err)
{
	struct part *moved[PARTITIONS_MAX];
	int64_t offsets[PARTITIONS_MAX];
	uint32_t count = 0;

	/* All are asked before the first is moved: all or none. */
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			moved[count] = ingest->streams[s]->parts[i];
			if (!fits(moved[count], target))
				continue;
			FL_TRY(resolve(moved[count], target, &offsets[count], err));
			count++;
		}
	for (uint32_t i = 0; i < count; i++)
		move_part(moved[i], offsets[i]);
	return FL_OK;
}

static bool
is_about_letters(const struct fl_command *command)
{
	return strcmp(command->verb, "dead-replay") == 0 || strcmp(command->verb, "dead-drop") == 0;
}

static enum fl_code
end_command(
    struct ingest *ingest, const struct fl_command *command, enum fl_code code, struct fl_err *err)
{
	/* What can never be done must not come back at every start. */
	if (code != FL_OK && fl_code_class(code) != FL_CLASS_TRANSIENT &&
	    fl_code_class(code) != FL_CLASS_FATAL) {
		fl_warn("command refused number=%" PRIu64 " reason=\"%s\"", command->number, err->text);
		code = err->code = FL_OK;
	}
	if (code == FL_OK) {
		ingest->cursor.command = command->number;
		ingest->dirty = true;
	}
	return code;
}

static enum fl_code
apply_command(void *ctx, const struct fl_command *command, struct fl_err *err)
{
	struct ingest *ingest = ctx;
	struct target target = { .partition = -1, .offset = 0 };
	enum fl_code code = FL_OK;
	json_t *json;

	json = json_loads(command->arguments, 0, NULL);
	if (is_about_letters(command) && json_is_array(json_object_get(json, "letters"))) {
		code = replay_command(
		    ingest, command->number, json, strcmp(command->verb, "dead-drop") == 0, err);
		json_decref(json);
		return end_command(ingest, command, code, err);
	}
	if (strcmp(command->verb, "offsets-reset") == 0 && json != NULL) {
		target.topic = json_string_value(json_object_get(json, "topic"));
		target.to = json_string_value(json_object_get(json, "to"));
		if (json_is_integer(json_object_get(json, "partition")))
			target.partition = json_integer_value(json_object_get(json, "partition"));
		target.offset = json_integer_value(json_object_get(json, "offset"));
	}
	if (target.topic == NULL || target.to == NULL || target.offset < 0 ||
	    (strcmp(target.to, "offset") != 0 && strcmp(target.to, "earliest") != 0 &&
		strcmp(target.to, "latest") != 0))
		fl_warn("command not understood number=%" PRIu64 " verb=%s arguments=%s", command->number,
		    command->verb, command->arguments);
	else
		code = reset_offsets(ingest, &target, err);
	json_decref(json);
	return end_command(ingest, command, code, err);
}

enum fl_code
ingest_commands(struct ingest *ingest, struct fl_err *err)
{
	struct fl_err local = { .code = FL_OK };
	uint64_t last;
	enum fl_code code;

	FL_TRY(fl_command_last(ingest->instance, &last, err));
	if (last == ingest->commands_seen)
		return FL_OK;
	code = fl_command_each(
	    ingest->instance, "ingest", ingest->cursor.command, apply_command, ingest, &local);
	if (code == FL_OK)
		ingest->commands_seen = last;
	ingest->commands_wait = code == FL_E_INTERRUPTED;
	if (code != FL_OK && fl_code_class(code) == FL_CLASS_TRANSIENT) {
		if (code != FL_E_INTERRUPTED) /* it goes on with the next step */
			fl_warn("command waits reason=\"%s\"", local.text);
		return FL_OK;
	}
	if (code != FL_OK)
		*err = local;
	return code;
}
