/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic accounts, their genesis, and transfers signed ahead of a run. */
#include <pthread.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_secp.h"
#include "sign_block.h"

#define THREADS_MAX 64

/* A share [first, end) of something that threads do side by side. */
struct share {
	void (*work)(struct share *share, uint64_t index);
	void *context;
	uint64_t first, end, seed;
	bool failed;
};

static void *run_share(void *argument)
{
	struct share *share = argument;

	for (uint64_t i = share->first; i < share->end && !share->failed; i++)
		share->work(share, i);
	return NULL;
}

static int run_shares(const struct share *model, uint64_t count, unsigned thread_count)
{
	struct share shares[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	unsigned started = 0;
	bool failed = false;

	if (thread_count == 0)
		thread_count = 1;
	if (thread_count > THREADS_MAX)
		thread_count = THREADS_MAX;
	for (unsigned i = 0; i < thread_count; i++) {
		shares[i] = *model;
		shares[i].first = count * i / thread_count;
		shares[i].end = count * (i + 1) / thread_count;
	}
	/* The first share is this thread's; what no thread takes, it does too. */
	for (unsigned i = 1; i < thread_count; i++) {
		if (pthread_create(&threads[i], NULL, run_share, &shares[i]) != 0)
			break;
		started = i;
	}
	(void)run_share(&shares[0]);
	for (unsigned i = 1; i < thread_count; i++) {
		if (i <= started)
			(void)pthread_join(threads[i], NULL);
		else
			(void)run_share(&shares[i]);
	}
	for (unsigned i = 0; i < thread_count; i++)
		failed |= shares[i].failed;
	if (failed)
		GYR_FAIL(GYR_ERR_INTERNAL, "a derived key is no key, or a signature none");
	return 0;
}

static void derive(struct share *share, uint64_t index)
{
	struct gyr_load_account *account = (struct gyr_load_account *)share->context + index;
	uint8_t text[16 + 16] = "gyr bench key";
	uint8_t public_key[64];
	struct gyr_hash hash;

	gyr_store_be64(text + 16, share->seed);
	gyr_store_be64(text + 24, index);
	gyr_keccak256(&hash, text, sizeof text);
	memcpy(account->secret, hash.bytes, sizeof account->secret);
	if (!gyr_secp_public_key(public_key, account->secret)) {
		share->failed = true; /* one in 2^128 */
		return;
	}
	gyr_keccak256(&hash, public_key, sizeof public_key);
	memcpy(account->address.bytes, hash.bytes + 12, sizeof account->address.bytes);
}

int gyr_load_accounts(struct gyr_load_account *out, uint64_t count, uint64_t seed,
		      unsigned thread_count)
{
	return run_shares(&(struct share){ .work = derive, .context = out, .seed = seed }, count,
			  thread_count);
}

static void sign(struct share *share, uint64_t index)
{
	share->failed = !load_sign_block(share->context, index);
}

int gyr_load_sign(struct gyr_load_work *work, unsigned thread_count)
{
	gyr_assert(work->account_count > 0);
	return run_shares(&(struct share){ .work = sign, .context = work },
			  (work->count + LOAD_SIGN_BLOCK - 1) / LOAD_SIGN_BLOCK, thread_count);
}

static void write_quantity(struct gyr_json *json, const char *key, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
	gyr_json_text(json, key, text);
}

static void write_blob_fork(struct gyr_json *json, const char *fork, uint64_t target, uint64_t max,
			    uint64_t fraction)
{
	gyr_json_object(json, fork);
	gyr_json_number(json, "target", target);
	gyr_json_number(json, "max", max);
	gyr_json_number(json, "baseFeeUpdateFraction", fraction);
	gyr_json_end(json);
}

static void write_config(struct gyr_json *json, const struct gyr_load_genesis *genesis)
{
	static const char *const blocks[] = {
		"homesteadBlock",  "eip150Block",
		"eip155Block",	   "eip158Block",
		"byzantiumBlock",  "constantinopleBlock",
		"petersburgBlock", "istanbulBlock",
		"berlinBlock",	   "londonBlock",
		"shanghaiTime",	   "cancunTime",
		"pragueTime",	   "terminalTotalDifficulty",
	};

	gyr_json_object(json, "config");
	gyr_json_number(json, "chainId", genesis->chain_id);
	for (size_t i = 0; i < GYR_COUNT(blocks); i++)
		gyr_json_number(json, blocks[i], 0);
	if (genesis->osaka)
		gyr_json_number(json, "osakaTime", 0);
	gyr_json_object(json, "blobSchedule");
	write_blob_fork(json, "cancun", 3, 6, 3338477);
	write_blob_fork(json, "prague", 6, 9, 5007716);
	if (genesis->osaka)
		write_blob_fork(json, "osaka", 6, 9, 5007716);
	gyr_json_end(json);
	gyr_json_end(json);
}

int gyr_load_write_genesis(FILE *to, const struct gyr_load_genesis *genesis,
			   const struct gyr_load_account *accounts, uint64_t count)
{
	struct gyr_json json = gyr_json_begin(to);
	unsigned __int128 wei = (unsigned __int128)genesis->balance_ether * 1000000000000000000u;
	char balance[48];

	(void)snprintf(balance, sizeof balance, "0x%llx%016llx", (unsigned long long)(wei >> 64),
		       (unsigned long long)wei);
	if (wei >> 64 == 0)
		(void)snprintf(balance, sizeof balance, "0x%llx", (unsigned long long)wei);
	gyr_json_object(&json, NULL);
	write_config(&json, genesis);
	gyr_json_text(&json, "nonce", "0x0");
	write_quantity(&json, "timestamp", genesis->timestamp);
	gyr_json_text(&json, "extraData", "0x");
	write_quantity(&json, "gasLimit", genesis->gas_limit);
	gyr_json_text(&json, "difficulty", "0x0");
	gyr_json_hex(&json, "mixHash", (const uint8_t[32]){ 0 }, 32);
	gyr_json_hex(&json, "coinbase", (const uint8_t[20]){ 0 }, 20);
	write_quantity(&json, "baseFeePerGas", genesis->base_fee);
	gyr_json_object(&json, "alloc");
	for (uint64_t i = 0; i < count; i++) {
		char address[43];

		(void)snprintf(address, sizeof address, "0x");
		for (size_t k = 0; k < sizeof accounts[i].address.bytes; k++)
			(void)snprintf(address + 2 + 2 * k, 3, "%02x",
				       accounts[i].address.bytes[k]);
		gyr_json_object(&json, address);
		gyr_json_text(&json, "balance", balance);
		gyr_json_end(&json);
	}
	gyr_json_end(&json);
	gyr_json_end(&json);
	if (fflush(to) != 0 || ferror(to) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot write the genesis");
	return 0;
}
