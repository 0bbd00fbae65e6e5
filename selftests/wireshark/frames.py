#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes captures that nobody would send.

    frames.py wrong OUT             frames by hand, most of them wrong; their order is that of wrong.txt
    frames.py moved OUT             a request to the notification channel where it is 7:8, and an event
    frames.py mangle IN OUT SEED    the frames of a capture, cut at each length and with other bytes
"""
import random
import struct
import sys

NANOSECONDS = 0xA1B23C4D
LINKTYPE_NETLINK = 253
NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4
ALL = 0xFFFFFFFF
CONNECTOR = 11
# Where the header of a captured frame says that it is the connector's.
FAMILY = slice(14, 16)
# A capture as long as this is dissected in a few seconds.
MANGLED = 6000


def write(name, frames):
    """Frames are pairs: what was captured, and how long it had been."""
    with open(name, "wb") as out:
        out.write(struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 1 << 17, LINKTYPE_NETLINK))
        for number, (frame, length) in enumerate(frames):
            out.write(struct.pack("<IIII", number, 0, len(frame), length) + frame)


def read(name):
    frames = []
    with open(name, "rb") as file:
        assert struct.unpack("<IHHiIII", file.read(24))[0] == NANOSECONDS
        while header := file.read(16):
            frames.append(file.read(struct.unpack("<IIII", header)[2]))
    return frames


class Host:
    """One that has its byte order."""

    def __init__(self, order):
        self.order = order

    def pack(self, format, *values):
        return struct.pack(self.order + format, *values)

    def message(self, idx, val, payload=b"", seq=0, ack=0, flags=0, length=None):
        length = len(payload) if length is None else length
        return self.pack("IIIIHH", idx, val, seq, ack, length, flags) + payload

    def netlink(self, payload, kind=DONE, flags=0, seq=0, length=None):
        length = 16 + len(payload) if length is None else length
        return self.pack("IHHII", length, kind, flags, seq, 0) + payload

    def request(self, idx, val, group, counts=None, length=None, flags=0, channel=(ALL, ALL)):
        ranges = b"".join(self.pack("II", *each) for each in idx + val)
        counts = (len(idx), len(val)) if counts is None else counts
        length = len(ranges) if length is None else length
        return self.message(*channel, self.pack("IIII", *counts, group, length) + ranges, flags=flags)

    def event(self, what, *values, cpu=0, size=24):
        body = b"".join(each if isinstance(each, bytes) else self.pack("i", each) for each in values)
        return self.message(1, 1, self.pack("IIQ", what, cpu, 1000) + body.ljust(size, b"\0"), seq=5)


def cooked(payload, protocol=CONNECTOR):
    return struct.pack(">HHH8xH", 4, 824, 0, protocol) + payload


def whole(payload, protocol=CONNECTOR):
    frame = cooked(payload, protocol)
    return frame, len(frame)


def cut(payload, captured):
    frame = cooked(payload)
    return frame[:captured], len(frame)


def wrong():
    little, big = Host("<"), Host(">")
    echo = little.netlink(little.message(20, 1, b"hello", seq=5), seq=5)
    refused = little.pack("i", -22) + echo
    return [
        whole(echo),
        # The other byte order.
        whole(big.netlink(big.message(20, 1, b"hello", seq=5))),
        whole(big.netlink(big.event(1, 12, 12, 13, 13))),
        whole(big.netlink(big.pack("i", -19) + big.netlink(big.message(20, 9)), ERROR, 0x100)),
        # Cut by who captured: in the payload, in each header.
        cut(echo, 16 + 16 + 20 + 2),
        cut(echo, 16 + 16 + 7),
        cut(echo, 16 + 9),
        cut(echo, 16),
        cut(echo, 9),
        cut(little.netlink(refused, ERROR), 16 + 16 + 10),
        # Corrupt lengths of netlink messages.
        whole(little.netlink(little.message(20, 1), length=8)),
        whole(little.netlink(little.message(20, 1), length=400)),
        whole(little.netlink(little.message(20, 1), length=ALL)),
        whole(echo + b"abc" + b"abc"),
        # Corrupt lengths of messages; what follows them.
        whole(little.netlink(little.message(20, 1, b"abc", length=65535))),
        whole(little.netlink(little.message(20, 1, b"abc") + little.message(20, 2, b"", length=1))),
        whole(little.netlink(little.message(20, 1, b"abc") + b"1234567")),
        whole(little.netlink(little.message(20, 1, b"abc") + bytes(77))),
        whole(little.netlink(b"short")),
        whole(little.netlink(b"")),
        # Requests for notification.
        whole(little.netlink(little.message(ALL, ALL, bytes(8)))),
        whole(little.netlink(little.request([(20, 2)], [(0, ALL)], 13, counts=(5, 1)))),
        whole(little.netlink(little.request([], [], 13, counts=(ALL, ALL)))),
        whole(little.netlink(little.request([(20, 2)], [(0, ALL)], 13, length=4))),
        # The same message before a request, and after it.
        whole(little.netlink(little.message(20, 1))),
        whole(little.netlink(little.request([(20, 2), (ALL, 9)], [(1, 1)], 13, flags=1))),
        whole(little.netlink(little.message(20, 1))),
        whole(little.netlink(little.message(21, 1, ack=1))),
        whole(little.netlink(little.message(22, 1))),
        whole(little.netlink(little.message(20, 2))),
        whole(little.netlink(little.message(ALL, 1))),
        whole(little.netlink(little.request([(20, 2), (ALL, 9)], [(1, 1)], 0))),
        # Process events.
        whole(little.netlink(little.message(1, 1, little.pack("I", 7)))),
        whole(little.netlink(little.message(1, 1, little.pack("II", 1, 0x80000801)))),
        whole(little.netlink(little.message(1, 1, b"123456"))),
        whole(little.netlink(little.message(1, 1))),
        whole(little.netlink(little.event(0x10, 1, 2))),
        whole(little.netlink(little.event(1, 12, 12, size=8))),
        whole(little.netlink(little.event(0, 22, cpu=ALL))),
        whole(little.netlink(little.event(0x200, 12, 12, b"sixteen letters."))),
        whole(little.netlink(little.event(0x40000000, 12, 12, 11, 11))),
        whole(little.netlink(little.event(0x80000000, 12, 12, 0x8B, 17, 11, 11))),
        # Answers.
        whole(little.netlink(b"abc", ERROR)),
        whole(little.netlink(refused, ERROR)),
        whole(little.netlink(refused + little.pack("xxxHH", 400, 1), ERROR, 0x200)),
        whole(little.netlink(refused + little.pack("xxxHHIHH", 8, 2, 16, 8, 1) + b"why\0", ERROR, 0x200)),
        whole(little.netlink(refused + little.pack("xxxHH", 4, 2), ERROR, 0x200)),
        whole(little.netlink(little.pack("i", -22) + little.netlink(b"", length=9), ERROR, 0x200)),
        whole(little.netlink(little.pack("i", -22) + little.netlink(b"", length=4000), ERROR, 0x200)),
        whole(little.netlink(b"", NOOP) + little.netlink(b"", OVERRUN)),
        # Somebody else's.
        whole(echo, protocol=0),
        whole(b"", protocol=15),
    ]


def moved():
    host = Host("<")
    return [
        whole(host.netlink(host.request([(20, 2)], [(1, 1)], 13, channel=(7, 8)))),
        whole(host.netlink(host.message(20, 1))),
    ]


def mangle(frames, seed):
    """
    Only frames of the connector, since dissectors of other protocols have errors of their own. Frames of the same
    length have mostly the same form: one of each is enough.
    """
    chance = random.Random(seed)
    family = struct.pack(">H", CONNECTOR)
    forms = list({len(frame): frame for frame in frames if frame[FAMILY] == family}.values())
    result = []
    for frame in forms:
        for length in range(len(frame)):
            result.append((frame[:length], len(frame)))
            result.append((frame[:length], length))
    result = chance.sample(result, min(len(result), MANGLED // 3))
    while len(result) < MANGLED:
        frame = bytearray(chance.choice(forms))
        for _ in range(chance.randint(1, 3)):
            # The headers are what decides.
            offset = chance.randrange(min(len(frame), 16 + 16 + 20 + 40))
            frame[offset] = chance.choice([0, 1, 2, 3, 4, 8, 0x10, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        frame[FAMILY] = family
        result.append((bytes(frame), len(frame)))
    return result


def main(arguments):
    by_hand = {"wrong": wrong, "moved": moved}
    if len(arguments) == 2 and arguments[0] in by_hand:
        write(arguments[1], by_hand[arguments[0]]())
    elif arguments[:1] == ["mangle"] and len(arguments) == 4:
        write(arguments[2], mangle(read(arguments[1]), arguments[3]))
    else:
        sys.exit("usage: " + __doc__.split("\n\n")[1])


main(sys.argv[1:])
