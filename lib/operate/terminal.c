/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define OTHER_SCREEN "\x1b[?1049h\x1b[?25l"
#define FIRST_SCREEN "\x1b[?25h\x1b[?1049l"
#define HOME	     "\x1b[H"
#define CLEAR_LINE   "\x1b[K"
#define CLEAR_REST   "\x1b[J"
#define PLAIN	     "\x1b[0m"

void terminal_open(struct terminal *terminal, FILE *to)
{
	struct termios raw;

	memset(terminal, 0, sizeof *terminal);
	terminal->to = to;
	terminal->is_terminal = isatty(fileno(to)) == 1;
	if (!terminal->is_terminal)
		return;
	if (tcgetattr(STDIN_FILENO, &terminal->saved) == 0) {
		raw = terminal->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		terminal->has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	(void)fputs(OTHER_SCREEN, to);
	(void)fflush(to);
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal->is_terminal)
		return;
	(void)fputs(FIRST_SCREEN, terminal->to);
	(void)fflush(terminal->to);
	if (terminal->has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
	terminal->is_terminal = false;
}

void terminal_size(const struct terminal *terminal, unsigned *columns, unsigned *rows)
{
	struct winsize size = { 0 };

	*columns = 100;
	*rows = 50;
	if (!terminal->is_terminal || ioctl(fileno(terminal->to), TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0)
		*columns = size.ws_col;
	if (size.ws_row > 0)
		*rows = size.ws_row;
}

char terminal_key(const struct terminal *terminal, uint64_t wait_ns)
{
	struct pollfd input = { .fd = terminal->has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	struct timespec length = { .tv_sec = (time_t)(wait_ns / 1000000000),
				   .tv_nsec = (long)(wait_ns % 1000000000) };
	char key = 0;

	if (ppoll(&input, 1, &length, NULL) == 1 && read(STDIN_FILENO, &key, 1) != 1)
		key = 0;
	return key;
}

/* Bytes of one line that fill at most `columns` cells; escapes take none, UTF-8 one per point. */
static size_t fitting(const char *line, size_t length, unsigned columns)
{
	unsigned used = 0;
	bool escape = false;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if (escape) {
			escape = !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
			continue;
		}
		if (c == 0x1b) {
			escape = true;
			continue;
		}
		/* A new point, not a continuation byte of the last one. */
		if ((c & 0xc0) != 0x80 && used++ == columns)
			return i;
	}
	return length;
}

void terminal_draw(const struct terminal *terminal, const char *frame)
{
	unsigned columns;
	unsigned rows;

	terminal_size(terminal, &columns, &rows);
	(void)fputs(HOME, terminal->to);
	for (unsigned row = 0; row < rows && *frame != '\0'; row++) {
		size_t length = strcspn(frame, "\n");

		(void)fwrite(frame, 1, fitting(frame, length, columns), terminal->to);
		/* No line break on the last row: it would scroll. */
		(void)fprintf(terminal->to, PLAIN CLEAR_LINE "%s", row + 1 < rows ? "\r\n" : "");
		frame += length + (frame[length] == '\n');
	}
	(void)fputs(CLEAR_REST, terminal->to);
	(void)fflush(terminal->to);
}
