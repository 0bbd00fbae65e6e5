// SPDX-License-Identifier: GPL-2.0

//! The command line. Help, completion and the manual pages are made from this description.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use connector_client::{Filter, Id, Range};

use crate::failure::Failure;

/// Inspects and uses the kernel connector.
#[derive(Debug, Parser)]
#[command(name = "cnctl", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    success; also when Ctrl-C ends a command that runs without an end
  1    a system call failed, or a file cannot be read or written
  2    the command line is invalid
  3    there is no connector here, or it lacks the feature
  4    a right is missing
  5    the kernel, or the callback, refused the message
  6    no message, or less than --count, arrived in time
  130  Ctrl-C while a message was awaited";

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the registered callbacks
    List(List),
    /// Send a message
    Send(Send),
    /// Show the messages to groups
    Listen(Listen),
    /// Show which ids are registered and unregistered
    Watch(Watch),
    /// Show process events
    Proc(Proc),
    /// Show the counters of the connector
    Stats(Stats),
    /// Show the features of this kernel and your rights, with advice
    Doctor,
    /// Print the completion for a shell
    Completion(Completion),
    /// Write the manual pages into a folder
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only callbacks with this idx
    #[arg(long, value_name = "IDX", value_parser = number)]
    pub(crate) idx: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The id of the callback, like 20:1
    #[arg(allow_hyphen_values = true)]
    pub(crate) id: Id,
    /// The payload as text
    #[arg(conflicts_with_all = ["hex", "file"])]
    pub(crate) text: Option<String>,
    /// The payload as hexadecimal digits
    #[arg(long, value_name = "DIGITS", conflicts_with = "file")]
    pub(crate) hex: Option<String>,
    /// The file with the payload; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Wait for the kernel's acknowledgement
    #[arg(long, conflicts_with = "reply")]
    pub(crate) ack: bool,
    /// Wait for a reply, and show it
    #[arg(long)]
    pub(crate) reply: bool,
    /// Expect the reply in this group
    #[arg(long, value_name = "GROUP", requires = "reply", value_parser = number)]
    pub(crate) reply_group: Option<u32>,
    /// The flags of the message
    #[arg(long, default_value_t = 0)]
    pub(crate) flags: u16,
    /// The number of seconds to wait
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Shown {
    /// The form of payloads
    #[arg(long, value_name = "FORM", default_value = "both")]
    pub(crate) payload: Payload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// Hexadecimal digits, and the text if there is any
    Both,
    Hex,
    Text,
    /// Nothing
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stamp {
    /// Seconds since the start
    Since,
    /// Time of the day, UTC
    Clock,
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Until {
    /// End after this number of lines
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// End when no line was shown for this number of seconds; with --count, that is a failure
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

impl Until {
    /// The result when the time-out is over and `missing` lines of the count are missing.
    pub(crate) fn end(&self, missing: u64) -> Result<(), Failure> {
        match self.count {
            Some(_) if missing > 0 => Err(Failure::TooFew),
            _ => Ok(()),
        }
    }

    pub(crate) fn silence(&self) -> Silence {
        Silence {
            limit: self.timeout,
            since: Instant::now(),
            ended: false,
        }
    }
}

/// Measures for how long no line was shown.
pub(crate) struct Silence {
    limit: Option<Duration>,
    since: Instant,
    /// Whether a line was shown since the clock was last read.
    ended: bool,
}

impl Silence {
    pub(crate) fn ends(&mut self) {
        self.ended = true;
    }

    /// The time that is left; [`None`] without a limit.
    pub(crate) fn left(&mut self) -> Option<Duration> {
        let limit = self.limit?;
        if std::mem::take(&mut self.ended) {
            self.since = Instant::now();
        }
        Some(limit.saturating_sub(self.since.elapsed()))
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    /// Write all datagrams to a capture for Wireshark; - is standard output, and suppresses the lines
    #[arg(long = "write", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The groups; the group of a callback is the idx of its id
    #[arg(required = true, value_parser = number)]
    pub(crate) groups: Vec<u32>,
    /// Show only messages of this id
    #[arg(long)]
    pub(crate) id: Option<Id>,
    /// The form of time stamps
    #[arg(long, value_name = "KIND", default_value = "since")]
    pub(crate) time: Stamp,
    /// The size of the receive buffer
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    pub(crate) buffer: usize,
    #[command(flatten)]
    pub(crate) shown: Shown,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) until: Until,
}

/// A range for each half of an id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdRange {
    pub(crate) idx: Range,
    pub(crate) val: Range,
}

impl std::str::FromStr for IdRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (idx, val) = text.split_once(':').unwrap_or((text, "*"));
        Ok(Self {
            idx: idx.parse()?,
            val: val.parse()?,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The ids: IDX or IDX:VAL, each a number, a range like 20-29, or *
    #[arg(value_name = "RANGE", default_value = "*:*")]
    pub(crate) ranges: Vec<IdRange>,
    /// The group for the events; by default one that no other socket is in
    #[arg(long, value_parser = number)]
    pub(crate) group: Option<u32>,
    /// Do not show the ids that are registered already
    #[arg(long)]
    pub(crate) no_snapshot: bool,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) until: Until,
}

#[derive(Debug, Args)]
pub(crate) struct Proc {
    /// The kinds: all fork exec uid gid sid ptrace comm nonzero-exit coredump exit
    #[arg(value_name = "KIND", default_value = "all")]
    pub(crate) kinds: Vec<Filter>,
    /// Show only events of this process
    #[arg(long)]
    pub(crate) pid: Option<i32>,
    /// Show counts instead of events, once a second
    #[arg(long)]
    pub(crate) live: bool,
    /// The size of the receive buffer
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20)]
    pub(crate) buffer: usize,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) until: Until,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Show the counters once a second, with the increase
    #[arg(long)]
    pub(crate) live: bool,
    /// Show counters that are 0, too
    #[arg(long)]
    pub(crate) all: bool,
    /// With --live: end after showing them this number of times
    #[arg(long, value_name = "NUMBER", requires = "live")]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder
    pub(crate) folder: PathBuf,
}

/// Parses a number as in an id.
fn number(text: &str) -> Result<u32, String> {
    format!("{text}:0")
        .parse()
        .map(|id: Id| id.idx)
        .map_err(|_| "a number is needed, like 20 or 0x14".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "a number of seconds is needed, like 5 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn description_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn numbers_are_those_of_ids() {
        assert_eq!(number("0x14"), Ok(20));
        assert_eq!(number("-1"), Ok(u32::MAX));
        assert!(number("20:1").is_err());
        assert!(number("+20").is_err());
    }

    #[test]
    fn silence_is_what_was_not_shown() {
        let until = |timeout| Until {
            count: None,
            timeout,
        };
        assert!(!until(None).silence().is_over());
        assert!(until(Some(Duration::ZERO)).silence().is_over());
        let mut silence = until(Some(Duration::from_millis(50))).silence();
        std::thread::sleep(Duration::from_millis(60));
        assert!(silence.is_over());
        silence.ends();
        assert!(!silence.is_over());
    }

    #[test]
    fn one_payload_only() {
        for arguments in [
            ["send", "20:1", "a", "--hex=00"],
            ["send", "20:1", "--file=-", "--hex=00"],
        ] {
            assert!(Arguments::try_parse_from(["cnctl"].into_iter().chain(arguments)).is_err());
        }
    }

    #[test]
    fn the_channel_by_its_short_name() {
        let parsed = Arguments::try_parse_from(["cnctl", "send", "-1:-1", "text"]).unwrap();
        let Command::Send(send) = parsed.command else {
            panic!("{parsed:?}");
        };
        assert_eq!(send.id, Id::new(u32::MAX, u32::MAX));
    }

    #[test]
    fn ranges_of_ids() {
        let range: IdRange = "20-29:7".parse().unwrap();
        assert!(range.idx.contains(29) && range.val.contains(7) && !range.val.contains(8));
        assert!("20".parse::<IdRange>().unwrap().val.contains(0));
        assert!("20:x".parse::<IdRange>().is_err());
    }
}
