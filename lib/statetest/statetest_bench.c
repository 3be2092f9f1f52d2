/* SPDX-License-Identifier: Apache-2.0 */
#include "statetest_internal.h"

#include <stdlib.h>
#include <time.h>

#include "gyr_err.h"

#define RUN_COUNT_MAX 4096
#define HOT_RUN_COUNT 64

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print(const struct gyr_statetest_options *options, const struct statetest_case *test,
		  const struct statetest_post *post, uint64_t gas, uint64_t median_ns)
{
	double mgas = median_ns == 0 ? 0 : (double)gas * 1000 / (double)median_ns;

	if (options->json)
		(void)fprintf(options->out,
			      "{\"name\":\"%s\",\"data\":%u,\"gas\":%llu,\"ns\":%llu,"
			      "\"mgas_per_s\":%.1f}\n",
			      test->name, post->data, (unsigned long long)gas,
			      (unsigned long long)median_ns, mgas);
	else
		(void)fprintf(options->out, "%-32s %3u %12llu gas %12llu ns %10.1f Mgas/s\n",
			      test->name, post->data, (unsigned long long)gas,
			      (unsigned long long)median_ns, mgas);
}

/* What the runs of one post-state took. */
struct timing {
	uint64_t times[RUN_COUNT_MAX];
	unsigned count;
	uint64_t spent_ns;
};

/* Runs the message that is set up; false when it cannot be finished. */
static bool time_steps(struct statetest_job *job, struct timing *timing)
{
	/* The thread's own time leaves out what other programs take, but reading it takes most of
	 * a microsecond: it counts where it is the lesser one. */
	uint64_t cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID), start_ns = now_ns(CLOCK_MONOTONIC);

	if (statetest_steps(job) != GYR_STF_DONE)
		return false;
	start_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
	cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	timing->spent_ns += gyr_min_u64(start_ns, cpu_ns);
	if (timing->count < RUN_COUNT_MAX)
		timing->times[timing->count++] = gyr_min_u64(start_ns, cpu_ns);
	return true;
}

/*
 * Executes the open transaction again and again on what was before it, so that the median is of
 * runs whose code is in the caches; the first one is not counted. Where the value is paid from a
 * balance that may not last, only once.
 */
static bool time_transaction(struct statetest_job *job, const struct gyr_txn *txn,
			     const struct gyr_address *sender, uint64_t intrinsic,
			     uint64_t budget_ns, struct timing *timing)
{
	struct gyr_evm *evm = gyr_stf_evm(job->stf);
	const struct gyr_checkpoint before = gyr_state_checkpoint(evm->state);
	const struct gyr_evm_message message = {
		.sender = *sender,
		.to = txn->to,
		.input = txn->data,
		.gas = (int64_t)(txn->gas_limit - intrinsic),
	};

	if (!time_steps(job, timing))
		return false;
	if (txn->is_create || !gyr_u256_is_zero(&txn->value))
		return true;
	timing->count--;
	for (unsigned run = 0; run < HOT_RUN_COUNT; run++) {
		if (timing->spent_ns > budget_ns && timing->count >= 3)
			break;
		gyr_state_revert(evm->state, &before);
		gyr_evm_begin(evm, &message);
		if (!time_steps(job, timing))
			return false;
	}
	return true;
}

/* Times the execution of one post-state's transaction; false when it is not accepted. */
static bool bench_post(struct statetest_job *job, const struct statetest_case *test,
		       const struct statetest_post *post, uint64_t budget_ns)
{
	static struct timing timing;
	struct gyr_stf_receipt receipt;
	uint64_t gas = 0, floor_gas, intrinsic;

	timing.count = 0;
	timing.spent_ns = 0;
	while (timing.count < 3 || (timing.spent_ns < budget_ns && timing.count < RUN_COUNT_MAX)) {
		struct gyr_txn txn;

		if (!statetest_prepare(job, test, post, &txn))
			return false;
		gyr_txn_intrinsic_gas(&intrinsic, &floor_gas, &txn, post->fork);
		if (!time_transaction(job, &txn, &test->sender, intrinsic, budget_ns, &timing))
			return false;
		if (gyr_stf_tx_end(job->stf, &receipt) != GYR_STF_DONE)
			return false;
		gas = receipt.gas_used + receipt.gas_refunded - intrinsic;
	}
	qsort(timing.times, timing.count, sizeof timing.times[0], compare);
	print(job->options, test, post, gas, timing.times[timing.count / 2]);
	return true;
}

static int bench_case(struct statetest_job *job, const char *file, const char *name, json_t *json,
		      uint64_t budget_ns)
{
	struct statetest_case test = { .file = file, .name = name };
	const char *fork;
	json_t *posts, *post;
	size_t index;
	int error = 0;

	if (!statetest_case_read(&test, json))
		error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__, "%s: %s is no state test",
				     file, name);
	json_object_foreach(test.post, fork, posts)
	{
		json_array_foreach(posts, index, post)
		{
			struct statetest_post expected = { .index = (unsigned)index };

			if (error == 0 && (!statetest_post_read(&expected, fork, post) ||
					   !bench_post(job, &test, &expected, budget_ns)))
				error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__,
						     "%s: %s: post-state %zu does not run", file,
						     name, index);
			free(expected.tx);
		}
	}
	statetest_case_free(&test);
	return error;
}

static int bench_file(struct statetest_job *job, const struct statetest_file *file,
		      uint64_t budget_ns)
{
	json_error_t where;
	json_t *root = json_loadb(file->bytes, file->length, 0, &where), *test;
	const char *name;
	int error = 0;

	if (root == NULL)
		GYR_FAIL(GYR_ERR_DATA, "%s:%d: %s", file->name, where.line, where.text);
	json_object_foreach(root, name, test) if (error == 0)
		error = bench_case(job, file->name, name, test, budget_ns);
	json_decref(root);
	return error;
}

int gyr_statetest_bench(const struct gyr_statetest_options *options, const char *const *paths,
			unsigned path_count, uint64_t budget_ns)
{
	struct statetest_files files = { .count = 0 };
	struct statetest_job job = { .options = options };
	int error = 0;

	for (unsigned i = 0; i < path_count && error == 0; i++)
		error = statetest_files_add(&files, paths[i]);
	if (error == 0 && !statetest_job_init(&job))
		error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__, "no memory: %zu bytes",
				     job.memory_size);
	for (size_t i = 0; i < files.count && error == 0; i++)
		error = bench_file(&job, &files.list[i], budget_ns);
	statetest_job_fini(&job);
	statetest_files_free(&files);
	return error;
}
