// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: the program of cn_sensor.rs. It listens to that sensor, which sends a
 * reading once a second, and calibrates it:
 *
 *	cn_sensor_user			prints two readings
 *	cn_sensor_user <number>		prints that many readings
 *	cn_sensor_user -c <offset>	sets the offset in millidegrees; needs
 *					CAP_NET_ADMIN
 */
#include "cn_user.h"

/* The module's id. Its idx is also the number of the module's multicast group. */
static const struct cb_id sensor = { .idx = 21, .val = 1 };

struct reading {
	uint32_t number;
	int32_t millidegrees;
};

static void print_reading(struct packet *packet)
{
	struct reading reading;

	memcpy(&reading, first_message(packet)->data, sizeof(reading));
	printf("reading %u: %.2f degrees\n", reading.number, reading.millidegrees / 1000.0);
}

static void calibrate(int32_t offset)
{
	int fd = open_connector(0);
	struct packet packet;
	int ret;

	send_message(fd, sensor, 1, 0, &offset, sizeof(offset));
	/* The kernel sends the reply and then the acknowledgement, or only an error. */
	while ((ret = receive(fd, &packet, 5)) > 0)
		print_reading(&packet);
	errno = -ret;
	if (ret)
		fail("cannot calibrate", errno == ENODEV ? "Is the module cn_sensor loaded?" : "");
	close(fd);
}

int main(int argc, char **argv)
{
	int left = argc > 1 ? atoi(argv[1]) : 2;
	struct packet packet;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(argv[1], "-c")) {
		calibrate(atoi(argv[2]));
		return 0;
	}
	fd = open_connector(sensor.idx);
	for (; left > 0; left--) {
		receive(fd, &packet, 5);
		print_reading(&packet);
	}
	close(fd);
	return 0;
}
