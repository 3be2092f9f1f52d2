/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that others wrote: the input is a state test, or a block as gyr-t8n reads it. What is off is
 * refused, nothing is read beyond its end; what runs comes to the same result in slices. Gas is
 * capped, so that every input ends soon.
 */
#include "gyr_fuzz.h"

#include "accel_tables.h"
#include "gyr_accel_keccak_simd.h"
#include "gyr_err.h"
#include "gyr_transition.h"
#include "statetest_internal.h"

#define GAS_MAX 300000

static struct gyr_accel accel;
static struct gyr_transition *whole, *sliced;
static struct gyr_statetest_options options;
static struct statetest_run run;
static struct statetest_job job;

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void start(void)
{
	struct gyr_transition_options conf = { .fork = "Prague", .chain_id = 1 };

	must(accel_tables_init(&accel));
	conf.keccak = &gyr_keccak_portable;
	conf.precompile = &accel.precompile;
	must(gyr_transition_open(&whole, &conf) == 0);
	conf.gas_slice = 1;
	must(gyr_transition_open(&sliced, &conf) == 0);
	options = (struct gyr_statetest_options){
		.keccak = &gyr_keccak_portable,
		.precompile = &accel.precompile,
		.out = fopen("/dev/null", "w"),
	};
	must(options.out != NULL);
	run = (struct statetest_run){ .options = &options, .out_lock = PTHREAD_MUTEX_INITIALIZER };
	job.options = &options;
	job.run = &run;
	must(statetest_job_init(&job));
}

static void run_state_tests(json_t *root)
{
	const char *name, *fork;
	json_t *given, *posts, *post;
	size_t index;

	json_object_foreach(root, name, given)
	{
		struct statetest_case test = { .file = "", .name = name };

		if (statetest_case_read(&test, given)) {
			test.block.gas_limit = gyr_min_u64(test.block.gas_limit, GAS_MAX);
			json_object_foreach(test.post, fork, posts)
			{
				json_array_foreach(posts, index, post)
				{
					struct statetest_post wanted = { .index = (unsigned)index };

					if (statetest_post_read(&wanted, fork, post))
						statetest_execute(&job, &test, &wanted);
					free(wanted.tx);
				}
			}
		}
		statetest_case_free(&test);
	}
}

static void run_block(json_t *root)
{
	json_t *limit = json_object_get(json_object_get(root, "env"), "currentGasLimit");
	struct gyr_transition_output first, second;
	struct gyr_transition_input input = { .combined = { NULL, 0 } };
	char *text;
	int error;

	if (limit != NULL)
		(void)json_object_set_new(json_object_get(root, "env"), "currentGasLimit",
					  json_integer(GAS_MAX));
	text = json_dumps(root, 0);
	must(text != NULL);
	input.combined = (struct gyr_slice){ (const uint8_t *)text, strlen(text) };
	error = gyr_transition_run(whole, &first, &input);
	must(error == gyr_transition_run(sliced, &second, &input));
	must(error != -GYR_ERR_LIMIT);
	if (error == 0) {
		must(strcmp(first.result, second.result) == 0);
		must(strcmp(first.alloc, second.alloc) == 0);
		gyr_transition_output_free(&first);
		gyr_transition_output_free(&second);
	}
	gyr_err_clear();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root;

	if (whole == NULL)
		start();
	if (size > 65536)
		return 0;
	root = json_loadb((const char *)data, size, 0, NULL);
	if (root == NULL)
		return 0;
	if (json_object_get(root, "alloc") != NULL)
		run_block(root);
	else
		run_state_tests(root);
	json_decref(root);
	return 0;
}
