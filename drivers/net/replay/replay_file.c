/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_file.h"

#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "gyr_err.h"
#include "gyr_net_replay.h"
#include "gyr_netdev_frame.h"

struct replay_output {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
};

/* Twice the room until it fits; false when memory is out. */
static bool grow(void **memory, size_t *count_max, size_t wanted, size_t unit)
{
	size_t count = *count_max == 0 ? 1024 : *count_max;
	void *larger;

	if (wanted <= *count_max)
		return true;
	while (count < wanted)
		count *= 2;
	larger = realloc(*memory, count * unit);
	if (larger == NULL)
		return false;
	*memory = larger;
	*count_max = count;
	return true;
}

static int add(struct replay_file *file, const struct pcap_pkthdr *header, const uint8_t *bytes,
	       const char *path)
{
	void *frames = file->frames;
	void *memory = file->bytes;
	struct replay_frame *frame;

	if (file->size + header->caplen > GYR_NET_REPLAY_SIZE_MAX)
		GYR_FAIL(GYR_ERR_LIMIT, "%s: more than %llu bytes", path, GYR_NET_REPLAY_SIZE_MAX);
	if (!grow(&frames, &file->frame_count_max, file->frame_count + 1, sizeof *frame))
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no memory for %zu frames", path, file->frame_count);
	file->frames = frames;
	if (!grow(&memory, &file->size_max, file->size + header->caplen, 1))
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no memory for %zu bytes", path, file->size);
	file->bytes = memory;
	frame = &file->frames[file->frame_count++];
	/* With nanosecond precision tv_usec holds nanoseconds. */
	frame->at_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	frame->offset = file->size;
	frame->length = header->caplen;
	frame->is_cut = header->caplen < header->len;
	memcpy(file->bytes + file->size, bytes, header->caplen);
	file->size += header->caplen;
	return 0;
}

static int read_all(struct replay_file *file, pcap_t *pcap, const char *path)
{
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	int result;

	if (pcap_datalink(pcap) != DLT_EN10MB)
		GYR_FAIL(GYR_ERR_DATA, "%s: holds %s, not Ethernet", path,
			 pcap_datalink_val_to_name(pcap_datalink(pcap)));
	while ((result = pcap_next_ex(pcap, &header, &bytes)) == 1)
		GYR_TRY(add(file, header, bytes, path));
	if (result != PCAP_ERROR_BREAK)
		GYR_FAIL(GYR_ERR_DATA, "%s: frame %zu: %s", path, file->frame_count + 1,
			 pcap_geterr(pcap));
	if (file->frame_count == 0)
		GYR_FAIL(GYR_ERR_DATA, "%s: no frames", path);
	return 0;
}

int replay_file_load(struct replay_file *file, const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
							       why);
	int error;

	memset(file, 0, sizeof *file);
	if (pcap == NULL)
		GYR_FAIL(GYR_ERR_DATA, "%s", why);
	file->error_ns = 1000;
	error = read_all(file, pcap, path);
	pcap_close(pcap);
	if (error < 0)
		replay_file_free(file);
	return error;
}

void replay_file_free(struct replay_file *file)
{
	free(file->frames);
	free(file->bytes);
	memset(file, 0, sizeof *file);
}

int replay_output_open(struct replay_output **output, const char *path)
{
	struct replay_output *made = calloc(1, sizeof *made);

	if (made == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no memory", path);
	made->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, GYR_FRAME_SIZE_MAX,
							  PCAP_TSTAMP_PRECISION_NANO);
	if (made->pcap == NULL) {
		free(made);
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no memory", path);
	}
	made->dumper = pcap_dump_open(made->pcap, path);
	if (made->dumper == NULL) {
		int error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s",
					 pcap_geterr(made->pcap));

		pcap_close(made->pcap);
		free(made);
		return error;
	}
	*output = made;
	return 0;
}

bool replay_output_write(struct replay_output *output, const uint8_t *frame, size_t length,
			 uint64_t at_ns)
{
	struct pcap_pkthdr header = {
		.ts = { .tv_sec = (time_t)(at_ns / 1000000000u),
			.tv_usec = (suseconds_t)(at_ns % 1000000000u) },
		.caplen = (bpf_u_int32)length,
		.len = (bpf_u_int32)length,
	};

	pcap_dump((u_char *)output->dumper, &header, frame);
	return ferror(pcap_dump_file(output->dumper)) == 0;
}

void replay_output_close(struct replay_output *output)
{
	if (output == NULL)
		return;
	pcap_dump_close(output->dumper);
	pcap_close(output->pcap);
	free(output);
}
