"""A wire between this network namespace and another: two TUN devices and what lies between them.

Arguments: name and namespace of the far device, name of the near one. Commands on standard input,
one a line: `set DELAY_MS LOSS` (one way, and the share of packets that is lost), `cut`, `join`.
It says `ready` when packets flow. It ends with its standard input.

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


def main():
    far_name, netns, near_name = sys.argv[1:4]
    far, near = device(far_name), device(near_name)
    subprocess.run(["ip", "link", "set", far_name, "netns", netns], check=True)
    print("ready", flush=True)
    other = {far: near, near: far}
    delay, loss, is_cut = 0.0, 0.0, False
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
                    is_cut = words[0] == "cut" or (is_cut and words[0] != "join")
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
                number += 1
                heapq.heappush(waiting, (time.monotonic() + delay, number, other[fd], packet))


main()
