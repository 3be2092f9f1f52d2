/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_known.h"

#include <string.h>

#include "gyr_bytes.h"

/* Of each ring, in one poll. */
#define KEY_BUDGET     256
#define REQUEST_BUDGET 64

static struct known_key *place_of(const struct stage_known *stage,
				  const struct gyr_address *address)
{
	/*
	 * Multiplied by a secret: whoever makes addresses to order, to push one sender's key out
	 * again and again, does not know which meet.
	 */
	uint64_t mixed = (gyr_load_le64(address->bytes) ^ gyr_load_le64(address->bytes + 12)) *
			 (stage->place_seed | 1);

	return &stage->waiting[mixed >> (64 - KNOWN_KEY_BITS)];
}

static unsigned take_keys(struct stage_known *stage)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < stage->verify_count; i++)
		for (unsigned k = 0; k < KEY_BUDGET; k++) {
			const struct known_key *key = gyr_spsc_peek(stage->keys[i]);

			if (key == NULL)
				break;
			*place_of(stage, &key->address) = *key;
			gyr_spsc_release(stage->keys[i]);
			taken++;
		}
	return taken;
}

static uint32_t slot_of(gyr_known_handle handle)
{
	return (uint32_t)handle - 1;
}

static void release(struct stage_known *stage, gyr_known_handle handle)
{
	uint32_t slot = slot_of(handle);

	gyr_assert(slot < stage->known.slot_count && stage->pins[slot] > 0);
	gyr_metric_add(&stage->counters.unpins, 1);
	if (--stage->pins[slot] > 0)
		return;
	stage->pinned_count--;
	gyr_known_unpin(&stage->known, handle);
}

/* Half of the slots at most are pinned, or nobody else would get one. */
static bool may_pin(const struct stage_known *stage)
{
	return stage->pinned_count < stage->known.slot_count / 2;
}

static void make(struct stage_known *stage, struct known_answer *answer,
		 const struct gyr_session_key_request *request, uint64_t now_ns)
{
	const struct known_key *key = place_of(stage, &request->address);
	bool pinned = request->pinned && may_pin(stage);
	uint32_t slot;

	*answer = (struct known_answer){ .address = request->address, .session = request->session };
	gyr_metric_add(&stage->counters.asked, 1);
	if (gyr_address_equal(&key->address, &request->address))
		answer->known = gyr_known_admit(&stage->known, key->public_key, &key->address,
						pinned, now_ns);
	gyr_metric_set(&stage->counters.builds, stage->known.build_count);
	gyr_metric_set(&stage->counters.evictions, stage->known.evict_count);
	if (answer->known == 0) {
		gyr_metric_add(&stage->counters.unseen, 1);
		return;
	}
	slot = slot_of(answer->known);
	/* A table that another session pins may be pinned once more: it takes no other slot. */
	answer->pinned = request->pinned && stage->pins[slot] < UINT16_MAX &&
			 (pinned || stage->pins[slot] > 0);
	if (answer->pinned) {
		stage->pinned_count += stage->pins[slot]++ == 0;
		gyr_metric_add(&stage->counters.pins, 1);
	}
}

/* Answers one gate until a table was made; true then. */
static bool serve(struct stage_known *stage, unsigned gate, unsigned *done, uint64_t now_ns)
{
	for (unsigned i = 0; i < REQUEST_BUDGET; i++) {
		const struct gyr_session_key_request *request =
			gyr_spsc_peek(stage->requests[gate]);
		uint64_t builds = stage->known.build_count;
		struct known_answer *answer;

		if (request == NULL)
			return false;
		if (request->release != 0) {
			release(stage, request->release);
		} else {
			answer = gyr_spsc_reserve(stage->answers[gate]);
			if (answer == NULL)
				return false;
			/* The key was sent before the request: now it is here. */
			(void)take_keys(stage);
			make(stage, answer, request, now_ns);
			gyr_spsc_publish(stage->answers[gate]);
		}
		gyr_spsc_release(stage->requests[gate]);
		*done += 1;
		if (stage->known.build_count != builds)
			return true;
	}
	return false;
}

static unsigned known_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_known *stage = self;
	unsigned done = take_keys(stage);

	(void)budget; /* a poll makes one table */
	if (turn->now_ns < stage->build_at_ns)
		return done;
	for (unsigned i = 0; i < stage->gate_count; i++) {
		unsigned gate = stage->gate_next;

		stage->gate_next = gate + 1 == stage->gate_count ? 0 : gate + 1;
		if (serve(stage, gate, &done, turn->now_ns)) {
			stage->build_at_ns = turn->now_ns + KNOWN_BUILD_NS;
			break;
		}
	}
	return done;
}

const struct gyr_stage_ops stage_known_ops = {
	.name = "known",
	.poll = known_poll,
};
