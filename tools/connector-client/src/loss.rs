// SPDX-License-Identifier: GPL-2.0

//! How many datagrams a socket has missed.
//!
//! The kernel says that a receive buffer was full once, with `ENOBUFS`, and then no more until the buffer was read
//! empty; how many it dropped is in a file. So the file is read twice for each time that the buffer was full: when it
//! is said, and when the buffer is empty. In between nothing else tells of a drop, and afterwards `ENOBUFS` does.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// The netlink protocol of the connector, as the file shows it.
const PROTOCOL: &str = "11";

/// What was dropped for one socket.
#[derive(Debug)]
pub(crate) struct Drops {
    port: u32,
    /// The counter when it was last read.
    seen: u32,
    /// `ENOBUFS` was said, and the buffer has not been empty since.
    overrun: bool,
    /// All that was told.
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

    /// `ENOBUFS` was said: how many are gone, if that can be known. None at all have been told already.
    pub(crate) fn overrun(&mut self) -> Option<Option<u64>> {
        self.overrun = true;
        self.news(counter_of(self.port))
    }

    /// The buffer is empty: as above, for what went since.
    pub(crate) fn empty(&mut self) -> Option<Option<u64>> {
        if !std::mem::take(&mut self.overrun) {
            return None;
        }
        // Without the file it was said that the number is unknown.
        counter_of(self.port).and_then(|counter| self.news(Some(counter)))
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    fn news(&mut self, counter: Option<u32>) -> Option<Option<u64>> {
        let Some(counter) = counter else {
            return Some(None);
        };
        // The kernel's counter has 32 bits and wraps.
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

/// The column is found by its title.
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
    fn an_empty_buffer_tells_nothing_without_an_overrun() {
        assert_eq!(Drops::of_port(7).empty(), None);
    }
}
