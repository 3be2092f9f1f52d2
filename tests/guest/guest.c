/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof guest's shape, for qemu-user: the pure set with nothing but this file below it. No C
 * library: its own start, five system calls, memory functions. Reads cases (guest_case.h) from
 * standard input, runs each, prints what differs and "N passed, N failed"; exit code 0 when none
 * failed, 2 when an assertion did.
 */
#include "guest_case.h"

#include "gyr_bytes.h"
#include "gyr_stf_root.h"

#define INPUT_BYTES_MAX ((size_t)64 << 20)
#define ARENA_BYTES	((size_t)3 << 30)

enum { CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT = 93, CALL_MMAP = 222 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}

static _Noreturn void leave(int code)
{
	for (;;)
		(void)call(CALL_EXIT, code, 0, 0, 0, 0, 0);
}

/* Plain loops: the compiler is told not to make calls of themselves out of them. */
void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
	uint8_t *a = to;
	const uint8_t *b = from;

	while (length-- > 0)
		*a++ = *b++;
	return to;
}

void *memmove(void *to, const void *from, size_t length)
{
	uint8_t *a = to;
	const uint8_t *b = from;

	if (a < b)
		return memcpy(to, from, length);
	while (length-- > 0)
		a[length] = b[length];
	return to;
}

void *memset(void *to, int value, size_t length)
{
	uint8_t *a = to;

	while (length-- > 0)
		*a++ = (uint8_t)value;
	return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
	const uint8_t *x = a, *y = b;

	for (; length-- > 0; x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}

/* What gcc calls where the machine has no instruction for it: rv64im has none for bits. */
uint64_t __bswapdi2(uint64_t x);
int __clzdi2(uint64_t x);
int __ctzdi2(uint64_t x);
int __popcountdi2(uint64_t x);
uint32_t __bswapsi2(uint32_t x);

uint64_t __bswapdi2(uint64_t x)
{
	uint64_t swapped = 0;

	for (int i = 0; i < 8; i++)
		swapped |= (x >> 8 * i & 255) << (56 - 8 * i);
	return swapped;
}

uint32_t __bswapsi2(uint32_t x)
{
	return x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24;
}

int __ctzdi2(uint64_t x)
{
	int count = 0;

	while ((x & 1) == 0) {
		x >>= 1;
		count++;
	}
	return count;
}

int __clzdi2(uint64_t x)
{
	int count = 0;

	while ((x >> 63) == 0) {
		x <<= 1;
		count++;
	}
	return count;
}

int __popcountdi2(uint64_t x)
{
	int count = 0;

	for (; x != 0; x &= x - 1)
		count++;
	return count;
}

gyr_u128 __udivti3(gyr_u128 a, gyr_u128 b);

gyr_u128 __udivti3(gyr_u128 a, gyr_u128 b)
{
	gyr_u128 rest = 0, quotient = 0;

	for (int i = 127; i >= 0; i--) {
		rest = rest << 1 | (a >> i & 1);
		quotient <<= 1;
		if (rest >= b) {
			rest -= b;
			quotient |= 1;
		}
	}
	return quotient;
}

static void print(const char *text)
{
	long length = 0;

	while (text[length] != 0)
		length++;
	(void)call(CALL_WRITE, 1, (long)text, length, 0, 0, 0);
}

static void print_number(uint64_t number)
{
	char text[21] = { 0 };
	int at = 20;

	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	print(text + at);
}

_Noreturn void gyr_assert_failed(const char *expression, const char *file, int line)
{
	print("assertion failed: ");
	print(expression);
	print(" at ");
	print(file);
	print(":");
	print_number((uint64_t)line);
	print("\n");
	leave(2);
}

/* What is left of the input; a file that is cut short fails an assertion. */
struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t word(struct input *input)
{
	uint64_t value;

	gyr_assert(input->left >= 8);
	value = gyr_load_le64(input->at);
	input->at += 8;
	input->left -= 8;
	return value;
}

static struct gyr_slice string(struct input *input)
{
	size_t length = (size_t)word(input);
	struct gyr_slice bytes = { input->at, length };

	gyr_assert(input->left >= length);
	input->at += length;
	input->left -= length;
	return bytes;
}

static void fixed(struct input *input, void *out, size_t length)
{
	struct gyr_slice bytes = string(input);

	gyr_assert(bytes.length == length);
	memcpy(out, bytes.data, length);
}

static struct gyr_u256 number(struct input *input)
{
	struct gyr_u256 value;
	uint8_t bytes[32];

	fixed(input, bytes, sizeof bytes);
	gyr_u256_load_be(&value, bytes);
	return value;
}

struct guest {
	struct gyr_stf *stf;
	struct gyr_stf_root *root;
	struct gyr_write_set writes;
};

static void start(struct guest *guest)
{
	struct gyr_stf_limits limits = {
		.tx_gas_max = INT64_MAX,
		.block_gas_max = INT64_MAX,
		.state = {
			.account_count_max = 4096,
			.slot_count_max = 1u << 15,
			.code_count_max = 4096,
			.code_bytes_max = (uint64_t)32 << 20,
			.touched_count_max = 1u << 16,
			.journal_count_max = 1u << 20,
			.transient_count_max = 1u << 16,
			.log_count_max = 1u << 14,
			.log_bytes_max = (uint64_t)8 << 20,
			.dirty_count_max = 1u << 15,
		},
		.evm = { .tx_gas_max = UINT64_C(100000000), .memory_size = (uint64_t)256 << 20 },
		.tx_count_max = 4,
		.tx_bytes_max = (uint64_t)4 << 20,
		.receipt_bytes_max = (uint64_t)16 << 20,
		.block_output_count = 1,
		.blob_hash_count_max = 64,
		.seed = 1,
	};
	const struct gyr_stf_root_limits root_limits = { .contract_count_max = 4096,
							 .trie_bytes = (size_t)32 << 20,
							 .dirty_count_max = 1u << 15 };
	struct gyr_chain_config config = gyr_chain_config_default(1);
	/* PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE */
	long memory = call(CALL_MMAP, 0, (long)ARENA_BYTES, 3, 0x4022, -1, 0);
	struct gyr_arena arena = gyr_arena_over((void *)memory, ARENA_BYTES);

	gyr_assert(memory > 0);
	gyr_assert(gyr_stf_init(&guest->stf, &arena, &limits, &config, &gyr_keccak_portable,
				&gyr_precompile_portable));
	gyr_assert(gyr_stf_root_init(&guest->root, &arena, &root_limits, &gyr_keccak_portable));
	gyr_assert(gyr_write_set_init(&guest->writes, &arena, &limits.state));
}

static void read_accounts(struct guest *guest, struct input *input)
{
	for (uint64_t count = word(input); count > 0; count--) {
		struct gyr_address address;
		struct gyr_u256 balance;
		uint64_t nonce;

		fixed(input, address.bytes, sizeof address.bytes);
		nonce = word(input);
		balance = number(input);
		gyr_assert(gyr_stf_genesis_account(guest->stf, &address, nonce, &balance,
						   string(input)));
		for (uint64_t slots = word(input); slots > 0; slots--) {
			struct gyr_u256 key = number(input), value = number(input);

			gyr_assert(gyr_stf_genesis_slot(guest->stf, &address, &key, &value));
		}
	}
}

/* State tests have it that a block's hash is that of its number in decimal. */
static void provide_hash(struct guest *guest)
{
	uint64_t wanted = gyr_stf_block_hash_wanted(guest->stf), rest = wanted;
	struct gyr_hash hash;
	uint8_t text[20];
	size_t at = sizeof text;

	do {
		text[--at] = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	gyr_keccak256(&hash, text + at, sizeof text - at);
	gyr_stf_provide_block_hash(guest->stf, wanted, &hash);
}

static void execute(struct guest *guest, struct gyr_hash *logs)
{
	struct gyr_stf_receipt receipt;
	enum gyr_stf_status status;

	while ((status = gyr_stf_step(guest->stf, 100000)) != GYR_STF_DONE) {
		gyr_assert(status != GYR_STF_FATAL);
		if (status == GYR_STF_NEEDS_BLOCK_HASH)
			provide_hash(guest);
	}
	gyr_assert(gyr_stf_tx_end(guest->stf, &receipt) == GYR_STF_DONE);
	*logs = receipt.logs_hash;
}

/* True when the case comes out as it must. */
static bool run_case(struct guest *guest, struct input *input)
{
	struct gyr_stf_block block = { .standalone = true };
	struct gyr_state_cursor cursor = { 0, 0 };
	enum gyr_fork fork = (enum gyr_fork)word(input);
	struct gyr_chain_config config = gyr_chain_config_default(word(input));
	struct gyr_hash root, logs, got_logs = gyr_keccak_empty_list;
	struct gyr_stf_parent parent = { 0 };
	struct gyr_blob_schedule blobs;
	struct gyr_txn_rules rules;
	struct gyr_address sender;
	struct gyr_slice raw;
	struct gyr_txn txn;
	bool accepted, wanted;

	for (unsigned later = fork + 1u; later < GYR_FORK_COUNT; later++)
		config.forks[later] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
								    GYR_CHAIN_NEVER };
	config.blobs_accepted = true;
	block.number = word(input);
	block.timestamp = word(input);
	block.gas_limit = word(input);
	block.base_fee = word(input);
	block.excess_blob_gas = word(input);
	blobs = (struct gyr_blob_schedule){ .target = word(input) };
	blobs.max = word(input);
	blobs.update_fraction = word(input);
	config.blobs_cancun = blobs;
	config.blobs_prague = blobs;
	fixed(input, block.fee_recipient.bytes, 20);
	fixed(input, block.prev_randao.bytes, 32);
	block.difficulty = number(input);
	fixed(input, sender.bytes, 20);
	raw = string(input);
	fixed(input, root.bytes, 32);
	fixed(input, logs.bytes, 32);
	wanted = word(input) != 0;
	parent.number = block.number - 1;
	gyr_stf_reset(guest->stf, &config);
	read_accounts(guest, input);
	gyr_stf_seal(guest->stf, &parent);
	gyr_assert(gyr_stf_block_begin(guest->stf, &block));
	gyr_txn_rules_init(&rules, fork, config.chain_id);
	rules.length_max = SIZE_MAX;
	accepted = gyr_txn_parse(&txn, raw, &rules) == GYR_VERDICT_OK &&
		   gyr_stf_tx_begin(guest->stf, &txn, &sender) == GYR_VERDICT_OK;
	if (accepted)
		execute(guest, &got_logs);
	gyr_stf_block_release(guest->stf, gyr_stf_block_end(guest->stf));
	gyr_stf_root_reset(guest->root);
	while (gyr_state_export(gyr_stf_state(guest->stf), &cursor, &guest->writes))
		gyr_assert(gyr_stf_root_apply(guest->root, &guest->writes));
	return accepted == wanted && gyr_hash_equal(gyr_stf_root_state(guest->root), &root) &&
	       gyr_hash_equal(&got_logs, &logs);
}

static int run(void)
{
	long memory = call(CALL_MMAP, 0, (long)INPUT_BYTES_MAX, 3, 0x4022, -1, 0);
	struct input input = { .at = (const uint8_t *)memory };
	uint64_t passed = 0, failed = 0, count;
	static struct guest guest;
	long got;

	gyr_assert(memory > 0);
	while ((got = call(CALL_READ, 0, memory + (long)input.left,
			   (long)(INPUT_BYTES_MAX - input.left), 0, 0, 0)) > 0)
		input.left += (size_t)got;
	start(&guest);
	gyr_assert(word(&input) == GUEST_MAGIC);
	count = word(&input);
	for (uint64_t i = 0; i < count; i++) {
		if (run_case(&guest, &input)) {
			passed++;
			continue;
		}
		failed++;
		print("case ");
		print_number(i);
		print(" differs\n");
	}
	print_number(passed);
	print(" passed, ");
	print_number(failed);
	print(" failed\n");
	return failed != 0 || count == 0;
}

_Noreturn void _start(void);

/* The kernel enters here with an aligned stack; nothing is asked of it. */
_Noreturn void _start(void)
{
	leave(run());
}
