/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"

#define CONTEXT_ALIGNMENT 64

size_t gyr_recover_memory(const struct gyr_recover_conf *conf)
{
	size_t size = conf->reference->context_size() + CONTEXT_ALIGNMENT;

	for (unsigned i = 0; i < conf->candidate_count; i++)
		size += conf->candidates[i]->context_size() + CONTEXT_ALIGNMENT;
	return size;
}

static int make_context(void **context, const struct gyr_recover_ops *ops, struct gyr_arena *arena,
			const uint8_t *seed)
{
	*context = gyr_arena_carve(arena, ops->context_size(), CONTEXT_ALIGNMENT);
	if (*context == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for recovery driver %s (%zu bytes)", ops->name,
			 ops->context_size());
	return ops->init(*context, seed);
}

/* Tries one candidate; on success it is the driver. */
static int try_candidate(struct gyr_recover *recover, const struct gyr_recover_ops *ops,
			 struct gyr_arena *arena, const struct gyr_recover_conf *conf)
{
	void *context = NULL;
	int error;

	GYR_TRY(make_context(&context, ops, arena, conf->seed));
	if (!ops->counterfeit && !conf->tested) {
		error = gyr_recover_self_test(ops, context, recover->reference,
					      recover->reference_context);
		if (error < 0) {
			ops->fini(context);
			return error;
		}
	}
	recover->ops = ops;
	recover->context = context;
	return 0;
}

static int choose_forced(struct gyr_recover *recover, struct gyr_arena *arena,
			 const struct gyr_recover_conf *conf)
{
	int error;

	if (strcmp(conf->forced, conf->reference->name) == 0) {
		recover->ops = conf->reference;
		recover->context = recover->reference_context;
		return 0;
	}
	for (unsigned i = 0; i < conf->candidate_count; i++)
		if (strcmp(conf->forced, conf->candidates[i]->name) == 0) {
			error = try_candidate(recover, conf->candidates[i], arena, conf);
			if (error < 0)
				return gyr_err_add(error, __FILE__, __LINE__,
						   "the configuration forces recovery driver %s",
						   conf->forced);
			return 0;
		}
	GYR_FAIL(GYR_ERR_CONFIG, "there is no recovery driver named %s", conf->forced);
}

static void choose_best(struct gyr_recover *recover, struct gyr_arena *arena,
			const struct gyr_recover_conf *conf)
{
	size_t used = 0;
	int length;

	for (unsigned i = 0; i < conf->candidate_count; i++) {
		const struct gyr_recover_ops *ops = conf->candidates[i];

		if (ops->counterfeit || ops == conf->reference)
			continue;
		if (try_candidate(recover, ops, arena, conf) == 0)
			return;
		length = snprintf(recover->reason + used, sizeof recover->reason - used, "%s%s: %s",
				  used == 0 ? "" : "; ", ops->name, gyr_err_cause());
		used = gyr_min_u64(used + (size_t)(length < 0 ? 0 : length),
				   sizeof recover->reason - 1);
		gyr_err_clear();
	}
	recover->ops = conf->reference;
	recover->context = recover->reference_context;
}

int gyr_recover_init(struct gyr_recover *recover, struct gyr_arena *arena,
		     const struct gyr_recover_conf *conf)
{
	bool forced = conf->forced != NULL && strcmp(conf->forced, "auto") != 0;
	int error = 0;

	gyr_assert(!conf->reference->counterfeit);
	*recover = (struct gyr_recover){ .reference = conf->reference,
					 .shadow_every = conf->shadow_every,
					 .shadow_left = conf->shadow_every };
	GYR_TRY(make_context(&recover->reference_context, conf->reference, arena, conf->seed));
	if (!conf->tested)
		error = gyr_recover_self_test(conf->reference, recover->reference_context,
					      conf->reference, recover->reference_context);
	if (error == 0 && forced)
		error = choose_forced(recover, arena, conf);
	else if (error == 0)
		choose_best(recover, arena, conf);
	if (error < 0) {
		conf->reference->fini(recover->reference_context);
		return error;
	}
	if (recover->ops->counterfeit || recover->ops == recover->reference)
		recover->shadow_every = 0;
	gyr_assert(recover->ops != NULL && recover->context != NULL);
	return 0;
}

void gyr_recover_fini(struct gyr_recover *recover)
{
	if (recover->ops != recover->reference)
		recover->ops->fini(recover->context);
	recover->reference->fini(recover->reference_context);
	recover->ops = NULL;
}

/* Repeats one request on the reference and compares everything that the driver said. */
static int repeat_one(struct gyr_recover *recover, const struct gyr_recover_request *in, bool valid,
		      const struct gyr_address *address, const uint8_t *public_key)
{
	struct gyr_address expected;
	uint8_t expected_key[1][64];
	bool expected_valid;

	recover->shadow_count++;
	expected_valid = recover->reference->batch(recover->reference_context, &expected,
						   expected_key, in, 1) != 0;
	if (expected_valid != valid ||
	    (valid && (!gyr_address_equal(&expected, address) ||
		       (public_key != NULL && memcmp(expected_key[0], public_key, 64) != 0))))
		GYR_FAIL(GYR_ERR_MISMATCH,
			 "recovery drivers %s and %s differ on a signature: the shadow check",
			 recover->ops->name, recover->reference->name);
	return 0;
}

int gyr_recover_batch(struct gyr_recover *recover, uint64_t *valid, struct gyr_address *address,
		      uint8_t (*public_key)[64], const struct gyr_recover_request *in,
		      unsigned count)
{
	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	*valid = recover->ops->batch(recover->context, address, public_key, in, count);
	gyr_assert(count == 64 || *valid >> count == 0);
	recover->request_count += count;
	recover->valid_count += (uint64_t)__builtin_popcountll(*valid);
	if (recover->shadow_every == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		if (GYR_LIKELY(--recover->shadow_left != 0))
			continue;
		recover->shadow_left = recover->shadow_every;
		GYR_TRY(repeat_one(recover, &in[i], (*valid >> i & 1) != 0, &address[i],
				   public_key == NULL ? NULL : public_key[i]));
	}
	return 0;
}

int gyr_recover_shadow(struct gyr_recover *recover, const struct gyr_recover_request *in,
		       bool accepted, const struct gyr_address *address)
{
	struct gyr_address expected;
	bool same;

	if (recover->shadow_every == 0 || GYR_LIKELY(--recover->shadow_left != 0))
		return 0;
	recover->shadow_left = recover->shadow_every;
	recover->shadow_count++;
	same = recover->reference->batch(recover->reference_context, &expected, NULL, in, 1) != 0 &&
	       gyr_address_equal(&expected, address);
	if (same != accepted)
		GYR_FAIL(GYR_ERR_MISMATCH,
			 "a known sender's check and recovery driver %s differ: the shadow check",
			 recover->reference->name);
	return 0;
}
