// SPDX-License-Identifier: GPL-2.0

//! How the program fails: a sentence, advice, and the exit code.

use std::fmt;
use std::io;

use connector_client::Error;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The connector, or the crate.
    Connector(Error),
    /// What was given makes no sense.
    Usage(String),
    /// A file.
    File { name: String, error: io::Error },
    /// A file, while it was written.
    Capture { name: String, error: io::Error },
    /// Nobody reads what we write.
    OutputClosed,
    /// What doctor has found.
    NotUsable,
    /// Less has come than was asked for.
    TooFew,
}

impl Failure {
    /// See `EXIT_CODES` of the arguments.
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
            Self::Capture { error, .. } if error.kind() == io::ErrorKind::StorageFull => Some(
                "What was written before is a whole capture. Make room, or name a file elsewhere.",
            ),
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
            Self::OutputClosed => f.write_str("nobody reads the output"),
            Self::NotUsable => f.write_str("the connector cannot be used from here"),
            Self::TooFew => f.write_str("nothing more has come in time"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Connector(error)
    }
}

/// Of standard output.
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
