/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_units.h"

static const char *const hugepage_choices[] = { "try", "never", "must", NULL };
static const char *const kind_choices[] = { "data", "cold", NULL };
static const char *const idle_choices[] = { "spin", "backoff", "park", NULL };
static const char *const place_choices[] = { "any", "nic", "node", "shared", NULL };

#define KIB    (1ull << 10)
#define MIB    (1ull << 20)
#define GIB    (1ull << 30)
#define TIB    (1ull << 40)
#define US     1000ull
#define MS     1000000ull
#define SECOND 1000000000ull
/* The arguments are names of members: parentheses would not compile.
 * NOLINTBEGIN(bugprone-macro-parentheses) */
#define AT(path) offsetof(struct gyr_conf, path)
/* The longest text that the struct holds. */
#define ROOM(path) (sizeof(((struct gyr_conf *)0)->path) - 1)

#define TEXT(section, name, fallback, least, meaning)                                              \
	{                                                                                          \
#section, #name, FIELD_TEXT, AT(section.name), fallback, least,                    \
			ROOM(section.name), false, NULL, meaning                                   \
	}
#define PATH(section, name, fallback, least, meaning)                                              \
	{                                                                                          \
#section, #name, FIELD_PATH, AT(section.name), fallback, least,                    \
			ROOM(section.name), false, NULL, meaning                                   \
	}
#define COUNT(section, name, fallback, min, max, meaning)                                          \
	{                                                                                          \
#section, #name, FIELD_COUNT, AT(section.name), fallback, min, max, false, NULL,   \
			meaning                                                                    \
	}
#define COUNT2(section, name, fallback, min, max, meaning)                                         \
	{                                                                                          \
#section, #name, FIELD_COUNT, AT(section.name), fallback, min, max, true, NULL,    \
			meaning                                                                    \
	}
#define SIZE(section, name, fallback, min, max, meaning)                                           \
	{                                                                                          \
#section, #name, FIELD_SIZE, AT(section.name), fallback, min, max, false, NULL,    \
			meaning                                                                    \
	}
#define SIZE2(section, name, fallback, min, max, meaning)                                          \
	{                                                                                          \
#section, #name, FIELD_SIZE, AT(section.name), fallback, min, max, true, NULL,     \
			meaning                                                                    \
	}
#define TIME(section, name, fallback, min, max, meaning)                                           \
	{                                                                                          \
#section, #name, FIELD_DURATION, AT(section.name), fallback, min, max, false,      \
			NULL, meaning                                                              \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

const struct field conf_fields[] = {
	PATH(chain, genesis, NULL, 1, "geth's genesis.json"),
	COUNT(chain, id, "0", 0, UINT64_MAX, "must equal the genesis's chain id; 0 takes that"),
	PATH(data, directory, "data", 1,
	     "log, checkpoints, metrics and error log; one server each"),
	{ "memory", "hugepages", FIELD_CHOICE, AT(memory.hugepages), "try", 0, 0, false,
	  hugepage_choices, "2 MiB pages: try (warn where there are none), never, must" },
	{ "memory", "lock", FIELD_BOOL, AT(memory.lock), "yes", 0, 0, false, NULL,
	  "keep plain pages out of swap" },
	SIZE(memory, size_max, "0", 0, 64 * TIB, "all regions together; 0 sets no limit"),
	TEXT(clock, driver, "tsc", 1, "tsc (falls back by itself) or system"),
	COUNT2(intake, slot_count, "4096", 64, 1 << 20,
	       "arrivals between a gate and the sequencer"),
	SIZE(intake, slot_size, "2KiB", 1 * KIB, 16 * KIB, "longest transaction without the pool"),
	COUNT(intake, large_count, "64", 1, 65536, "pool buffers of 128 KiB for longer ones"),
	TEXT(recover, driver, "auto", 1, "auto takes the fastest that passes its self-test here"),
	COUNT(recover, shadow_every, "1000", 0, 1000000000,
	      "one recovery in so many is repeated on the reference; 0 none"),
	COUNT(recover, known_senders, "256", 0, 1 << 20,
	      "senders whose keys have a table (64 KiB): checked, not recovered; 0 none"),
	TIME(sequence, mini_block_time, "1ms", 100 * US, 1 * SECOND,
	     "a mini-block, when not empty"),
	TIME(sequence, block_time, "1s", 1 * SECOND, 3600 * SECOND, "an EVM block; whole seconds"),
	COUNT(sequence, block_gas, "2G", 5000, 1000000000000, "gas limit of an EVM block"),
	COUNT(sequence, transaction_gas_max, "16777216", 21000, 16777216,
	      "gas limit of one transaction (EIP-7825)"),
	COUNT(sequence, fee_floor, "0", 0, 1000000000000000000, "least base fee, wei per gas"),
	{ "sequence", "fee_recipient", FIELD_ADDRESS, AT(sequence.fee_recipient),
	  "0x0000000000000000000000000000000000000000", 0, 0, false, NULL,
	  "gets the priority fees" },
	COUNT(sequence, park_count, "4096", 1, 1 << 20, "transactions parked for a nonce gap"),
	COUNT(sequence, park_per_sender, "16", 1, 255, "of one sender"),
	SIZE(sequence, park_size_max, "4KiB", 128, 128 * KIB, "longest that is parked"),
	COUNT(sequence, park_nonce_gap, "16", 1, 65536, "largest gap that is waited for"),
	TIME(sequence, park_time, "100ms", 1 * MS, 60 * SECOND, "how long"),
	COUNT2(sequence, duplicate_count, "262144", 1024, 1 << 30,
	       "hashes kept to answer resubmissions again"),
	TEXT(log, driver, "auto", 1, "auto: uring where the kernel has it, else pwrite"),
	SIZE2(log, ring_size, "64MiB", 2 * MIB, 64 * GIB,
	      "bytes between the sequencer and the disk"),
	SIZE2(log, segment_size, "64MiB", 1 * MIB, 64 * GIB, "one file of the log"),
	SIZE(log, block_size_max, "128KiB", 4 * KIB, 1 * MIB, "one commit block: one write"),
	COUNT(log, in_flight, "8", 1, 64, "writes at once, completing in any order"),
	COUNT(log, prepared, "2", 1, 64, "segments zero-written ahead"),
	SIZE(log, undurable_size_max, "16MiB", 64 * KIB, 32 * GIB,
	     "ordered but not durable: beyond it the sequencer takes nothing"),
	TIME(log, undurable_time_max, "500ms", 1 * MS, 60 * SECOND, "the same, as a time"),
	SIZE(log, retain_size, "1GiB", 0, 1024 * TIB,
	     "of the durable log never pruned, checkpoint or not"),
	COUNT(exec, account_count, "1M", 1024, 1ull << 36, "accounts that the state can hold"),
	COUNT(exec, slot_count, "2M", 1024, 1ull << 38, "storage slots"),
	SIZE(exec, code_size, "64MiB", 1 * MIB, 1 * TIB, "contract code with its analysis"),
	COUNT(exec, shards, "1", 1, GYR_CONF_SHARD_COUNT_MAX, "exec stages"),
	SIZE(exec, stream_size, "32MiB", 4 * MIB, 1 * TIB,
	     "hot code in the form that runs faster; made by the stage translate"),
	COUNT(exec, stream_gas, "50k", 1000, 1000000000000,
	      "gas that code uses before it gets that form; an entry counts for 1000"),
	COUNT(exec, gas_slice, "100k", 21000, 16777216, "gas that one poll may run"),
	{ "checkpoint", "enabled", FIELD_BOOL, AT(checkpoint.enabled), "yes", 0, 0, false, NULL,
	  "no: recovery replays the log from genesis, nothing is pruned" },
	TIME(checkpoint, interval, "5s", 100 * MS, 3600 * SECOND, "between two checkpoints"),
	SIZE(checkpoint, size_max, "16GiB", 64 * MIB, 64 * TIB, "of the store's file (sparse)"),
	COUNT2(sessions, count_max, "256", 1, 32768, "clients at once, of one gate"),
	COUNT(sessions, per_address, "64", 1, 32768, "of one IP address"),
	COUNT(sessions, rate, "1M", 1, 1000000000, "messages a second of a proven session"),
	COUNT(sessions, burst, "20k", 1, 1000000000, "messages at once"),
	COUNT(sessions, unproven_rate, "1k", 1, 1000000000,
	      "datagrams a second answered of all unproven sources together"),
	COUNT(sessions, unproven_burst, "200", 1, 1000000000, "at once"),
	SIZE(sessions, history_size, "256KiB", 64 * KIB, 1 * GIB,
	     "answers that can be asked again"),
	COUNT2(sessions, history_count, "1024", 16, 1 << 20, "datagrams of them"),
	COUNT(sessions, chunked_count, "16", 1, 1024, "large transactions being put together"),
	COUNT(sessions, chunked_per_session, "2", 1, 64, "of one session"),
	TIME(sessions, chunk_time, "1s", 1 * MS, 65 * SECOND, "from the first to the last chunk"),
	TIME(sessions, idle_time, "30s", 1 * SECOND, 3600 * SECOND, "a silent session ends"),
	TIME(sessions, cookie_time, "10s", 1 * SECOND, 3600 * SECOND, "a HELLO cookie's half life"),
	TIME(sessions, hold_time, "100us", 0, 10 * MS,
	     "DURABLE and EXECUTED may wait so long to share datagrams, under load"),
	COUNT(sessions, known_count, "64", 0, 256, "keys of a session that get a table; 0 none"),
	COUNT(sessions, known_pinned, "1", 0, 256,
	      "of them, the first so many keep theirs as long as the session lasts"),
	TEXT(journal, format, "text", 1, "text or json, one line each"),
	PATH(journal, file, "", 0, "where lines go; empty: standard error"),
	COUNT(journal, rate, "10", 1, 1000000, "lines a second from one place of the program"),
	TEXT(security, user, "", 0, "who to be once devices and files are open; empty: stay"),
	TEXT(security, group, "", 0, "empty: the user's own"),
	{ "security", "seccomp", FIELD_BOOL, AT(security.seccomp), "yes", 0, 0, false, NULL,
	  "data lanes make only the system calls that they need" },
};
const unsigned conf_field_count = GYR_COUNT(conf_fields);
_Static_assert(GYR_COUNT(conf_fields) <= CONF_FIELD_COUNT_MAX, "room in the schema");

#undef AT
#define AT(name) offsetof(struct gyr_conf_lane, name)

const struct field lane_fields[] = {
	{ NULL, "name", FIELD_TEXT, AT(name), NULL, 1, 15, false, NULL, "the thread's name" },
	{ NULL, "kind", FIELD_CHOICE, AT(kind), "data", 0, 0, false, kind_choices,
	  "data (never allocates, locks or waits) or cold" },
	{ NULL, "idle", FIELD_CHOICE, AT(idle), "backoff", 0, 0, false, idle_choices,
	  "without work: spin (lowest latency, a whole core), backoff, park" },
	{ NULL, "place", FIELD_CHOICE, AT(place), "any", 0, 0, false, place_choices,
	  "any, nic (its device's NUMA node), node, shared (pinned to no CPU: cold lanes, or "
	  "parked ones)" },
	{ NULL, "node", FIELD_UNSIGNED, AT(node), "0", 0, 63, false, NULL, "for place: node" },
	{ NULL, "cpu", FIELD_CPU, AT(cpu), "auto", 0, 4095, false, NULL,
	  "a logical CPU's number, or auto" },
	{ NULL, "priority", FIELD_UNSIGNED, AT(priority), "0", 0, 99, false, NULL,
	  "SCHED_FIFO priority; 0 is the ordinary scheduler" },
	{ NULL, "spin_turns", FIELD_COUNT, AT(spin_turns), "2k", 1, 1000000000, false, NULL,
	  "empty turns before backoff or park" },
	{ NULL, "turn_time_max", FIELD_DURATION, AT(turn_time_max), "100us", 1 * US, 4 * SECOND,
	  false, NULL, "longer turns are counted as late" },
};
const unsigned lane_field_count = GYR_COUNT(lane_fields);
_Static_assert(GYR_COUNT(lane_fields) <= LANE_FIELD_COUNT_MAX, "room in the schema");

static const char *say(const char *format, ...) GYR_PRINTF(1, 2);

static const char *say(const char *format, ...)
{
	static _Thread_local char said[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(said, sizeof said, format, args);
	va_end(args);
	return said;
}

static const char *parse_text(const struct field *row, char *to, const char *text,
			      const char *folder)
{
	size_t length = strlen(text);
	const char *join = "";

	if (row->kind == FIELD_PATH && length > 0 && text[0] != '/')
		join = folder;
	if (length < row->min)
		return "must not be empty";
	if (strlen(join) + length > row->max)
		return say("is longer than %llu bytes", (unsigned long long)row->max);
	(void)snprintf(to, row->max + 1, "%s%s", join, text);
	return NULL;
}

static const char *parse_number(const struct field *row, uint64_t *number, const char *text)
{
	enum gyr_units_kind kind = row->kind == FIELD_SIZE	 ? GYR_UNITS_SIZE
				   : row->kind == FIELD_DURATION ? GYR_UNITS_DURATION
								 : GYR_UNITS_COUNT;
	char low[GYR_UNITS_TEXT_MAX];
	char high[GYR_UNITS_TEXT_MAX];

	if (!gyr_units_parse(number, kind, text))
		return say("'%.60s' is not %s", text, gyr_units_expected(kind));
	if (*number < row->min || *number > row->max)
		return say("%.60s is out of bounds: %s to %s", text,
			   gyr_units_format(low, kind, (double)row->min),
			   gyr_units_format(high, kind, (double)row->max));
	if (row->power_of_two && !gyr_is_power_of_two(*number))
		return say("%.60s is not a power of two", text);
	return NULL;
}

static const char *parse_choice(const struct field *row, int *out, const char *text)
{
	char list[160] = "";

	for (int i = 0; row->choices[i] != NULL; i++) {
		size_t used = strlen(list);

		if (strcmp(row->choices[i], text) == 0) {
			*out = i;
			return NULL;
		}
		(void)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ",
			       row->choices[i]);
	}
	return say("'%.60s' is none of: %s", text, list);
}

static const char *parse_bool(bool *out, const char *text)
{
	*out = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
	if (*out || strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
		return NULL;
	return say("'%.60s' is neither yes nor no", text);
}

static int hex_digit(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
	       : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
					      : -1;
}

static const char *parse_address(struct gyr_address *out, const char *text)
{
	bool good = strlen(text) == 42 && text[0] == '0' && text[1] == 'x';

	for (size_t i = 0; good && i < sizeof out->bytes; i++) {
		int high = hex_digit(text[2 + 2 * i]);
		int low = hex_digit(text[3 + 2 * i]);

		good = high >= 0 && low >= 0;
		if (good)
			out->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return good ? NULL : say("'%.60s' is not an address: 0x and 40 hex digits", text);
}

const char *field_parse(const struct field *row, void *target, const char *text, const char *folder)
{
	void *to = (uint8_t *)target + row->offset;
	const char *wrong;
	uint64_t number;

	switch (row->kind) {
	case FIELD_TEXT:
	case FIELD_PATH:
		return parse_text(row, to, text, folder);
	case FIELD_COUNT:
	case FIELD_SIZE:
	case FIELD_DURATION:
		return parse_number(row, to, text);
	case FIELD_UNSIGNED:
		wrong = parse_number(row, &number, text);
		if (wrong == NULL)
			*(unsigned *)to = (unsigned)number;
		return wrong;
	case FIELD_CPU:
		if (strcmp(text, "auto") == 0) {
			*(int *)to = GYR_CONF_CPU_AUTO;
			return NULL;
		}
		wrong = parse_number(row, &number, text);
		if (wrong == NULL)
			*(int *)to = (int)number;
		return wrong;
	case FIELD_BOOL:
		return parse_bool(to, text);
	case FIELD_CHOICE:
		return parse_choice(row, to, text);
	case FIELD_ADDRESS:
		return parse_address(to, text);
	}
	return "is of a kind that the program does not know";
}

static void print_row(const struct field *row, FILE *to)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%s.%s", row->section == NULL ? "lanes[]" : row->section,
		       row->name);
	(void)fprintf(to, "%-30s %-12s %s\n", name,
		      row->fallback == NULL	   ? "(required)"
		      : row->fallback[0] == '\0'   ? "\"\""
		      : row->kind == FIELD_ADDRESS ? "0x00…00"
						   : row->fallback,
		      row->meaning);
}

void gyr_conf_print_fields(FILE *to)
{
	(void)fprintf(to, "%-30s %-12s %s\n", "field", "default", "meaning");
	for (unsigned i = 0; i < conf_field_count; i++)
		print_row(&conf_fields[i], to);
	(void)fprintf(to, "%-30s %-12s %s\n", "gates[].device", "(required)",
		      "driver:key=value,… of lib/netdev; one gate each");
	for (unsigned i = 0; i < lane_field_count; i++)
		print_row(&lane_fields[i], to);
	(void)fprintf(to, "%-30s %-12s %s\n", "lanes[].stages", "(required)",
		      "in flow order, a gate before verify or behind sequence: verify 0, sequence, "
		      "gate 0, wal, exec 0, …");
}
