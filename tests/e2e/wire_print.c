/* SPDX-License-Identifier: Apache-2.0 */
/* Reads datagrams, one a line in hexadecimal, and prints what the codec makes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_wire.h"
#include "wire_printer.h"

static int digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void print_datagram(const uint8_t *payload, size_t length)
{
	struct gyr_wire_header header = { 0 };
	struct gyr_wire_block block = { 0 };
	enum gyr_verdict verdict = gyr_wire_open(&header, payload, length);
	size_t at = GYR_WIRE_HEADER_BYTES;

	if (verdict != GYR_VERDICT_OK) {
		(void)printf("refused %s\n", gyr_verdict_name(verdict));
		return;
	}
	(void)printf("header version=%u flags=%u length=%u session=%llu client_sequence=%u "
		     "answer_sequence=%u\n",
		     header.version, header.flags, header.length,
		     (unsigned long long)header.session, header.client_sequence,
		     header.answer_sequence);
	while (gyr_wire_next(&block, &verdict, &at, payload, length)) {
		verdict = print_message(stdout, block.type, block.body.data, block.body.length);
		if (verdict != GYR_VERDICT_OK)
			(void)printf("refused %s\n", gyr_verdict_name(verdict));
	}
}

int main(void)
{
	static char line[2 * GYR_WIRE_DATAGRAM_MAX + 2];
	static uint8_t payload[GYR_WIRE_DATAGRAM_MAX];

	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t length = 0;

		while (digit(line[2 * length]) >= 0 && digit(line[2 * length + 1]) >= 0) {
			payload[length] = (uint8_t)(digit(line[2 * length]) << 4 |
						    digit(line[2 * length + 1]));
			length++;
		}
		print_datagram(payload, length);
	}
	return 0;
}
