/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_completion.c - completion of commands and options, out of their table. */
#include <string.h>

#include "flightctl/ctl.h"

static void
add_options(struct fl_buf *out, const char *text)
{
	struct ctl_option options[CTL_OPTIONS_MAX];
	uint32_t count = ctl_options_parse(text, options, CTL_OPTIONS_MAX);

	for (uint32_t i = 0; i < count; i++)
		if (options[i].name[0] != '\0')
			fl_buf_printf(out, " --%s", options[i].name);
}

/* The words that stand for themselves: those with which an alternative of the usage line begins. */
static void
add_words(struct fl_buf *out, const char *arguments)
{
	for (const char *p = arguments; p != NULL; p = strchr(p, '|')) {
		size_t size;

		p += strspn(p, "| ");
		size = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
		if (size > 0 && p[0] != '-' && strchr(" ", p[size]) != NULL)
			fl_buf_printf(out, " %.*s", (int)size, p);
	}
}

int
cmd_completion(struct ctl *ctl)
{
	const struct ctl_command *c;
	struct fl_buf out;
	const char *value;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 1, 1))
		return ctl->status;
	if (strcmp(ctl->args[0], "bash") != 0)
		return ctl_usage(ctl, "expected bash, got \"%s\"", ctl->args[0]);
	fl_buf_init(&out);
	fl_buf_str(&out, "_flightctl() {\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd= i words\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in\n"
			 "\t\t-i|--instance|--timeout) ((i++)) ;;\n"
			 "\t\t-*) ;;\n"
			 "\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n"
			 "\t\tesac\n"
			 "\tdone\n"
			 "\tcase $cmd in\n"
			 "\t'') words=\"help");
	for (uint32_t i = 0; (c = ctl_command_row(i)) != NULL; i++)
		if (!c->hidden)
			fl_buf_printf(&out, " %s", c->name);
	add_options(&out, ctl_global_options);
	fl_buf_str(&out, "\" ;;\n");
	for (uint32_t i = 0; (c = ctl_command_row(i)) != NULL; i++) {
		if (c->hidden)
			continue;
		fl_buf_printf(&out, "\t%s) words=\"", c->name);
		add_words(&out, c->arguments);
		add_options(&out, c->options);
		add_options(&out, ctl_global_options);
		fl_buf_str(&out, "\" ;;\n");
	}
	fl_buf_str(&out, "\tesac\n"
			 "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
			 "\t[[ $cur == -* || -z $cmd ]] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
			 "}\ncomplete -o filenames -F _flightctl flightctl\n");
	out_write(&out);
	fl_buf_fini(&out);
	return CTL_OK;
}
