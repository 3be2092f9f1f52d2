/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of a log on a simulated disk, each ended by a power cut, a kill or a failing disk:
 * what was durable is read back, in order and unchanged, and nothing that was never written.
 */
#include "wal_rig.h"

#define RECORDS_MAX 4096u

struct model {
	struct rig rig;
	uint64_t seed;
	uint64_t durable; /* the highest position ever seen durable */
	unsigned count;	  /* records of the log as it is */
	unsigned read;	  /* of them, read back in this recovery */
	bool quiet;	  /* report a loss instead of failing */
	bool lost;
	struct {
		uint64_t position;
		uint64_t arrival;
		uint32_t raw_length;
	} records[RECORDS_MAX];
};

static uint64_t pick(struct model *model, uint64_t below)
{
	return gyr_test_random(&model->seed) % below;
}

static int compare(void *user, const struct gyr_log_record *record)
{
	struct model *model = user;
	struct gyr_slice raw;

	if (record->kind != GYR_LOG_TX)
		return 0;
	assert_true(model->read < model->count);
	assert_int_equal(record->position, model->records[model->read].position);
	assert_int_equal(record->arrival, model->records[model->read].arrival);
	raw = gyr_log_tx_raw(record);
	assert_int_equal(raw.length, model->records[model->read].raw_length);
	for (size_t i = 0; i < raw.length; i++)
		if (raw.data[i] != (record->arrival * 31 & 255))
			fail();
	model->read++;
	return 0;
}

static void recover(struct model *model)
{
	int error;

	model->read = 0;
	rig_open_device(&model->rig);
	error = rig_recover(&model->rig, 0, compare, model);
	if (model->quiet && (error != 0 || model->rig.end.position < model->durable)) {
		model->lost = true;
		return;
	}
	if (error != 0)
		gyr_err_print(stderr, "recovery");
	assert_int_equal(error, 0);
	assert_true(model->rig.end.position >= model->durable);
	/* What was not read back was not durable, and is void. */
	for (unsigned i = model->read; i < model->count; i++)
		assert_true(model->records[i].position >= model->rig.end.position);
	model->count = model->read;
	assert_true(model->read == 0 ||
		    model->rig.end.arrival_next > model->records[model->read - 1].arrival);
}

static void append(struct model *model)
{
	uint32_t raw_length = (uint32_t)pick(model, 400);
	uint64_t position;

	if (pick(model, 20) == 0)
		raw_length = (uint32_t)pick(model, 130000);
	if (model->count == RECORDS_MAX)
		return;
	position = rig_append(&model->rig, raw_length);
	if (position == UINT64_MAX)
		return;
	model->records[model->count].position = position;
	model->records[model->count].arrival = model->rig.arrival;
	model->records[model->count].raw_length = raw_length;
	model->count++;
}

static void live(struct model *model)
{
	struct rig *rig = &model->rig;
	struct gyr_block_sim_faults *faults = gyr_block_sim_disk_faults(rig->disk);
	const struct gyr_block_sim_statistics *statistics =
		gyr_block_sim_disk_statistics(rig->disk);
	unsigned steps = (unsigned)pick(model, 300);
	int stopped = 0;

	faults->poll_delay_max = (uint32_t)pick(model, 6);
	faults->short_one_in = pick(model, 4) == 0 ? 5 : 0;
	faults->fail_write_number =
		pick(model, 8) == 0
			? (uint32_t)(statistics->writes_acknowledged + 1 + pick(model, 20))
			: 0;
	rig->config.in_flight_max = (uint32_t)(1 + pick(model, 8));
	rig->config.write_length_max = pick(model, 3) == 0 ? 4096 : 0;
	assert_int_equal(rig_start(rig), 0);
	while (steps-- != 0) {
		uint64_t durable;

		switch (pick(model, 6)) {
		case 0:
		case 1:
			append(model);
			break;
		case 2:
			if (gyr_wal_takes_commit(rig->wal) || pick(model, 4) == 0)
				(void)gyr_log_commit(rig->log);
			break;
		case 3:
			(void)gyr_log_restate(rig->log);
			break;
		case 4:
			(void)gyr_wal_prepare_poll(rig->wal);
			break;
		default:
			rig_poll(rig);
			break;
		}
		durable = gyr_log_durable(rig->log);
		assert_true(durable >= model->durable || durable >= rig->end.position);
		assert_true(stopped == 0 || durable == model->durable);
		model->durable = gyr_max_u64(model->durable, durable);
		stopped = gyr_wal_status(rig->wal);
		assert_true(stopped == 0 || stopped == -GYR_ERR_FLUSH);
	}
	rig_cut(rig, pick(model, 3) != 0);
}

/* Returns whether the log lost something durable (only looked for when quiet). */
static bool run(struct model *model, uint64_t seed, bool lies)
{
	memset(model, 0, sizeof *model);
	model->seed = seed;
	model->quiet = lies;
	rig_init(&model->rig, seed);
	gyr_block_sim_disk_faults(model->rig.disk)->lies = lies;
	for (unsigned lives = (unsigned)pick(model, 6) + 1; lives-- != 0 && !model->lost;) {
		recover(model);
		if (!model->lost)
			live(model);
	}
	if (!model->lost)
		recover(model);
	if (!lies)
		assert_int_equal(gyr_block_sim_disk_statistics(model->rig.disk)->writes_unprepared,
				 0);
	rig_fini(&model->rig);
	return model->lost;
}

static struct model model;

static void durable_is_never_lost(void **state)
{
	uint64_t first = gyr_test_seed();
	unsigned count = getenv("GYR_LONG") != NULL ? 20000 : 1000;

	(void)state;
	if (getenv("GYR_SEED") != NULL)
		count = 1;
	for (unsigned i = 0; i < count; i++) {
		if (i % 100 == 0 || count == 1)
			print_message("seeds from %llu\n", (unsigned long long)(first + i));
		(void)run(&model, first + i, false);
	}
}

/* The same test with a disk that acknowledges what it has not written: it must be noticed. */
static void a_lying_disk_is_noticed(void **state)
{
	unsigned lost = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		lost += run(&model, seed, true);
	print_message("%u of 60 lives lost something\n", lost);
	assert_true(lost > 10);
	gyr_err_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durable_is_never_lost),
		cmocka_unit_test(a_lying_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
