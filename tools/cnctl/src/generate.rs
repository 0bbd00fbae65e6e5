// SPDX-License-Identifier: GPL-2.0

//! Completion and manual pages, made from the description of the arguments.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completion, Man};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn completion(options: &Completion, out: &mut Output) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "cnctl", &mut text);
    out.bytes(&text)
}

pub(crate) fn manual(options: &Man) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), &options.folder).map_err(|error| Failure::File {
        name: options.folder.display().to_string(),
        error,
    })
}
