// SPDX-License-Identifier: GPL-2.0

//! Counts the datagrams that a socket has lost.
//!
//! The kernel reports a full receive buffer once, with `ENOBUFS`. It reports the next one only after the buffer was empty. A
//! file has the number of dropped datagrams. So the file is read twice for each full buffer: at `ENOBUFS`, and when the buffer
//! is empty. In between, `ENOBUFS` does not report further drops; afterwards, it does.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// The netlink protocol of the connector, as the file writes it.
const PROTOCOL: &str = "11";

/// The drops of one socket.
#[derive(Debug)]
pub(crate) struct Drops {
    port: u32,
    /// The value of the counter when it was last read.
    seen: u32,
    /// `ENOBUFS` was reported, and the buffer has not been empty since.
    overrun: bool,
    /// The number of all reported drops.
    total: u64,
}

impl Drops {
    pub(crate) fn of_port(port: u32) -> Self {
        Self {
            port,
            seen: 0,
            overrun: false,
            total: 0,
        }
    }

    /// To be called at `ENOBUFS`. Returns the number of new drops, `Some(None)` if it is unknown, or `None` if all drops were
    /// reported before.
    pub(crate) fn overrun(&mut self) -> Option<Option<u64>> {
        self.overrun = true;
        self.news(counter_of(self.port))
    }

    /// To be called when the buffer is empty. Returns the number of drops since `ENOBUFS`, as [`Drops::overrun`] does.
    pub(crate) fn empty(&mut self) -> Option<Option<u64>> {
        if !std::mem::take(&mut self.overrun) {
            return None;
        }
        // Without the file, `overrun` has reported an unknown number.
        counter_of(self.port).and_then(|counter| self.news(Some(counter)))
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    fn news(&mut self, counter: Option<u32>) -> Option<Option<u64>> {
        let Some(counter) = counter else {
            return Some(None);
        };
        // The kernel's counter has 32 bits and wraps around.
        let new = u64::from(counter.wrapping_sub(std::mem::replace(&mut self.seen, counter)));
        self.total += new;
        (new > 0).then_some(Some(new))
    }
}

fn counter_of(port: u32) -> Option<u32> {
    let file = File::open("/proc/thread-self/net/netlink")
        .or_else(|_| File::open("/proc/net/netlink"))
        .ok()?;
    find_counter(BufReader::new(file), port)
}

/// Finds columns by their titles.
fn find_counter(file: impl BufRead, port: u32) -> Option<u32> {
    let mut lines = file.lines().map_while(Result::ok);
    let title = lines.next()?;
    let column = |name: &str| title.split_whitespace().position(|word| word == name);
    let (protocol_at, port_at, drops_at) = (column("Eth")?, column("Pid")?, column("Drops")?);
    lines.find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let ours = *words.get(protocol_at)? == PROTOCOL && words.get(port_at)?.parse() == Ok(port);
        ours.then(|| words.get(drops_at)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   1          00000000 0        0        0     2        3        11
0000000000000000 11  7          00080000 0        0        0     2        4294967295 12
0000000000000000 11  0          00000000 0        0        0     2        0        13
";

    #[test]
    fn counter_is_that_of_port_and_protocol() {
        assert_eq!(find_counter(FILE.as_bytes(), 7), Some(u32::MAX));
        assert_eq!(find_counter(FILE.as_bytes(), 1), None);
        assert_eq!(find_counter("".as_bytes(), 1), None);
        assert_eq!(find_counter("a b c\n1 2 3\n".as_bytes(), 1), None);
    }

    #[test]
    fn counter_may_wrap() {
        let mut drops = Drops {
            seen: u32::MAX - 1,
            ..Drops::of_port(7)
        };
        assert_eq!(drops.news(Some(1)), Some(Some(3)));
        assert_eq!(drops.news(Some(1)), None);
        assert_eq!(drops.news(None), Some(None));
        assert_eq!(drops.total(), 3);
    }

    #[test]
    fn an_empty_buffer_reports_nothing_without_an_overrun() {
        assert_eq!(Drops::of_port(7).empty(), None);
    }
}
