// SPDX-License-Identifier: GPL-2.0

//! Failures of the program: a sentence, advice, and the exit code.

use std::fmt;
use std::io;

use connector_client::Error;

#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the client crate.
    Connector(Error),
    /// An invalid argument.
    Usage(String),
    /// An error of a file.
    File { name: String, error: io::Error },
    /// An error while the capture was written.
    Capture { name: String, error: io::Error },
    /// Standard output was closed.
    OutputClosed,
    /// `doctor` found an unusable connector.
    NotUsable,
    /// Fewer lines than `--count` were shown.
    TooFew,
}

impl Failure {
    /// The exit code; see `EXIT_CODES` of the arguments.
    pub(crate) fn code(&self) -> u8 {
        const EPERM: i32 = 1;
        match self {
            Self::OutputClosed => 0,
            Self::Usage(_) => 2,
            Self::NotUsable => 3,
            Self::TooFew => 6,
            Self::File { .. } | Self::Capture { .. } => 1,
            Self::Connector(error) => match error {
                Error::NoConnector | Error::OtherNamespace | Error::NotOffered { .. } => 3,
                Error::NoRightToJoin { .. } | Error::NoRight { .. } => 4,
                Error::Refused(refusal) if refusal.errno == EPERM => 4,
                Error::Refused(_) => 5,
                Error::TimedOut { .. } => 6,
                Error::PayloadTooLong(_) | Error::NoSuchGroup { .. } => 2,
                Error::Stopped => 130,
                _ => 1,
            },
        }
    }

    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Connector(error) => error.advice(),
            Self::Capture { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                Some("The file is a valid capture up to here. Make room, or name a file elsewhere.")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector(error) => error.fmt(f),
            Self::Usage(text) => f.write_str(text),
            Self::File { name, error } => write!(f, "{name}: {error}"),
            Self::Capture { name, error } => write!(f, "cannot write {name}: {error}"),
            Self::OutputClosed => f.write_str("standard output was closed"),
            Self::NotUsable => f.write_str("the connector cannot be used from here"),
            Self::TooFew => f.write_str("no further message arrived in time"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Connector(error)
    }
}

/// Converts errors of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::File {
                name: "standard output".to_owned(),
                error,
            }
        }
    }
}
