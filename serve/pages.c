/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.c - the files of serve/page, in the program.
 *
 * The assembler copies them, so that they are read as they are while building and no file is
 * opened at run time.  The makefile knows that this object is made of them.
 */
#include "site.h"

#define PAGE(name, path)                                                                         \
	__asm__(".section .rodata\n"                                                             \
		".global page_" #name "\n"                                                       \
		"page_" #name ":\n"                                                              \
		".incbin \"" path "\"\n"                                                         \
		".global page_" #name "_end\n"                                                   \
		"page_" #name "_end:\n"                                                          \
		".byte 0\n"                                                                      \
		".text\n");                                                                      \
	extern const char page_##name[], page_##name##_end[];                                    \
	void name##_print(struct fl_buf *out)                                                    \
	{                                                                                        \
		fl_buf_add(out, page_##name, (size_t)(page_##name##_end - page_##name));         \
	}

/* cppcheck takes two places of one section for two objects. */
/* cppcheck-suppress comparePointers */
PAGE(html, "serve/page/index.html")
/* cppcheck-suppress comparePointers */
PAGE(css, "serve/page/page.css")
/* cppcheck-suppress comparePointers */
PAGE(js, "serve/page/page.js")
