/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_genesis.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"

#define PATH_LENGTH_MAX 512

struct gyr_genesis {
	json_t *root;
	json_t *alloc; /* borrowed of root */
	char path[PATH_LENGTH_MAX];
	struct gyr_chain_config chain;
	struct gyr_genesis_header header;
	uint64_t account_count;
	uint64_t slot_count;
	uint8_t *code; /* of the account that is being visited */
	size_t code_size;
};

/* geth's names of the forks' activation members, in order of gyr_fork. */
static const struct {
	enum gyr_fork fork;
	const char *name;
	bool by_time;
} activations[] = {
	{ GYR_FORK_HOMESTEAD, "homesteadBlock", false },
	{ GYR_FORK_TANGERINE, "eip150Block", false },
	{ GYR_FORK_SPURIOUS, "eip158Block", false },
	{ GYR_FORK_BYZANTIUM, "byzantiumBlock", false },
	{ GYR_FORK_CONSTANTINOPLE, "constantinopleBlock", false },
	{ GYR_FORK_PETERSBURG, "petersburgBlock", false },
	{ GYR_FORK_ISTANBUL, "istanbulBlock", false },
	{ GYR_FORK_BERLIN, "berlinBlock", false },
	{ GYR_FORK_LONDON, "londonBlock", false },
	{ GYR_FORK_SHANGHAI, "shanghaiTime", true },
	{ GYR_FORK_CANCUN, "cancunTime", true },
	{ GYR_FORK_PRAGUE, "pragueTime", true },
	{ GYR_FORK_OSAKA, "osakaTime", true },
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Skips "0x". */
static const char *hex_body(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

/* Reads up to `size` bytes of hex, right-aligned as a number is; false where it is none. */
static bool read_hex_number(uint8_t *out, size_t size, const char *text)
{
	const char *digits = hex_body(text);
	size_t length = strlen(digits);

	memset(out, 0, size);
	while (length > 0 && *digits == '0') {
		digits++;
		length--;
	}
	if (length > 2 * size)
		return false;
	for (size_t i = 0; i < length; i++) {
		int digit = hex_digit(digits[length - 1 - i]);

		if (digit < 0)
			return false;
		out[size - 1 - i / 2] |= (uint8_t)(digit << (i % 2 * 4));
	}
	return true;
}

/* Decimal text to 256 bits; false where it is none or too large. */
static bool read_decimal(struct gyr_u256 *out, const char *text)
{
	struct gyr_u256 ten = gyr_u256_from_u64(10);

	*out = gyr_u256_from_u64(0);
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		struct gyr_u256 digit;

		if (*text < '0' || *text > '9')
			return false;
		digit = gyr_u256_from_u64((uint64_t)(*text - '0'));
		if (gyr_u256_mul_overflows(out, out, &ten) || gyr_u256_add(out, out, &digit))
			return false;
	}
	return true;
}

/* A quantity as geth writes it: a JSON integer, "0x…" or decimal text. */
static bool read_quantity(struct gyr_u256 *out, const json_t *value)
{
	uint8_t bytes[32];
	const char *text;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*out = gyr_u256_from_u64((uint64_t)json_integer_value(value));
		return true;
	}
	text = json_string_value(value);
	if (text == NULL)
		return false;
	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return read_decimal(out, text);
	if (!read_hex_number(bytes, sizeof bytes, text))
		return false;
	gyr_u256_load_be(out, bytes);
	return true;
}

static int bad_member(const struct gyr_genesis *genesis, const char *where, const char *name,
		      const char *want)
{
	GYR_FAIL(GYR_ERR_DATA, "%s: %s%s%s: not %s", genesis->path, where,
		 where[0] == '\0' ? "" : ".", name, want);
}

/* An optional quantity of at most 64 bits; `otherwise` where it is not there. */
static int get_u64(const struct gyr_genesis *genesis, uint64_t *out, const json_t *object,
		   const char *where, const char *name, uint64_t otherwise)
{
	const json_t *value = json_object_get(object, name);
	struct gyr_u256 wide;

	*out = otherwise;
	if (value == NULL || json_is_null(value))
		return 0;
	if (!read_quantity(&wide, value) || !gyr_u256_fits_u64(&wide))
		return bad_member(genesis, where, name, "a number of 64 bits");
	*out = wide.limb[0];
	return 0;
}

/* An optional run of exactly `size` bytes; zeros where it is not there. */
static int get_bytes(const struct gyr_genesis *genesis, uint8_t *out, size_t size,
		     const json_t *object, const char *where, const char *name)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);

	memset(out, 0, size);
	if (value == NULL)
		return 0;
	if (text == NULL || strlen(hex_body(text)) > 2 * size || !read_hex_number(out, size, text))
		return bad_member(genesis, where, name, "bytes in hex of the right length");
	return 0;
}

static int read_forks(struct gyr_genesis *genesis, const json_t *config)
{
	struct gyr_fork_activation *forks = genesis->chain.forks;
	uint64_t at;

	for (unsigned i = 0; i < GYR_FORK_COUNT; i++)
		forks[i] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER, GYR_CHAIN_NEVER };
	forks[GYR_FORK_FRONTIER] = (struct gyr_fork_activation){ 0, 0 };
	for (size_t i = 0; i < GYR_COUNT(activations); i++) {
		GYR_TRY(get_u64(genesis, &at, config, "config", activations[i].name,
				GYR_CHAIN_NEVER));
		if (at == GYR_CHAIN_NEVER)
			continue;
		forks[activations[i].fork] = activations[i].by_time
						     ? (struct gyr_fork_activation){ 0, at }
						     : (struct gyr_fork_activation){ at, 0 };
	}
	/* an L2 has no proof of work: after London comes Paris at once */
	GYR_TRY(get_u64(genesis, &at, config, "config", "mergeNetsplitBlock",
			forks[GYR_FORK_LONDON].number));
	if (at != GYR_CHAIN_NEVER)
		forks[GYR_FORK_PARIS] = (struct gyr_fork_activation){ at, 0 };
	for (unsigned i = GYR_FORK_HOMESTEAD; i < GYR_FORK_COUNT; i++)
		if (forks[i].number != GYR_CHAIN_NEVER && forks[i - 1].number == GYR_CHAIN_NEVER)
			GYR_FAIL(GYR_ERR_DATA,
				 "%s: config: %s is scheduled, but %s before it is not",
				 genesis->path, gyr_fork_name(i), gyr_fork_name(i - 1));
	return 0;
}

static int read_own(struct gyr_genesis *genesis, const json_t *config)
{
	const json_t *own = json_object_get(config, "gyr");
	struct gyr_chain_config *chain = &genesis->chain;

	GYR_TRY(get_u64(genesis, &chain->base_fee_floor, own, "config.gyr", "baseFeeFloor",
			chain->base_fee_floor));
	if (json_object_get(own, "baseFeeRecipient") == NULL)
		return 0;
	chain->has_base_fee_recipient = true;
	return get_bytes(genesis, chain->base_fee_recipient.bytes,
			 sizeof chain->base_fee_recipient.bytes, own, "config.gyr",
			 "baseFeeRecipient");
}

static int read_header(struct gyr_genesis *genesis)
{
	struct gyr_genesis_header *header = &genesis->header;
	const json_t *root = genesis->root;
	const json_t *difficulty = json_object_get(root, "difficulty");
	const char *extra = json_string_value(json_object_get(root, "extraData"));

	GYR_TRY(get_u64(genesis, &header->timestamp, root, "", "timestamp", 0));
	GYR_TRY(get_u64(genesis, &header->gas_limit, root, "", "gasLimit", 30000000));
	GYR_TRY(get_u64(genesis, &header->base_fee, root, "", "baseFeePerGas", 0));
	GYR_TRY(get_bytes(genesis, header->nonce, sizeof header->nonce, root, "", "nonce"));
	GYR_TRY(get_bytes(genesis, header->mix_hash.bytes, sizeof header->mix_hash.bytes, root, "",
			  "mixHash"));
	GYR_TRY(get_bytes(genesis, header->coinbase.bytes, sizeof header->coinbase.bytes, root, "",
			  "coinbase"));
	if (difficulty != NULL && !read_quantity(&header->difficulty, difficulty))
		return bad_member(genesis, "", "difficulty", "a number");
	if (extra != NULL) {
		size_t digits = strlen(hex_body(extra));

		if (digits % 2 != 0 || digits > 2 * sizeof header->extra)
			return bad_member(genesis, "", "extraData", "at most 32 bytes in hex");
		header->extra_length = (uint8_t)(digits / 2);
		if (!read_hex_number(header->extra, header->extra_length, extra))
			return bad_member(genesis, "", "extraData", "at most 32 bytes in hex");
	}
	return 0;
}

static int read_root(struct gyr_genesis *genesis)
{
	const json_t *config = json_object_get(genesis->root, "config");
	const char *address;
	json_t *account;
	uint64_t chain_id;

	if (!json_is_object(config))
		return bad_member(genesis, "", "config", "an object");
	GYR_TRY(get_u64(genesis, &chain_id, config, "config", "chainId", 0));
	if (chain_id == 0)
		return bad_member(genesis, "config", "chainId", "a chain id");
	genesis->chain = gyr_chain_config_default(chain_id);
	GYR_TRY(read_forks(genesis, config));
	GYR_TRY(read_own(genesis, config));
	GYR_TRY(read_header(genesis));
	genesis->alloc = json_object_get(genesis->root, "alloc");
	if (genesis->alloc == NULL)
		return 0;
	if (!json_is_object(genesis->alloc))
		return bad_member(genesis, "", "alloc", "an object");
	genesis->account_count = json_object_size(genesis->alloc);
	json_object_foreach(genesis->alloc, address, account)
		genesis->slot_count += json_object_size(json_object_get(account, "storage"));
	return 0;
}

int gyr_genesis_open(struct gyr_genesis **out, const char *path)
{
	struct gyr_genesis *genesis = calloc(1, sizeof *genesis);
	json_error_t error;
	int failed;

	if (genesis == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the genesis");
	(void)snprintf(genesis->path, sizeof genesis->path, "%s", path);
	genesis->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (genesis->root == NULL) {
		bool missing = error.line == -1;

		free(genesis);
		if (missing)
			GYR_FAIL(GYR_ERR_IO, "%s: %s", path, error.text);
		GYR_FAIL(GYR_ERR_DATA, "%s:%d:%d: %s", path, error.line, error.column, error.text);
	}
	failed = read_root(genesis);
	if (failed < 0) {
		gyr_genesis_close(genesis);
		return failed;
	}
	*out = genesis;
	return 0;
}

void gyr_genesis_close(struct gyr_genesis *genesis)
{
	if (genesis == NULL)
		return;
	json_decref(genesis->root);
	free(genesis->code);
	free(genesis);
}

const struct gyr_chain_config *gyr_genesis_chain(const struct gyr_genesis *genesis)
{
	return &genesis->chain;
}

const struct gyr_genesis_header *gyr_genesis_header(const struct gyr_genesis *genesis)
{
	return &genesis->header;
}

uint64_t gyr_genesis_account_count(const struct gyr_genesis *genesis)
{
	return genesis->account_count;
}

uint64_t gyr_genesis_slot_count(const struct gyr_genesis *genesis)
{
	return genesis->slot_count;
}

static int read_code(struct gyr_genesis *genesis, struct gyr_slice *out, const json_t *account,
		     const char *where)
{
	const char *text = json_string_value(json_object_get(account, "code"));
	size_t digits;

	*out = (struct gyr_slice){ NULL, 0 };
	if (text == NULL)
		return 0;
	digits = strlen(hex_body(text));
	if (digits % 2 != 0)
		return bad_member(genesis, where, "code", "whole bytes in hex");
	if (digits == 0)
		return 0;
	if (digits / 2 > genesis->code_size) {
		uint8_t *grown = realloc(genesis->code, digits / 2);

		if (grown == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for %zu bytes of code", digits / 2);
		genesis->code = grown;
		genesis->code_size = digits / 2;
	}
	for (size_t i = 0; i < digits / 2; i++) {
		int high = hex_digit(hex_body(text)[2 * i]);
		int low = hex_digit(hex_body(text)[2 * i + 1]);

		if (high < 0 || low < 0)
			return bad_member(genesis, where, "code", "whole bytes in hex");
		genesis->code[i] = (uint8_t)(high << 4 | low);
	}
	*out = (struct gyr_slice){ genesis->code, digits / 2 };
	return 0;
}

static int walk_storage(const struct gyr_genesis *genesis, const struct gyr_address *address,
			const char *where, json_t *storage, gyr_genesis_slot_visit *slot,
			void *context)
{
	const char *name;
	json_t *member;

	json_object_foreach(storage, name, member)
	{
		const char *text = json_string_value(member);
		struct gyr_u256 key, value;
		uint8_t bytes[32];

		if (!read_hex_number(bytes, sizeof bytes, name))
			return bad_member(genesis, where, name, "a storage key");
		gyr_u256_load_be(&key, bytes);
		if (text == NULL || !read_hex_number(bytes, sizeof bytes, text))
			return bad_member(genesis, where, name, "followed by a storage value");
		gyr_u256_load_be(&value, bytes);
		GYR_TRY(slot(context, address, &key, &value));
	}
	return 0;
}

int gyr_genesis_walk(struct gyr_genesis *genesis, gyr_genesis_account_visit *account,
		     gyr_genesis_slot_visit *slot, void *context)
{
	const char *name;
	json_t *member;

	json_object_foreach(genesis->alloc, name, member)
	{
		struct gyr_genesis_account row = { 0 };
		const json_t *balance = json_object_get(member, "balance");

		if (strlen(hex_body(name)) != 40 ||
		    !read_hex_number(row.address.bytes, sizeof row.address.bytes, name))
			return bad_member(genesis, "alloc", name, "an address");
		if (!json_is_object(member) ||
		    (balance != NULL && !read_quantity(&row.balance, balance)))
			return bad_member(genesis, name, "balance", "a quantity of wei");
		GYR_TRY(get_u64(genesis, &row.nonce, member, name, "nonce", 0));
		GYR_TRY(read_code(genesis, &row.code, member, name));
		GYR_TRY(account(context, &row));
		GYR_TRY(walk_storage(genesis, &row.address, name,
				     json_object_get(member, "storage"), slot, context));
	}
	return 0;
}

size_t gyr_genesis_schedule(uint8_t *out, size_t size, const struct gyr_chain_config *chain)
{
	size_t length = 0;
	uint64_t words[4 + 2 * GYR_FORK_COUNT];
	size_t count = 0;

	words[count++] = chain->base_fee_floor;
	words[count++] = chain->base_fee_change_denominator;
	words[count++] = chain->base_fee_elasticity;
	words[count++] = chain->has_base_fee_recipient;
	for (unsigned i = 0; i < GYR_FORK_COUNT; i++) {
		words[count++] = chain->forks[i].number;
		words[count++] = chain->forks[i].timestamp;
	}
	gyr_assert(count == GYR_COUNT(words));
	gyr_assert(size >= sizeof words + sizeof chain->base_fee_recipient);
	for (size_t i = 0; i < count; i++, length += 8)
		gyr_store_be64(out + length, words[i]);
	memcpy(out + length, chain->base_fee_recipient.bytes, sizeof chain->base_fee_recipient);
	return length + sizeof chain->base_fee_recipient;
}
