/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal for the live view: another screen, keys without return, its size; all given back. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdio.h>
#include <termios.h>

#include "gyr_base.h"

struct terminal {
	FILE *to;
	struct termios saved;
	bool is_terminal; /* the output is one: only then anything below does something */
	bool has_keys;	  /* the input is one as well */
};

void terminal_open(struct terminal *terminal, FILE *to);
void terminal_close(struct terminal *terminal);

/* Columns and rows now; 100 and 50 where there is no terminal. */
void terminal_size(const struct terminal *terminal, unsigned *columns, unsigned *rows);

/* Waits for a key up to a time; 0 when none came. A signal ends the wait. */
char terminal_key(const struct terminal *terminal, uint64_t wait_ns);

/* Draws a frame over the last one: no line longer than the screen is wide, no more than fit. */
void terminal_draw(const struct terminal *terminal, const char *frame);

#endif
