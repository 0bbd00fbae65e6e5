# SPDX-License-Identifier: GPL-2.0
"""Prints the process events from the library pyroute2, a line each, in the format of work.c."""

from pyroute2 import ProcEventSocket
from pyroute2.netlink.connector import cn_proc

# The kernel reports the real and the effective id of both kinds. The library has other names for them.
LINES = {
    cn_proc.PROC_EVENT_FORK: 'fork {parent_tgid} {child_pid}',
    cn_proc.PROC_EVENT_EXEC: 'exec {process_pid}',
    cn_proc.PROC_EVENT_COMM: 'comm {process_pid} {comm}',
    cn_proc.PROC_EVENT_UID: 'uid {process_pid} {ruid} {rgid}',
    cn_proc.PROC_EVENT_GID: 'gid {process_pid} {euid} {egid}',
    cn_proc.PROC_EVENT_SID: 'sid {process_pid}',
    cn_proc.PROC_EVENT_PTRACE: 'ptrace {process_pid} {tracer_pid}',
    cn_proc.PROC_EVENT_EXIT: 'exit {process_pid} {exit_code}',
}

with ProcEventSocket() as events:
    events.bind()
    events.control(listen=True)
    while True:
        for event in events.get():
            if event['what'] in LINES:
                print(LINES[event['what']].format_map(event), flush=True)
