"""A wire between this network namespace and another: two TUN devices and what lies between them.

Arguments: name and namespace of the far device, name of the near one. Commands on standard input,
one a line: `set DELAY_MS LOSS` (one way, and the share of packets that is lost), `cut` (of one
TCP port only, where one is named), `join`. It says `ready` when packets flow. It ends with its
standard input.

Linux has netem for this, but not every kernel is built with it.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000


def device(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def ports(packet):
    """Source and destination of a TCP packet over IPv4."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 6:
        return ()
    return struct.unpack_from("!HH", packet, (packet[0] & 15) * 4)


def main():
    far_name, netns, near_name = sys.argv[1:4]
    far, near = device(far_name), device(near_name)
    subprocess.run(["ip", "link", "set", far_name, "netns", netns], check=True)
    print("ready", flush=True)
    other = {far: near, near: far}
    delay, loss, is_cut, cut_port = 0.0, 0.0, False, None
    waiting = []
    number = 0
    commands = b""
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(to, packet)
            except OSError:
                pass  # the device is down
        pause = max(0.0, waiting[0][0] - now) if waiting else None
        readable, _, _ = select.select([0, far, near], [], [], pause)
        for fd in readable:
            if fd == 0:
                chunk = os.read(0, 4096)
                if not chunk:
                    return
                *lines, commands = (commands + chunk).split(b"\n")
                for line in lines:
                    words = line.decode().split()
                    if words[0] == "set":
                        delay, loss = float(words[1]) / 1000, float(words[2])
                    elif words[0] == "cut" and len(words) > 1:
                        cut_port = int(words[1])
                    elif words[0] == "cut":
                        is_cut = True
                    else:
                        is_cut, cut_port = False, None
                    print("done", flush=True)
                continue
            while True:
                try:
                    packet = os.read(fd, 65536)
                except OSError:
                    break
                # A router's queue has an end too.
                if is_cut or random.random() < loss or len(waiting) > 4000:
                    continue
                if cut_port is not None and cut_port in ports(packet):
                    continue
                number += 1
                heapq.heappush(waiting, (time.monotonic() + delay, number, other[fd], packet))


main()
