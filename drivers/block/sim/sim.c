/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_block_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"

#define SECTOR	    512u
#define FILES_MAX   256u
#define CHANGES_MAX 1024u
#define LIES_MAX    4096u
#define NAME_SIZE   (GYR_BLOCKDEV_NAME_LENGTH_MAX + 1)
#define NO_FILE	    (-1)

struct file { /* an inode */
	uint8_t *bytes;
	uint64_t size;
	uint64_t synced_size;
	unsigned open_count;
	bool used;
};

struct name {
	char text[NAME_SIZE]; /* empty: free */
	int file;
};

struct change { /* of the directory, not yet durable */
	enum { CREATE, RENAME, REMOVE } kind;
	char from[NAME_SIZE];
	char to[NAME_SIZE];
	int file;
};

struct write {
	const uint8_t *from; /* read when it completes, as a device may */
	uint64_t offset;
	uint64_t tag;
	uint32_t length;
	uint32_t delay;
	int file;
	bool submitted;
	bool used;
};

struct lie { /* what a lying disk acknowledged without writing it */
	uint8_t *old;
	uint64_t offset;
	uint32_t length;
	int file;
};

struct gyr_block_sim_disk {
	uint64_t seed;
	uint64_t generation; /* power cuts so far */
	struct gyr_block_sim_faults faults;
	struct gyr_block_sim_statistics statistics;
	bool locked;
	uint32_t in_flight;
	uint32_t change_count;
	uint32_t lie_count;
	struct file files[FILES_MAX];
	struct name names[FILES_MAX];	/* as programs see them */
	struct name durable[FILES_MAX]; /* as of the last sync */
	struct change changes[CHANGES_MAX];
	struct write writes[GYR_BLOCKDEV_IN_FLIGHT_MAX];
	struct lie lies[LIES_MAX];
};

struct sim_device {
	struct gyr_blockdev dev;
	struct gyr_block_sim_disk *disk;
	uint64_t generation;
	uint32_t in_flight_max;
	bool read_only;
	int slot_file[GYR_BLOCKDEV_SLOTS];
};

static uint64_t draw(struct gyr_block_sim_disk *disk)
{
	uint64_t z = disk->seed += 0x9e3779b97f4a7c15; /* SplitMix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool one_in(struct gyr_block_sim_disk *disk, uint32_t count)
{
	return count != 0 && draw(disk) % count == 0;
}

static struct sim_device *device_of(struct gyr_blockdev *dev)
{
	struct sim_device *device = (struct sim_device *)dev;

	gyr_assert(device->generation == device->disk->generation); /* else: the power went */
	return device;
}

static struct name *find(struct name *names, const char *text)
{
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (names[i].text[0] != '\0' && strcmp(names[i].text, text) == 0)
			return &names[i];
	return NULL;
}

static void set_name(struct name *names, const char *text, int file)
{
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (names[i].text[0] == '\0') {
			(void)snprintf(names[i].text, NAME_SIZE, "%s", text);
			names[i].file = file;
			return;
		}
	gyr_assert(false); /* as many names as files */
}

static void apply(struct name *names, const struct change *change)
{
	struct name *name = change->kind == CREATE ? NULL : find(names, change->from);

	if (change->kind == CREATE) {
		set_name(names, change->to, change->file);
		return;
	}
	gyr_assert(name != NULL);
	if (change->kind == REMOVE)
		name->text[0] = '\0';
	else
		(void)snprintf(name->text, NAME_SIZE, "%s", change->to);
}

/* Makes the oldest changes durable. */
static void settle(struct gyr_block_sim_disk *disk, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		apply(disk->durable, &disk->changes[i]);
	disk->change_count -= count;
	memmove(disk->changes, disk->changes + count, disk->change_count * sizeof disk->changes[0]);
}

static void change(struct gyr_block_sim_disk *disk, const struct change *change)
{
	apply(disk->names, change);
	if (disk->change_count == CHANGES_MAX)
		settle(disk, 1);
	disk->changes[disk->change_count++] = *change;
}

/* Frees files that have neither a name nor a user. */
static void collect(struct gyr_block_sim_disk *disk)
{
	bool named[FILES_MAX] = { false };

	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (disk->names[i].text[0] != '\0')
			named[disk->names[i].file] = true;
		if (disk->durable[i].text[0] != '\0')
			named[disk->durable[i].file] = true;
	}
	for (uint32_t i = 0; i < disk->change_count; i++)
		if (disk->changes[i].kind == CREATE)
			named[disk->changes[i].file] = true;
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (disk->files[i].used && !named[i] && disk->files[i].open_count == 0) {
			free(disk->files[i].bytes);
			memset(&disk->files[i], 0, sizeof disk->files[i]);
		}
}

struct gyr_block_sim_disk *gyr_block_sim_disk_make(uint64_t seed)
{
	struct gyr_block_sim_disk *disk = calloc(1, sizeof *disk);

	if (disk != NULL) {
		disk->seed = seed;
		disk->faults.capacity = UINT64_MAX;
	}
	return disk;
}

static void forget_lies(struct gyr_block_sim_disk *disk)
{
	for (uint32_t i = 0; i < disk->lie_count; i++)
		free(disk->lies[i].old);
	disk->lie_count = 0;
}

void gyr_block_sim_disk_free(struct gyr_block_sim_disk *disk)
{
	forget_lies(disk);
	for (unsigned i = 0; i < FILES_MAX; i++)
		free(disk->files[i].bytes);
	free(disk);
}

struct gyr_block_sim_faults *gyr_block_sim_disk_faults(struct gyr_block_sim_disk *disk)
{
	return &disk->faults;
}

const struct gyr_block_sim_statistics *gyr_block_sim_disk_statistics(
	const struct gyr_block_sim_disk *disk)
{
	return &disk->statistics;
}

uint8_t *gyr_block_sim_disk_bytes(struct gyr_block_sim_disk *disk, const char *name, uint64_t *size)
{
	const struct name *found = find(disk->names, name);

	if (found == NULL)
		return NULL;
	*size = disk->files[found->file].size;
	return disk->files[found->file].bytes;
}

static int open_device(struct gyr_blockdev **out, const struct gyr_blockdev_config *config)
{
	struct gyr_block_sim_disk *disk = config->context;
	struct sim_device *device;

	gyr_assert(disk != NULL);
	if (!config->read_only && disk->locked)
		GYR_FAIL(GYR_ERR_LOCKED, "another instance holds the simulated disk");
	device = calloc(1, sizeof *device);
	if (device == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a block device");
	device->dev.ops = &gyr_block_sim;
	device->disk = disk;
	device->generation = disk->generation;
	device->in_flight_max = config->in_flight_max;
	device->read_only = config->read_only;
	for (unsigned i = 0; i < GYR_BLOCKDEV_SLOTS; i++)
		device->slot_file[i] = NO_FILE;
	if (!config->read_only)
		disk->locked = true;
	*out = &device->dev;
	return 0;
}

static int list(struct gyr_blockdev *dev, gyr_blockdev_visit *visit, void *user)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;

	for (unsigned i = 0; i < FILES_MAX; i++)
		if (disk->names[i].text[0] != '\0') {
			struct gyr_blockdev_file file = {
				.size = disk->files[disk->names[i].file].size,
			};

			memcpy(file.name, disk->names[i].text, NAME_SIZE);
			visit(user, &file);
		}
	return 0;
}

static int into_slot(struct sim_device *device, int file)
{
	for (int i = 0; i < (int)GYR_BLOCKDEV_SLOTS; i++)
		if (device->slot_file[i] == NO_FILE) {
			device->slot_file[i] = file;
			device->disk->files[file].open_count++;
			return i;
		}
	GYR_FAIL(GYR_ERR_LIMIT, "%u files are open on the simulated disk", GYR_BLOCKDEV_SLOTS);
}

static int create(struct gyr_blockdev *dev, const char *name)
{
	struct sim_device *device = device_of(dev);
	struct gyr_block_sim_disk *disk = device->disk;
	struct change made = { .kind = CREATE };
	unsigned file = 0;

	gyr_assert(!device->read_only);
	if (find(disk->names, name) != NULL)
		GYR_FAIL(GYR_ERR_IO, "%s exists", name);
	collect(disk);
	while (file < FILES_MAX && disk->files[file].used)
		file++;
	if (file == FILES_MAX)
		GYR_FAIL(GYR_ERR_DISK_FULL, "the simulated disk holds %u files", FILES_MAX);
	disk->files[file].used = true;
	made.file = (int)file;
	(void)snprintf(made.to, NAME_SIZE, "%s", name);
	change(disk, &made);
	return into_slot(device, (int)file);
}

static int file_open(struct gyr_blockdev *dev, const char *name)
{
	struct sim_device *device = device_of(dev);
	const struct name *found = find(device->disk->names, name);

	if (found == NULL)
		GYR_FAIL(GYR_ERR_IO, "no file %s on the simulated disk", name);
	return into_slot(device, found->file);
}

static struct file *file_of(struct sim_device *device, int slot)
{
	gyr_assert(slot >= 0 && slot < (int)GYR_BLOCKDEV_SLOTS &&
		   device->slot_file[slot] != NO_FILE);
	return &device->disk->files[device->slot_file[slot]];
}

static void file_close(struct gyr_blockdev *dev, int slot)
{
	struct sim_device *device = (struct sim_device *)dev;

	if (device->generation != device->disk->generation)
		return; /* the power went: the file is not open any more */
	file_of(device, slot)->open_count--;
	device->slot_file[slot] = NO_FILE;
}

static uint64_t used_bytes(const struct gyr_block_sim_disk *disk)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FILES_MAX; i++)
		sum += disk->files[i].size;
	return sum;
}

static int fill(struct gyr_blockdev *dev, int slot, uint64_t offset, uint64_t length)
{
	struct sim_device *device = device_of(dev);
	struct file *file = file_of(device, slot);
	uint64_t end = offset + length;

	gyr_assert(!device->read_only && offset <= file->size);
	if (end > file->size) {
		uint64_t used = used_bytes(device->disk);
		uint8_t *bytes;

		if (used > device->disk->faults.capacity ||
		    end - file->size > device->disk->faults.capacity - used)
			GYR_FAIL(GYR_ERR_DISK_FULL, "the simulated disk is full");
		bytes = realloc(file->bytes, end);
		if (bytes == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for the simulated disk");
		file->bytes = bytes;
		file->size = end;
	}
	memset(file->bytes + offset, 0, length);
	return 0;
}

static int sync_file(struct gyr_blockdev *dev, int slot)
{
	struct file *file = file_of(device_of(dev), slot);

	file->synced_size = file->size;
	return 0;
}

static int64_t read_file(struct gyr_blockdev *dev, int slot, void *to, size_t length,
			 uint64_t offset)
{
	struct sim_device *device = device_of(dev);
	const struct file *file = file_of(device, slot);

	if (one_in(device->disk, device->disk->faults.fail_read_one_in))
		GYR_FAIL(GYR_ERR_IO, "the simulated disk cannot read at %llu",
			 (unsigned long long)offset);
	if (offset >= file->size)
		return 0;
	length = (size_t)gyr_min_u64(length, file->size - offset);
	memcpy(to, file->bytes + offset, length);
	return (int64_t)length;
}

static int rename_file(struct gyr_blockdev *dev, const char *from, const char *to)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;
	struct change made = { .kind = RENAME };

	if (find(disk->names, from) == NULL || find(disk->names, to) != NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot rename %s to %s", from, to);
	(void)snprintf(made.from, NAME_SIZE, "%s", from);
	(void)snprintf(made.to, NAME_SIZE, "%s", to);
	change(disk, &made);
	return 0;
}

static int remove_file(struct gyr_blockdev *dev, const char *name)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;
	struct change made = { .kind = REMOVE };

	if (find(disk->names, name) == NULL)
		GYR_FAIL(GYR_ERR_IO, "no file %s on the simulated disk", name);
	(void)snprintf(made.from, NAME_SIZE, "%s", name);
	change(disk, &made);
	return 0;
}

static int sync_directory(struct gyr_blockdev *dev)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;

	settle(disk, disk->change_count);
	collect(disk);
	return 0;
}

static int free_bytes(struct gyr_blockdev *dev, uint64_t *out)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;
	uint64_t used = used_bytes(disk);

	*out = used > disk->faults.capacity ? 0 : disk->faults.capacity - used;
	return 0;
}

static bool queue(struct gyr_blockdev *dev, int slot, const void *from, uint32_t length,
		  uint64_t offset, uint64_t tag)
{
	struct sim_device *device = device_of(dev);
	struct gyr_block_sim_disk *disk = device->disk;
	const struct file *file = file_of(device, slot);
	struct write *write = disk->writes;

	gyr_assert(!device->read_only && offset + length <= file->size);
	if (disk->in_flight == device->in_flight_max)
		return false;
	while (write->used)
		write++;
	if (offset + length > file->synced_size)
		disk->statistics.writes_unprepared++;
	*write = (struct write){
		.from = from,
		.offset = offset,
		.tag = tag,
		.length = length,
		.delay = (uint32_t)(draw(disk) % (disk->faults.poll_delay_max + UINT64_C(1))),
		.file = device->slot_file[slot],
		.used = true,
	};
	disk->in_flight++;
	disk->statistics.writes_queued++;
	disk->statistics.in_flight_max_seen = gyr_max_u64(disk->statistics.in_flight_max_seen,
							  disk->in_flight);
	return true;
}

static void submit(struct gyr_blockdev *dev)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;

	for (unsigned i = 0; i < GYR_BLOCKDEV_IN_FLIGHT_MAX; i++)
		if (disk->writes[i].used)
			disk->writes[i].submitted = true;
}

/* Some sectors of a write, or all. */
static void transfer(struct gyr_block_sim_disk *disk, const struct write *write, bool all)
{
	uint64_t mood = draw(disk) % 3;

	for (uint32_t at = 0; at < write->length; at += SECTOR)
		if (all || mood == 0 || (mood == 1 && (draw(disk) & 1) != 0))
			memcpy(disk->files[write->file].bytes + write->offset + at,
			       write->from + at, SECTOR);
}

static void remember_lie(struct gyr_block_sim_disk *disk, const struct write *write)
{
	struct lie *lie = &disk->lies[disk->lie_count];

	gyr_assert(disk->lie_count < LIES_MAX);
	lie->old = malloc(write->length);
	gyr_assert(lie->old != NULL);
	memcpy(lie->old, disk->files[write->file].bytes + write->offset, write->length);
	lie->offset = write->offset;
	lie->length = write->length;
	lie->file = write->file;
	disk->lie_count++;
	disk->statistics.acknowledged_unflushed++;
}

static int32_t complete(struct gyr_block_sim_disk *disk, struct write *write)
{
	write->used = false;
	disk->in_flight--;
	disk->statistics.writes_acknowledged++;
	if (disk->faults.fail_write_number == disk->statistics.writes_acknowledged) {
		transfer(disk, write, false);
		return -EIO;
	}
	if (write->length > SECTOR && one_in(disk, disk->faults.short_one_in))
		write->length = (uint32_t)(1 + draw(disk) % (write->length / SECTOR - 1)) * SECTOR;
	if (disk->faults.lies)
		remember_lie(disk, write);
	transfer(disk, write, true);
	disk->statistics.bytes_acknowledged += write->length;
	return (int32_t)write->length;
}

static unsigned poll_device(struct gyr_blockdev *dev, struct gyr_blockdev_completion *out,
			    unsigned count_max)
{
	struct gyr_block_sim_disk *disk = device_of(dev)->disk;
	unsigned first = (unsigned)draw(disk);
	unsigned count = 0;

	if (disk->in_flight == 0 || disk->faults.frozen)
		return 0;
	for (unsigned i = 0; i < GYR_BLOCKDEV_IN_FLIGHT_MAX && count < count_max; i++) {
		struct write *write = &disk->writes[(first + i) % GYR_BLOCKDEV_IN_FLIGHT_MAX];

		if (!write->used || !write->submitted)
			continue;
		if (write->delay != 0) {
			write->delay--;
			continue;
		}
		out[count].tag = write->tag;
		out[count++].result = complete(disk, write);
	}
	return count;
}

static void detach(struct gyr_blockdev *dev, int slot)
{
	(void)file_of(device_of(dev), slot);
}

static int wait_fd(struct gyr_blockdev *dev)
{
	(void)device_of(dev);
	return -1;
}

static const char *describe(struct gyr_blockdev *dev)
{
	(void)device_of(dev);
	return "simulated";
}

static void close_device(struct gyr_blockdev *dev)
{
	struct sim_device *device = (struct sim_device *)dev;
	struct gyr_block_sim_disk *disk = device->disk;

	if (device->generation == disk->generation) {
		for (unsigned i = 0; i < GYR_BLOCKDEV_IN_FLIGHT_MAX && !device->read_only; i++)
			if (disk->writes[i].used && disk->writes[i].submitted)
				(void)complete(disk, &disk->writes[i]);
		for (int i = 0; i < (int)GYR_BLOCKDEV_SLOTS; i++)
			if (device->slot_file[i] != NO_FILE)
				file_close(dev, i);
		if (!device->read_only) {
			memset(disk->writes, 0, sizeof disk->writes);
			disk->in_flight = 0;
			disk->locked = false;
		}
	}
	free(device);
}

/* The directory as some point of its journal has it; files as long as they are known to be, or
 * longer. */
static void cut_directory(struct gyr_block_sim_disk *disk)
{
	settle(disk, (uint32_t)(draw(disk) % (disk->change_count + UINT64_C(1))));
	disk->change_count = 0;
	memcpy(disk->names, disk->durable, sizeof disk->names);
	for (unsigned i = 0; i < FILES_MAX; i++) {
		struct file *file = &disk->files[i];
		uint64_t units = (file->size - file->synced_size) / GYR_BLOCKDEV_UNIT;

		file->size = file->synced_size + draw(disk) % (units + 1) * GYR_BLOCKDEV_UNIT;
		file->synced_size = file->size;
	}
}

void gyr_block_sim_disk_cut(struct gyr_block_sim_disk *disk, bool torn)
{
	for (unsigned i = 0; i < GYR_BLOCKDEV_IN_FLIGHT_MAX; i++)
		if (disk->writes[i].used && disk->writes[i].submitted)
			transfer(disk, &disk->writes[i], !torn);
	while (torn && disk->lie_count != 0) {
		struct lie *lie = &disk->lies[--disk->lie_count];

		for (uint32_t at = 0; at < lie->length; at += SECTOR)
			if ((draw(disk) & 1) != 0)
				memcpy(disk->files[lie->file].bytes + lie->offset + at,
				       lie->old + at, SECTOR);
		free(lie->old);
	}
	forget_lies(disk);
	if (torn)
		cut_directory(disk);
	for (unsigned i = 0; i < FILES_MAX; i++)
		disk->files[i].open_count = 0;
	memset(disk->writes, 0, sizeof disk->writes);
	disk->in_flight = 0;
	disk->locked = false;
	disk->generation++;
	collect(disk);
}

const struct gyr_blockdev_ops gyr_block_sim = {
	.name = "sim",
	.open = open_device,
	.close = close_device,
	.list = list,
	.create = create,
	.file_open = file_open,
	.file_close = file_close,
	.fill = fill,
	.sync = sync_file,
	.read = read_file,
	.rename = rename_file,
	.remove = remove_file,
	.sync_directory = sync_directory,
	.free_bytes = free_bytes,
	.describe = describe,
	.queue = queue,
	.submit = submit,
	.poll = poll_device,
	.detach = detach,
	.wait_fd = wait_fd,
};
