/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte code: the input is a contract's code, and its call data too. Executed whole and in slices,
 * traced and not, it does the same; nothing fails an assertion; the root that grew with the block
 * is the root of everything.
 */
#include "gyr_fuzz.h"

#include "evm_rig.h"

#define GAS 400000

static struct evm_rig rig;
static uint64_t steps;

static void on_step(void *context, const struct gyr_evm_trace_step *step)
{
	(void)context;
	steps += step->stack_count <= GYR_EVM_STACK_MAX && step->gas >= 0;
}

static void must(bool condition)
{
	if (!condition)
		abort();
}

static struct gyr_stf_receipt run(const uint8_t *data, size_t size, int64_t slice,
				  struct gyr_hash *root)
{
	const struct gyr_slice input = { data, size < 4096 ? size : 4096 };
	struct gyr_txn txn = evm_rig_call(9, 0, GAS, input);
	struct gyr_address sender = evm_rig_address(1);
	struct gyr_stf_receipt receipt = { .success = false };
	struct gyr_state_cursor cursor = { 0, 0 };
	enum gyr_stf_status status;
	struct gyr_hash hash = { { 1 } };

	gyr_stf_reset(rig.stf, &rig.config);
	gyr_stf_root_reset(rig.root);
	memset(&rig.parent_hash, 0, sizeof rig.parent_hash);
	evm_rig_account(&rig, 1, 100, NULL, 0);
	evm_rig_account(&rig, 9, 1, data, size);
	evm_rig_account(&rig, 10, 1, data + size / 2, size - size / 2);
	evm_rig_seal(&rig);
	must(evm_rig_block(&rig, 1));
	if (gyr_stf_tx_begin(rig.stf, &txn, &sender) == GYR_VERDICT_OK) {
		while ((status = gyr_stf_step(rig.stf, slice)) != GYR_STF_DONE) {
			must(status != GYR_STF_FATAL);
			if (status == GYR_STF_NEEDS_BLOCK_HASH)
				gyr_stf_provide_block_hash(
					rig.stf, gyr_stf_block_hash_wanted(rig.stf), &hash);
		}
		must(gyr_stf_tx_end(rig.stf, &receipt) == GYR_STF_DONE);
		must(receipt.gas_used <= GAS);
	}
	(void)evm_rig_end(&rig);
	*root = gyr_stf_root_header(rig.root)->state_root;
	gyr_stf_root_reset(rig.root);
	while (gyr_state_export(gyr_stf_state(rig.stf), &cursor, &rig.writes))
		must(gyr_stf_root_apply(rig.root, &rig.writes));
	must(gyr_hash_equal(root, gyr_stf_root_state(rig.root)));
	return receipt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gyr_evm_tracer tracer = { .step = on_step };
	struct gyr_stf_receipt whole, sliced;
	struct gyr_hash first, second;

	if (rig.stf == NULL) {
		struct gyr_stf_limits limits = gyr_stf_limits_of(1u << 20, 2000000, 8192, 32768);

		must(evm_rig_init(&rig, &limits));
		/* BLS12-381 and KZG have no portable form: a chain without them. */
		rig.config.forks[GYR_FORK_CANCUN] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
										  GYR_CHAIN_NEVER };
		rig.config.forks[GYR_FORK_PRAGUE] = rig.config.forks[GYR_FORK_CANCUN];
		rig.config.forks[GYR_FORK_OSAKA] = rig.config.forks[GYR_FORK_CANCUN];
	}
	if (size > 65536)
		return 0;
	whole = run(data, size, INT64_MAX, &first);
	gyr_stf_trace(rig.stf, &tracer);
	sliced = run(data, size, 1, &second);
	gyr_stf_trace(rig.stf, NULL);
	must(gyr_hash_equal(&first, &second));
	must(whole.gas_used == sliced.gas_used && whole.halt == sliced.halt);
	must(gyr_hash_equal(&whole.logs_hash, &sliced.logs_hash));
	return 0;
}
