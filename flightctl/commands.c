/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - the table of commands: options, usage, help and docs/cli.md from its rows.
 *
 * The option lines of a row are at once its help and its option table: the parser
 * reads "  -b, --brokers BROKERS   text", so that no option can be undocumented.
 */
#include "flightctl/ctl.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct ctl_command rows[] = {
#define FL_COMMAND(name, function, access, arguments, summary, options, text, examples)            \
	{#name, CTL_##access, arguments, summary, options, text, examples, cmd_##function, false},
#include "tbl/commands.h"
#undef FL_COMMAND
    /* Run by supervisord, not by people. */
    {"watch-peers", CTL_LOCAL, "", "tell supervisord at once when a program ended", "",
	"Runs inside the group of supervisord.conf.\n", "flightctl watch-peers\n", cmd_watch_peers,
	true},
};

const char ctl_global_options[] =
    "  -i, --instance DIR      the instance (default: $FLIGHT_HOME, else ./flight.d)\n"
    "      --json              print JSON\n"
    "  -w, --watch[=S]         reading commands: again every S seconds (default 2)\n"
    "      --timeout S         give up after S seconds; then a --watch ends, exit 5\n"
    "  -q, --quiet             say nothing on stderr but errors; status and lag: on stdout neither\n"
    "  -v, --verbose           say more on stderr\n"
    "  -h                      usage and two examples\n"
    "      --help              the whole help\n"
    "  -V, --version           print the version\n";

const struct ctl_command *
ctl_command_row(uint32_t i)
{
	return i < FL_ARRAY_COUNT(rows) ? &rows[i] : NULL;
}

const struct ctl_command *
ctl_command_find(const char *name)
{
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* One line "  -b, --brokers BROKERS   text"; false: not an option line. */
static bool
parse_option(const char *line, struct ctl_option *option)
{
	size_t len;

	*option = (struct ctl_option){0};
	line += strspn(line, " ");
	if (line[0] != '-')
		return false;
	if (line[1] != '-') {
		option->short_name = line[1];
		if (strncmp(line + 2, ", --", 4) != 0)
			return true; /* a short name alone: -h */
		line += 4;
	}
	line += 2;
	len = strcspn(line, " [\n");
	if (len == 0 || len >= sizeof(option->name))
		return false;
	memcpy(option->name, line, len);
	option->is_optional = line[len] == '[';
	option->has_value = option->is_optional || (line[len] == ' ' && line[len + 1] != ' ');
	return true;
}

uint32_t
ctl_options_parse(const char *text, struct ctl_option *options, uint32_t max)
{
	uint32_t count = 0;

	while (*text != '\0' && count < max) {
		if (parse_option(text, &options[count]))
			count++;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return count;
}

/* getopt_long()'s view of all options of a command. */
struct parser {
	struct ctl_option options[CTL_OPTIONS_MAX];
	struct option longs[CTL_OPTIONS_MAX + 1];
	char shorts[3 * CTL_OPTIONS_MAX + 4];
	uint32_t count, own_count;
};
static struct parser parser;

static void
init_parser(const struct ctl *ctl)
{
	char *at = parser.shorts;

	memset(&parser, 0, sizeof(parser));
	if (ctl->command != NULL)
		parser.own_count =
		    ctl_options_parse(ctl->command->options, parser.options, CTL_OPTIONS_MAX);
	parser.count = parser.own_count + ctl_options_parse(ctl_global_options,
					      parser.options + parser.own_count,
					      CTL_OPTIONS_MAX - parser.own_count);
	if (ctl->command == NULL)
		*at++ = '+'; /* stop at the command's name */
	*at++ = ':';
	for (uint32_t i = 0, n = 0; i < parser.count; i++) {
		const struct ctl_option *o = &parser.options[i];

		if (o->short_name != 0) {
			*at++ = o->short_name;
			if (o->has_value)
				*at++ = ':';
			if (o->is_optional)
				*at++ = ':';
		}
		if (o->name[0] != '\0')
			parser.longs[n++] = (struct option){o->name,
			    o->is_optional ? optional_argument
			    : o->has_value ? required_argument
					   : no_argument,
			    NULL, 256 + (int)i};
	}
	optind = 0;
	opterr = 0;
}

static void
stop_with(struct ctl *ctl, int status)
{
	ctl->stop = true;
	ctl->status = status;
}

static void
take_seconds(struct ctl *ctl, const char *name, const char *value, int64_t *ms)
{
	double seconds;

	if (ctl_option_f64(ctl, name, value, 0.01, 1e6, &seconds))
		*ms = (int64_t)(seconds * 1000);
}

void
ctl_log_open(const struct ctl *ctl)
{
	fl_log_open("flightctl", ctl->verbose > 0 ? FL_LOG_DEBUG
				 : ctl->quiet	  ? FL_LOG_ERROR
						  : FL_LOG_INFO);
}

static void
take_global(struct ctl *ctl, const struct ctl_option *option, const char *value)
{
	const char *name = option->name;

	if (option->short_name == 'h' || strcmp(name, "help") == 0) {
		if (ctl->command != NULL)
			ctl_print_help(ctl->command, option->short_name != 'h', stdout);
		else
			ctl_print_usage(stdout);
		stop_with(ctl, CTL_OK);
	} else if (strcmp(name, "instance") == 0) {
		if (value[0] == '\0')
			ctl_usage(ctl, "--instance: the path is empty");
		ctl->instance = value;
		ctl->is_instance_named = true;
	} else if (strcmp(name, "json") == 0)
		ctl->json = true;
	else if (strcmp(name, "watch") == 0) {
		ctl->watch_ms = 2000;
		if (value != NULL)
			take_seconds(ctl, name, value, &ctl->watch_ms);
	} else if (strcmp(name, "timeout") == 0)
		take_seconds(ctl, name, value, &ctl->timeout_ms);
	else if (strcmp(name, "quiet") == 0) {
		ctl->quiet = true;
		ctl_log_open(ctl);
	} else if (strcmp(name, "verbose") == 0) {
		ctl->verbose++;
		ctl_log_open(ctl);
	} else if (strcmp(name, "version") == 0)
		stop_with(ctl, cmd_version(ctl));
}

const char *
ctl_next_option(struct ctl *ctl, const char **value)
{
	if (!ctl->started) {
		init_parser(ctl);
		ctl->started = true;
	}
	while (!ctl->stop) {
		const char *word = optind > 0 && optind < ctl->argc ? ctl->argv[optind] : "";
		int c = getopt_long(ctl->argc, ctl->argv, parser.shorts, parser.longs, NULL);
		uint32_t i;

		if (c == -1) {
			ctl->arg_count = ctl->argc - optind;
			ctl->args = ctl->argv + optind;
			return NULL;
		}
		if (c == '?' || c == ':') {
			if (word[0] != '-')
				word = ctl->argv[optind - 1];
			stop_with(
			    ctl, ctl_usage(ctl,
				     c == ':' ? "option %s wants a value" : "there is no option %s",
				     word));
			return NULL;
		}
		if (c >= 256)
			i = (uint32_t)c - 256;
		else
			for (i = 0; parser.options[i].short_name != (char)c;)
				i++;
		*value = optarg;
		if (i < parser.own_count)
			return parser.options[i].name;
		take_global(ctl, &parser.options[i], optarg);
	}
	return NULL;
}

bool
ctl_need_args(struct ctl *ctl, int min, int max)
{
	if (ctl->stop)
		return false;
	if (ctl->arg_count < min)
		stop_with(
		    ctl, ctl_usage(ctl, "an argument is missing: %s", ctl->command->arguments));
	else if (ctl->arg_count > max)
		stop_with(ctl, ctl_usage(ctl, "\"%s\" is one argument too many", ctl->args[max]));
	return !ctl->stop;
}

int
ctl_usage(struct ctl *ctl, const char *fmt, ...)
{
	const char *name = ctl->command != NULL ? ctl->command->name : NULL;
	va_list ap;

	fprintf(stderr, "flightctl%s%s: ", name != NULL ? " " : "", name != NULL ? name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (name != NULL)
		fprintf(stderr, "\nusage: flightctl %s %s\n", name, ctl->command->arguments);
	else
		fprintf(stderr, "; flightctl --help lists commands and options\n");
	stop_with(ctl, CTL_USAGE);
	return CTL_USAGE;
}

int
ctl_fail(const struct ctl *ctl, const struct fl_err *err)
{
	char text[FL_ERR_TEXT_SIZE + 128];

	fprintf(stderr, "flightctl%s%s: %s\n", ctl->command != NULL ? " " : "",
	    ctl->command != NULL ? ctl->command->name : "", fl_err_print(err, text, sizeof(text)));
	if (ctl->excerpt != NULL && ctl->excerpt->size > 0) {
		fprintf(stderr, "%s\n", ctl->excerpt->data);
		fl_buf_reset(ctl->excerpt);
	}
	switch ((int)err->code) {
	case FL_E_USAGE:
		return CTL_USAGE;
	case FL_E_NO_SUCH_OBJECT:
		return CTL_NO_OBJECT;
	case FL_E_TIMED_OUT:
		return CTL_TIMED_OUT;
	default:
		return CTL_FAILED;
	}
}

void
ctl_say(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (ctl->quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

volatile sig_atomic_t ctl_is_stopping;

static void
on_signal(int signal_number)
{
	(void)signal_number;
	ctl_is_stopping = 1;
}

void
ctl_stop_on(int signal_number)
{
	signal(signal_number, on_signal);
}

void
ctl_wait_until(int64_t due_us)
{
	int64_t wait_us;

	/* In pieces: the signal may come between the look at the flag and the sleep. */
	while (!ctl_is_stopping && (wait_us = due_us - fl_monotonic_us()) > 0) {
		wait_us = FL_MIN(wait_us, 200000);
		nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
	}
}

bool
ctl_option_i64(struct ctl *ctl, const char *name, const char *value, int64_t min, int64_t *out)
{
	if (fl_parse_i64(value, out) && *out >= min)
		return true;
	ctl_usage(ctl, "--%s: expected a number of at least %lld, got \"%s\"", name, (long long)min,
	    value);
	return false;
}

bool
ctl_option_f64(
    struct ctl *ctl, const char *name, const char *value, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(value, &end);
	if (end != value && *end == '\0' && errno == 0 && isfinite(*out) && *out >= min &&
	    *out <= max)
		return true;
	ctl_usage(ctl, "--%s: expected a number from %g to %g, got \"%s\"", name, min, max, value);
	return false;
}

void
ctl_print_usage(FILE *out)
{
	fputs("usage: flightctl [-i DIR] [options] COMMAND [arguments]\n\n", out);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (!rows[i].hidden)
			fprintf(out, "  %-10s  %s\n", rows[i].name, rows[i].summary);
	fprintf(out, "\nOptions of all commands:\n%s\n", ctl_global_options);
	fputs("flightctl COMMAND -h shows two examples, flightctl help COMMAND everything.\n", out);
}

static void
print_examples(const char *examples, FILE *out)
{
	while (*examples != '\0') {
		size_t len = strcspn(examples, "\n");

		fprintf(out, "  %.*s\n", (int)len, examples);
		examples += len + (examples[len] == '\n');
	}
}

void
ctl_print_help(const struct ctl_command *command, bool is_long, FILE *out)
{
	fprintf(out, "usage: flightctl %s %s\n\n%s\n", command->name, command->arguments,
	    command->summary);
	if (is_long && command->text[0] != '\0')
		fprintf(out, "\n%s", command->text);
	if (is_long && command->options[0] != '\0')
		fprintf(out, "\nOptions:\n%s", command->options);
	if (is_long)
		fprintf(out, "\nOptions of all commands:\n%s", ctl_global_options);
	fputs("\nExamples:\n", out);
	print_examples(command->examples, out);
}

void
ctl_print_cli_page(struct fl_buf *out)
{
	static const char *const access[] = {"does not touch", "reads", "may change"};

	fl_buf_str(out, "# flightctl\n\nWritten by `make docs` from include/tbl/commands.h.\n\n"
			"    flightctl [-i DIR] [options] COMMAND [arguments]\n\n"
			"Options of all commands:\n\n```\n");
	fl_buf_str(out, ctl_global_options);
	fl_buf_str(out,
	    "```\n\n"
	    "| exit status | means |\n|---|---|\n"
	    "| 0 | done |\n| 1 | failed, or a problem was found |\n| 2 | usage |\n"
	    "| 3 | the engine is not running, nor finished (`status` only) |\n| 4 | no such object |\n"
	    "| 5 | timed out |\n| 6 | running, but degraded (`status`, `up --detach`) |\n\n"
	    "`run` ends like the programs: 0 done, 1 failed, 2 usage, 70 fatal (start it again), "
	    "75 try again, 78 needs a person.\n\n"
	    "| command | does |\n|---|---|\n");
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++)
		if (!rows[i].hidden)
			fl_buf_printf(out, "| [%s](#%s) | %s |\n", rows[i].name, rows[i].name,
			    rows[i].summary);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(rows); i++) {
		const struct ctl_command *c = &rows[i];

		if (c->hidden)
			continue;
		fl_buf_printf(out, "\n## %s\n\n    flightctl %s %s\n\n%s (%s the instance).\n",
		    c->name, c->name, c->arguments, c->summary, access[c->access]);
		if (c->text[0] != '\0')
			fl_buf_printf(out, "\n%s", c->text);
		if (c->options[0] != '\0')
			fl_buf_printf(out, "\n```\n%s```\n", c->options);
		fl_buf_printf(out, "\nExamples:\n\n```\n%s```\n", c->examples);
	}
}
